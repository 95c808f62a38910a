"""A cell's definition: the YAML of `conf/cell/` or of the user's `./cell/`, checked, and what it says of the weights.

A file either holds equations, or names by its `kind` the shipped cell whose equations it takes. Every key that has no
meaning of its own is a field of the cell, with its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from bench.cells.base import Biases
from bench.cells.cell import Cell
from bench.cells.equations import NAMESPACES, Program, Value, mentioned, program_of
from bench.cells.expressions import FUNCTIONS
from bench.cells.starts import Start, start_of
from bench.core.digest import digest_of
from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import Matching, Range, convert
from bench.core.yaml_files import conf_dir, load

WORDS = ("title", "source")
DEFINING = ("states", "start", "fields", "equations")
"""Keys of a file that holds equations."""

RESERVED = ("name", "kind", "biases", *WORDS, *DEFINING)

ORIGINAL: Mapping[str, str] = MappingProxyType(
    {"tanh": "e7cfb253a14e34ca", "gru": "05ebfff02faa079d", "lstm": "9c705f5eddbd1e8b"}
)
"""Digests of the definitions of the first records, whose cells were recorded by their kind and fields alone."""

NAME = Matching(r"[a-z][a-z0-9_]{0,39}", "lower-case letters, digits and _, at most 40, the first a letter")
TEXT = Matching(r"(?s).{1,1500}", "between 1 and 1,500 characters")
MOST_STATES = 8
LARGEST = 1e6
"""Of a field without a range."""


def cell_of(node: Mapping[str, Any], where: str = "cell") -> Cell:
    """Return the cell of a node, as its YAML or a record has it. Raises ConfigError."""
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping, got {node!r}")
    name = convert(str, node.get("name"), f"{where}.name")
    kind = convert(str, node.get("kind", name), f"{where}.kind")
    definition = node
    if "equations" not in node:
        definition = _shipped_kind(kind, where)
        for key in node:
            if key in DEFINING or (key not in RESERVED and key not in definition):
                legal = [each for each in definition if each not in (*WORDS, *DEFINING)]
                raise ConfigError(f"{where}.{key}", f"unknown key; {did_you_mean(str(key), legal)}")
    return _cell(name, kind, {**definition, **node}, where)


def _cell(name: str, kind: str, node: Mapping[str, Any], where: str) -> Cell:
    for key, what in (("name", name), ("kind", kind)):
        if not NAME.admits(what):
            raise ConfigError(f"{where}.{key}", f"must be {NAME}, got {what!r}")
    for key in ("title", "source", "states", "equations"):
        if key not in node:
            raise ConfigError(f"{where}.{key}", "is required; got none")
    biases = node.get("biases", "double")
    fields = dict(_fields(node, where))
    states = _states(node["states"], f"{where}.states")
    equations = convert(str, node["equations"], f"{where}.equations")
    program = program_of(equations, states, fields, f"{where}.equations")
    start = _starts(node.get("start", {}), fields, f"{where}.start")
    for each in start:
        _check_gate(each, program, equations, f"{where}.start.{each.target}")
    return Cell(
        name=name,
        kind=kind,
        title=convert(str, node["title"], f"{where}.title"),
        source=" ".join(convert(str, node["source"], f"{where}.source").split()),
        states=states,
        fields=tuple(fields.items()),
        biases=convert(Literal[get_args(Biases)], biases, f"{where}.biases"),
        equations=equations,
        start=start,
        program=program,
    )


def _states(node: object, where: str) -> tuple[str, ...]:
    states: tuple[str, ...] = convert(tuple[str, ...], node, where)
    if not 1 <= len(states) == len(set(states)) <= MOST_STATES:
        raise ConfigError(where, f"must be between 1 and {MOST_STATES} different names, the output first, got {node!r}")
    for state in states:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,11}", state) or state in (*NAMESPACES, *FUNCTIONS):
            raise ConfigError(where, f"must be names in lower-case letters, such as h, got {state!r}")
    return states


def _fields(node: Mapping[str, Any], where: str) -> Iterator[tuple[str, Value]]:
    """Yield the fields with their values, each within what `fields` allows."""
    allowed = node.get("fields") or {}
    if not isinstance(allowed, Mapping):
        raise ConfigError(f"{where}.fields", f"must be a mapping from a field to what it may be, got {allowed!r}")
    names = [str(key) for key in node if key not in RESERVED]
    for name in allowed:
        if name not in names:
            raise ConfigError(f"{where}.fields.{name}", f"is no field; {did_you_mean(str(name), names)}")
    for name in names:
        if not NAME.admits(name) or name in FUNCTIONS:
            raise ConfigError(f"{where}.{name}", f"must be a name of {NAME}")
        yield name, _value(node[name], allowed.get(name), f"{where}.{name}")


def _value(value: object, allowed: object, where: str) -> Value:
    """Return a field's value: true or false, a number between two bounds, or one of several words."""
    if isinstance(value, bool):
        return value
    is_range = isinstance(allowed, Sequence) and [type(each) in (int, float) for each in allowed] == [True, True]
    if is_range or allowed is None:
        number: float = convert(float, value, where)
        bounds = Range(*allowed) if isinstance(allowed, Sequence) else Range(-LARGEST, LARGEST)
        if not bounds.admits(number):
            raise ConfigError(where, f"must be {bounds}, got {number:g}")
        return number
    words = convert(tuple[str, ...], allowed, where.replace("cell.", "cell.fields.", 1))
    return convert(Literal[words], value, where)  # type: ignore[no-any-return]


