"""JSON Schema (draft 2020-12) of what `bench.core.schema` builds, so that an editor refuses what the program refuses.

A field's annotation gives its type, its range or its choices, and the dataclass its default. What a field is for is
told by the sentences of the docstring that have its name in backquotes.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from bench.core.schema import Matching, Range, fields_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Node = dict[str, Any]
"""A schema, or a part of one."""

NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
"""A number as text, which `convert` takes too, as YAML 1.1 reads `1e-3` so; its range is left to the program."""

INTERPOLATION = r"\$\{"

SCALARS: Mapping[Any, Node] = types.MappingProxyType(
    {
        int: {"type": "integer"},
        float: {"type": ["number", "string"], "pattern": NUMBER},
        str: {"type": "string"},
        bool: {"type": "boolean"},
        Any: {},
        object: {},
    }
)


def schema_of(kind: Any) -> Node:
    """Return the schema of what `bench.core.schema.convert` takes for an annotation."""
    if kind in SCALARS:
        return dict(SCALARS[kind])
    if dataclasses.is_dataclass(kind):
        return object_of(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return {**schema_of(args[0]), **_bounds(args[1])}
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return _of_several(args)
    if origin is tuple:
        return {"type": "array", "items": schema_of(args[0])}
    return {"type": "object", "additionalProperties": schema_of(args[1])}


def object_of(cls: Any, *, required: bool = True) -> Node:
    """Return the schema of a mapping that `build` takes, or of one that sets some of its keys."""
    told, kinds = sentences(cls), fields_of(cls)
    fields = [field for field in dataclasses.fields(cls) if field.name in kinds]
    needed = [field.name for field in fields if _is_required(field)] if required else []
    return {
        "description": _text(cls),
        "type": "object",
        "properties": {field.name: _property(kinds[field.name], field, told.get(field.name, "")) for field in fields},
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def sentences(cls: Any) -> Mapping[str, str]:
    """Return what the docstrings of a dataclass say of its fields, and of a field of one choice what the class is."""
    parts = re.split(r"(?<=\.) (?=[A-Z`])|(?<=;) (?=`)", " ".join(map(_text, _bases(cls))))
    told = {}
    for name, kind in fields_of(cls).items():
        about = " ".join(re.sub(";$", ".", part) for part in parts if f"`{name}`" in part)
        is_only_choice = get_origin(kind) is Literal and len(get_args(kind)) == 1
        if about or is_only_choice:
            told[name] = about or parts[0]
    return told


def nullable(node: Node) -> Node:
    """Return a schema that admits null too."""
    if "type" in node:
        return {**node, "type": list(dict.fromkeys([*_types(node), "null"]))}
    if "enum" in node:
        return {**node, "enum": [*node["enum"], None]}
    return {**node, "anyOf": [*node["anyOf"], {"type": "null"}]} if "anyOf" in node else node


def interpolated(node: Node) -> Node:
    """Return a schema that admits text with `${` wherever it has a value."""
    text = {"type": "string", "pattern": INTERPOLATION}
    found = dict(node)
    for key in found.keys() & {"properties", "patternProperties", "$defs"}:
        found[key] = {name: interpolated(each) for name, each in node[key].items()}
    for key in found.keys() & {"anyOf", "allOf"}:
        found[key] = [interpolated(each) for each in node[key]]
    for key in found.keys() & {"items", "additionalProperties", "then", "else"}:
        found[key] = interpolated(node[key]) if isinstance(node[key], dict) else node[key]
    if "type" in node:
        return {**found, **_text_too(node)}
    if "enum" in found:
        return {"anyOf": [{"enum": found.pop("enum")}, text], **found}
    return {**found, "anyOf": [*found["anyOf"], text]} if "anyOf" in node else found


def _text_too(node: Node) -> Node:
    """Return the type and the pattern of a value that may be an interpolation instead."""
    kinds = _types(node)
    if "string" not in kinds:
        return {"type": [*kinds, "string"], "pattern": INTERPOLATION}
    return {"pattern": f"{node['pattern']}|{INTERPOLATION}"} if "pattern" in node else {}


def _property(kind: Any, field: dataclasses.Field[Any], about: str) -> Node:
    node, default = schema_of(kind), field.default
    if about:
        node["description"] = about
    if default is not dataclasses.MISSING:
        node["default"] = list(default) if isinstance(default, tuple) else default
    return node


def _of_several(kinds: Sequence[Any]) -> Node:
    """Return the schema of what may be null, or of one of several dataclasses, whose `name` may stand elsewhere."""
    if all(dataclasses.is_dataclass(kind) for kind in kinds):
        about = [f"{get_args(fields_of(kind)['name'])[0]}: {sentences(kind)['name']}" for kind in kinds]
        return {"description": "\n".join(about), "anyOf": [object_of(kind) for kind in kinds]}
    (inner,) = (kind for kind in kinds if kind is not type(None))
    return nullable(schema_of(inner))


def _bounds(bounds: Range | Matching) -> Node:
    if isinstance(bounds, Matching):
        return {"pattern": f"^(?:{bounds.pattern})$"}
    low = {"exclusiveMinimum" if bounds.open_low else "minimum": bounds.low} if bounds.low > -math.inf else {}
    return low | ({"maximum": bounds.high} if bounds.high < math.inf else {})


def _types(node: Node) -> list[str]:
    return [node["type"]] if isinstance(node["type"], str) else list(node["type"])


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _bases(cls: Any) -> list[Any]:
    return [base for base in cls.__mro__ if dataclasses.is_dataclass(base)]


def _text(cls: Any) -> str:
    return " ".join((cls.__doc__ or "").split())  # none with -OO
