"""A cell's definition: the YAML of `conf/cell/` or of the user's `./cell/`, checked, and what it says of the weights.

A file either holds equations, or names by its `kind` the shipped cell whose equations it takes. Every key that has no
meaning of its own is a field of the cell, with its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from bench.cells.base import Biases
from bench.cells.cell import Cell
from bench.cells.equations import NAMESPACES, Value, program_of
from bench.cells.expressions import FUNCTIONS
from bench.cells.starts import Start, start_of
from bench.core.cell_words import (
    DEFINING,
    LOOKS,
    NAME,
    RESERVED,
    CellWords,
    FieldWords,
    field_values,
    shipped,
    with_text_keys,
    words_in,
)
from bench.core.digest import digest_of
from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import Range, convert

ORIGINAL: Mapping[str, str] = MappingProxyType(
    {"tanh": "e7cfb253a14e34ca", "gru": "fa74c2ad2269e70d", "lstm": "c64364810501b2bc"}
)
"""Digests of the definitions of the first records, whose cells were recorded by their kind and fields alone."""

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
                legal = dict.fromkeys([each for each in definition if each not in DEFINING] + list(LOOKS))
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
    words = words_in(node, where)
    fields = dict(_fields(node, words, where))
    states = _states(node["states"], f"{where}.states")
    equations = convert(str, node["equations"], f"{where}.equations")
    program = program_of(equations, states, fields, f"{where}.equations")
    start = _starts(node.get("start", {}), fields, f"{where}.start")
    for each in start:
        gates = program.inputs if each.parameter == "b" else tuple(program.products)
        if each.gate not in gates:
            raise ConfigError(f"{where}.start.{each.target}", f"no such gate; {did_you_mean(each.gate, gates)}")
    named = dict.fromkeys([*program.named, *program.inputs, *program.products])
    for gate in words.gates:
        if gate not in named:
            raise ConfigError(f"{where}.gates.{gate}", f"no such gate; {did_you_mean(gate, named)}")
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


def _fields(node: Mapping[str, Any], words: CellWords, where: str) -> Iterator[tuple[str, Value]]:
    """Yield the fields with their values, each within what `fields` allows."""
    fields = {str(name): value for name, value in field_values(node).items()}
    for name in words.fields:
        if name not in fields:
            raise ConfigError(f"{where}.fields.{name}", f"is no field; {did_you_mean(name, fields)}")
    for name, value in fields.items():
        if not NAME.admits(name) or name in FUNCTIONS:
            raise ConfigError(f"{where}.{name}", f"must be a name of {NAME}")
        if isinstance(value, Mapping | list):
            raise ConfigError(f"{where}.{name}", f"is no key of a cell; {did_you_mean(name, RESERVED)}")
        yield name, _value(value, words.fields.get(name, FieldWords()), f"{where}.{name}")


def _value(value: object, allowed: FieldWords, where: str) -> Value:
    """Return a field's value: true or false, a number between two bounds, or one of several words."""
    if allowed.of == "switch" or (not allowed.of and isinstance(value, bool)):
        return convert(bool, value, where)  # type: ignore[no-any-return]
    if allowed.of == "words":
        return convert(Literal[tuple(allowed.means)], value, where)  # type: ignore[no-any-return]
    number: float = convert(float, value, where)
    low, high = allowed.range or (-LARGEST, LARGEST)
    bounds = Range(low, high)
    if not bounds.admits(number):
        raise ConfigError(where, f"must be {bounds}, got {number:g}")
    return number


def _starts(node: object, fields: Mapping[str, Value], where: str) -> tuple[Start, ...]:
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping from b.g or U.g to what is there at first, got {node!r}")
    return tuple(start_of(str(target), value, fields, f"{where}.{target}") for target, value in node.items())


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
        return dict(with_text_keys(node))
    return {"name": cell.name, "kind": cell.kind, **dict(cell.fields), "biases": cell.biases}


def digest_of_definition(cell: Cell) -> str:
    """Return the digest of what decides a cell's numbers beside its fields."""
    lines = ["".join(line.split()) for line in cell.equations.splitlines() if line.strip()]
    starts = [[start.target, start.text] for start in cell.start]
    return digest_of([list(cell.states), lines, starts])[:16]