def _starts(node: object, fields: Mapping[str, Value], where: str) -> tuple[Start, ...]:
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping from b.g or U.g to what is there at first, got {node!r}")
    return tuple(start_of(str(target), value, fields, f"{where}.{target}") for target, value in node.items())


def _check_gate(start: Start, program: Program, equations: str, where: str) -> None:
    """Check that a start is of a gate of the equations, and of none that the fields leave out, unless it is nothing."""
    space, used = ("x", program.inputs) if start.parameter == "b" else ("U", tuple(program.products))
    gates = mentioned(equations, space)
    if start.gate not in gates:
        raise ConfigError(where, f"no such gate; {did_you_mean(start.gate, gates)}")
    if start.gate not in used and not start.is_nothing:
        raise ConfigError(where, f"must be 0, for without gate `{start.gate}` it has no effect; got {start.text}")


@cache
def shipped() -> Mapping[str, Mapping[str, Any]]:
    """Return the nodes of the cells of `conf/cell/` by name."""
    paths = sorted((conf_dir() / "cell").glob("*.yaml"))
    return {path.stem: load(path) for path in paths}


def _shipped_kind(kind: str, where: str) -> Mapping[str, Any]:
    kinds = {node.get("kind", node["name"]): node for node in shipped().values() if "equations" in node}
    if kind not in kinds:
        raise ConfigError(f"{where}.kind", f"unknown cell {kind!r}; {did_you_mean(kind, kinds)}")
    return kinds[kind]


def shipped_cell(name: str, **fields: Any) -> Cell:
    """Return a shipped cell, some of its fields at other values. Raises ConfigError."""
    if name not in shipped():
        raise ConfigError("cell", f"unknown cell {name!r}; {did_you_mean(name, shipped())}")
    return cell_of({**shipped()[name], **fields})


def recorded(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a Run keeps of a cell's node: all of it, or for the cells of the first records kind and fields.

    Their keys are those that they have always had, for as long as their equations are the same.
    """
    cell = cell_of(node)
    if ORIGINAL.get(cell.kind) != digest_of_definition(cell):
        return dict(node)
    return {"name": cell.name, "kind": cell.kind, **dict(cell.fields), "biases": cell.biases}


def digest_of_definition(cell: Cell) -> str:
    """Return the digest of what decides a cell's numbers beside its fields."""
    lines = ["".join(line.split()) for line in cell.equations.splitlines() if line.strip()]
    starts = [[start.target, start.text] for start in cell.start]
    return digest_of([list(cell.states), lines, starts])[:16]
