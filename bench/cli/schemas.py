"""The JSON Schemas of the YAML files that a user writes, made of the annotations of what reads them.

What is no matter of one key (two settings that exclude each other, an equation) is left to the program's own checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bench.cli.config import GROUPS, SECTIONS, TASK_MAY_SET, legal_keys
from bench.core.cell_words import DEFINING, RESERVED, FieldWords, cell_words, field_values, shipped
from bench.core.json_schema import DIALECT, Node, interpolated, nullable, object_of, schema_of, sentences
from bench.core.schema import fields_of
from bench.core.settings import Command
from bench.core.settings.search_space import Dimension
from bench.core.yaml_files import CHOICE, COMMAND_LINE_ONLY, comments, conf_dir

SCALAR: Node = {"type": ["number", "boolean", "string"]}
"""A field of a cell, of which only the cell's file says more."""

NOT_NULL = ("task", "cell", "size", *SECTIONS)
"""Sections that must be there; any other setting that is null has its default."""


def schema(name: str) -> Node:
    """Return the schema of a kind of file."""
    return {"$schema": DIALECT, "title": f"gatebench: {name}", **SCHEMAS[name]()}


def _task() -> Node:
    from bench.tasks.spec import SPECS, TaskSpec

    kinds = {kind: _task_of(kind, spec) for kind, spec in SPECS.items()}
    return _by_kind(kinds, sentences(TaskSpec)["kind"])


def _task_of(kind: str, spec: type) -> Node:
    node = object_of(spec)
    properties = {**node["properties"], **_inside_a_task()}
    properties["kind"] = {"const": kind, "description": node["description"].partition(". ")[0]}
    return _named_by_its_file({**node, "properties": properties})


def _inside_a_task() -> Node:
    """Return what stands in a task's `sources` and `settings`."""
    from bench.tasks.source_spec import SOURCE_KINDS
    from bench.tasks.spec import TaskSpec

    about, known = sentences(TaskSpec), comments(conf_dir() / "config.yaml")
    source = _by_kind({kind: object_of(each) for kind, each in SOURCE_KINDS.items()}, about["sources"], default="local")
    settings = {name: _described(schema_of(fields_of(Command)[name]), name, known) for name in TASK_MAY_SET}
    return {
        "sources": {"description": about["sources"], "type": "array", "items": source},
        "settings": nullable(_mapping(about["settings"], settings)),
    }


def _cell() -> Node:
    """Return the schema of a cell: its equations, or a shipped kind of which it may set fields and looks."""
    files = {str(each.get("kind", each["name"])): each for each in shipped().values() if "equations" in each}
    kinds = {kind: _fields_of_kind(files[kind]) for kind in sorted(files)}
    node = _keys_of_a_cell()
    own = [key for key in node.pop("required") if key not in ("name", "kind")]
    of_kind = _by_kind(kinds, node["properties"]["kind"]["description"])
    return {**node, "if": {"required": ["equations"]}, "then": {"required": own}, "else": of_kind}


def _keys_of_a_cell(*, required: bool = True) -> Node:
    """Return the keys that any cell may have; its fields are all others."""
    from bench.cells.keys import CellFile

    node = object_of(CellFile, required=required)
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    words = {"type": "array", "items": {"type": "string"}}
    starts = {r"^b\..": {"type": ["number", "string"]}, r"^U\..": {"const": "identity"}}
    node["properties"]["fields"]["additionalProperties"] = {"anyOf": [object_of(FieldWords), numbers, words]}
    node["properties"]["start"] |= {"patternProperties": starts, "additionalProperties": False}
    return {**node, "additionalProperties": SCALAR}


def _fields_of_kind(file: Mapping[str, Any]) -> Node:
    from bench.cells.keys import kind_of

    words, fields = cell_words(file), {}
    for name, value in field_values(file).items():
        allowed = words.fields.get(name, FieldWords())
        about = "; ".join([words.field(name), *allowed.means.values()])
        fields[name] = {**schema_of(kind_of(allowed, value)), "description": about, "default": value}
    keys = [key for key in RESERVED if key not in DEFINING]
    return {"properties": fields, "propertyNames": {"enum": [*keys, *fields]}}


def _claim() -> Node:
    from bench.claims.claim import Claim

    return _named_by_its_file(object_of(Claim))


def _space() -> Node:
    """Return the schema of a whole space."""
    needed = {"number": {"anyOf": [{"required": ["low", "high"]}, {"required": ["choices"]}]}}
    parts = {name: {**node, **needed.get(name, {"required": ["choices"]})} for name, node in _dimensions().items()}
    return {**_part_of_a_space(), "$defs": parts}


def _part_of_a_space() -> Node:
    """Return the schema of a space, nested as the settings are."""
    known, kinds = comments(conf_dir() / "config.yaml"), fields_of(Command)
    names = (*TASK_MAY_SET, "size")
    found = {name: _searched(_described(schema_of(kinds[name]), name, known)) for name in names}
    of_others = {"type": "object", "additionalProperties": {"$ref": "#/$defs/number"}}
    found |= {name: nullable({**of_others, "description": f"Fields of the {name}."}) for name in ("task", "cell")}
    return _mapping("The settings that a study varies, nested as the settings are.", found)


def _dimensions() -> Node:
    """Return what a number, and any other setting, may be in a space; at null it is not searched."""
    node = object_of(Dimension)
    choice = _mapping(node["description"], {"choices": node["properties"]["choices"]})
    return {"number": nullable(node), "choice": nullable(choice)}


def _searched(node: Node) -> Node:
    """Return what a setting, or a section of them, may be in a space."""
    if "properties" in node:
        inner = {key: _searched(each) for key, each in node["properties"].items()}
        return nullable(_mapping(node["description"], inner))
    value = {key: each for key, each in node.items() if key not in ("description", "default")}
    bounds = {key: each for key, each in value.items() if key in ("minimum", "exclusiveMinimum", "maximum")}
    ends = dict.fromkeys(("low", "high"), bounds) if bounds else {}
    kind = "number" if bounds else "choice"
    found = {"$ref": f"#/$defs/{kind}", "properties": {**ends, "choices": {"items": value}}}
    return {"description": node.get("description", ""), **found}


def _experiment() -> Node:
    """Return the schema of a file that sets settings, chooses files of config groups and says what is swept."""
    known = comments(conf_dir() / "config.yaml")
    node = object_of(Command, required=False)
    own = {"task": _changes_of_a_task(), "cell": _keys_of_a_cell(required=False), "space": _part_of_a_space()}
    properties = {key: _setting(key, own.get(key, each), known) for key, each in node["properties"].items()}
    whole = _mapping("Settings, choices of config groups, and what is swept over.", properties)
    found = interpolated({**whole, "$defs": _dimensions()})
    found["properties"] |= {"defaults": _defaults(), "hydra": _sweep(properties)}
    found["$defs"]["values"] = {"type": ["string", "number", "boolean"], "pattern": "^[^${]*$"}
    return found


def _setting(key: str, node: Node, known: Mapping[str, str]) -> Node:
    node = _described(node, key, known)
    if "properties" in node:
        inner = {name: each for name, each in node["properties"].items() if name not in COMMAND_LINE_ONLY}
        if key in SECTIONS:
            inner = {name: nullable(each) for name, each in inner.items()}
        node = {**node, "properties": inner}
    return node if key in NOT_NULL else nullable(node)


def _changes_of_a_task() -> Node:
    from bench.tasks.spec import SPECS

    nodes = [object_of(spec) for spec in SPECS.values()]
    properties = {key: each for node in nodes for key, each in node["properties"].items()}
    properties["kind"] = {**properties["kind"], "enum": list(SPECS)}
    return _mapping("Fields of the task that is chosen.", properties | _inside_a_task())


def _defaults() -> Node:
    choice = {"type": ["string", "null"], "pattern": f"^(?:{CHOICE})$"}
    groups = f"^(optional +)?(override +)?/?({'|'.join(GROUPS)})$"
    chosen = {"type": "object", "patternProperties": {groups: choice}, "additionalProperties": False}
    about = "Experiments that this one goes on from, and choices of config groups, such as `override /size: params`."
    return {"description": about, "type": "array", "items": {"anyOf": [choice, chosen]}}


def _sweep(settings: Mapping[str, Node]) -> Node:
    """Return the schema of `hydra.sweeper.params`, a text of values for each key that is swept over."""
    keys = [key for key in sorted(legal_keys()) if key.rpartition(".")[2] not in COMMAND_LINE_ONLY]
    found = {key: {"$ref": "#/$defs/values", "description": _about(key, settings)} for key in keys}
    others = {r"^(cell|space|let)[./]\w|^\+{1,2}\w": {"$ref": "#/$defs/values"}}
    params = _mapping("Values of each setting, with commas between them, or as range(...).", found)
    params["patternProperties"] = others
    return _mapping("What is swept over.", {"sweeper": _mapping("The sweep.", {"params": params})})


def _about(key: str, settings: Mapping[str, Node]) -> str:
    """Return the description of a setting at a path."""
    if key in GROUPS:
        return f"Names of files of the config group {key}."
    node: Node = {"properties": settings}
    for name in key.split("."):
        ways = [node, *node.get("anyOf", [])]
        node = next(way["properties"][name] for way in ways if name in way.get("properties", {}))
    return str(node.get("description", ""))


def _described(node: Node, path: str, known: Mapping[str, str]) -> Node:
    """Return a schema with what comments say of each setting."""
    if "properties" in node:
        inner = {key: _described(each, f"{path}.{key}".lstrip("."), known) for key, each in node["properties"].items()}
        return {**node, "properties": inner}
    if "anyOf" in node and "enum" not in node:
        return {**node, "anyOf": [_described(each, "", _comments_of(path, each)) for each in node["anyOf"]]}
    return {**node, "description": known[path]} if path in known else node


def _comments_of(path: str, node: Node) -> Mapping[str, str]:
    (name,) = node["properties"]["name"]["enum"]
    return comments(conf_dir() / path.replace(".", "/") / f"{name}.yaml")


def _by_kind(kinds: Mapping[str, Node], about: str, default: str | None = None) -> Node:
    """Return the schema of a mapping whose `kind` says which of several it is."""
    given: Node = {"required": ["kind"]}
    ways = []
    for kind, node in kinds.items():
        is_named = {"properties": {"kind": {"const": kind}}, **({} if kind == default else given)}
        ways.append({"if": is_named, "then": node})
    named = {"description": about, "enum": list(kinds), **({"default": default} if default else {})}
    return {"type": "object", "properties": {"kind": named}, "allOf": ways, **({} if default else given)}


def _named_by_its_file(node: Node) -> Node:
    return {**node, "required": [key for key in node["required"] if key != "name"]}


def _mapping(about: str, properties: Node) -> Node:
    return {"description": about, "type": "object", "properties": properties, "additionalProperties": False}


SCHEMAS: Mapping[str, Callable[[], Node]] = MappingProxyType(
    {"task": _task, "cell": _cell, "space": _space, "claim": _claim, "experiment": _experiment}
)
"""What a file must be like, by the kind of file."""
