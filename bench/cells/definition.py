"""A cell's definition: the YAML of `conf/cell/` or of the user's `./cell/`, checked, and what it says of the weights.

A file either holds equations, or names by its `kind` the shipped cell whose equations it takes. Every key that has no
meaning of its own is a field of the cell, with its value.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from bench.cells.base import Biases
from bench.cells.cell import Cell
from bench.cells.conditions import Value
from bench.cells.equations import program_of
from bench.cells.lines import lines_of, meaning_of, mentioned
from bench.cells.program import Program
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
    value_text,
    with_text_keys,
    words_in,
)
from bench.core.digest import digest_of
from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import Matching, Range, convert

ORIGINAL: Mapping[str, str] = MappingProxyType(
    {"tanh": "e7cfb253a14e34ca", "gru": "05ebfff02faa079d", "lstm": "9c705f5eddbd1e8b"}
)
"""Digests of the definitions of the first records, whose cells were recorded by their kind and fields alone."""

STATE = Matching(
    r"[a-z](?:_?[a-z0-9]){0,11}", "lower-case letters, digits and single _, at most 12, the first a letter"
)
CHOICE = Matching(r"[A-Za-z0-9][A-Za-z0-9_. +-]{0,39}", "letters, digits, spaces and _ . + -, at most 40")
LONGEST = {"title": 60, "source": 1500}
"""Characters of what a file says about its cell."""

MOST_STATES = 8
LARGEST = 1e6
"""Of a field without a range."""


def cell_of(node: Mapping[str, Any], where: str = "cell") -> Cell:
    """Return the cell of a node, as its YAML or a record has it. Raises ConfigError."""
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping, got {node!r}")
    return _cell(definition_of(node, where), where)


def definition_of(node: Mapping[str, Any], where: str = "cell") -> Mapping[str, Any]:
    """Return the node with what it takes from the shipped cell of its kind. Raises ConfigError."""
    name = convert(str, node.get("name"), f"{where}.name")
    kind = convert(str, node.get("kind", name), f"{where}.kind")
    definition = node
    if "equations" not in node:
        if "kind" not in node and kind not in _kinds():
            allowed = "is required, or a `kind` that is the name of a shipped cell; got neither"
            raise ConfigError(f"{where}.equations", allowed)
        definition = _shipped_kind(kind, where)
        for key in node:
            if key in DEFINING or (key not in RESERVED and key not in definition):
                legal = dict.fromkeys([each for each in definition if each not in DEFINING] + list(LOOKS))
                raise ConfigError(f"{where}.{key}", f"unknown key; {did_you_mean(str(key), legal)}")
    return {**definition, **node, "name": name, "kind": kind}


def _cell(node: Mapping[str, Any], where: str) -> Cell:
    name, kind = node["name"], node["kind"]
    for key, what in (("name", name), ("kind", kind)):
        if not NAME.admits(what):
            raise ConfigError(f"{where}.{key}", f"must be {NAME}, got {what!r}")
    for key in ("title", "source", "states", "equations"):
        if key not in node:
            raise ConfigError(f"{where}.{key}", "is required; got none")
    biases = convert(Literal[get_args(Biases)], node.get("biases", "double"), f"{where}.biases")
    words = words_in(node, where)
    fields = dict(_fields(node, words, where))
    states = _states(node["states"], f"{where}.states", fields)
    equations = convert(str, node["equations"], f"{where}.equations")
    choices = _choices(words, fields)
    program = program_of(equations, states, fields, f"{where}.equations", choices=choices)
    start = _starts(node.get("start", {}), fields, f"{where}.start")
    _check_read(fields, equations, start, where)
    for each in start:
        _check_gate(each, program, equations, f"{where}.start.{each.target}")
        if biases == "none":
            _check_no_bias(each, fields, f"{where}.start.{each.target}")
    named = dict.fromkeys([line.name for line in lines_of(equations, where)])
    for gate in words.gates:
        if gate not in named:
            raise ConfigError(f"{where}.gates.{gate}", f"no such gate; {did_you_mean(gate, named)}")
    return Cell(
        name=name,
        kind=kind,
        title=_text(node["title"], "title", where),
        source=_text(node["source"], "source", where),
        states=states,
        fields=tuple(fields.items()),
        biases=biases,
        equations=equations,
        start=start,
        program=program,
        choices=choices,
    )


def _text(value: object, key: str, where: str) -> str:
    """Return what a file says of its cell, in one line."""
    text = convert(str, value, f"{where}.{key}")
    most = LONGEST[key]
    if not 1 <= len(text) <= most or not text.strip():
        raise ConfigError(f"{where}.{key}", f"must be between 1 and {most:,} characters, got {len(text):,}")
    line = " ".join(re.split("[ \n]+", text.strip()))
    for character in line:
        if not character.isprintable() or character in "<>":
            raise ConfigError(f"{where}.{key}", f"must be plain text, got U+{ord(character):04X} in it")
    return line


def _states(node: object, where: str, fields: Collection[str]) -> tuple[str, ...]:
    states: tuple[str, ...] = convert(tuple[str, ...], node, where)
    if not 1 <= len(states) == len(set(states)) <= MOST_STATES:
        raise ConfigError(where, f"must be between 1 and {MOST_STATES} different names, the output first, got {node!r}")
    for state in states:
        _check_name(state, STATE, where)
        if state in fields:
            raise ConfigError(where, f"`{state}` is a field of the cell, and cannot be a state too")
    return states


def _check_name(name: str, form: Matching, where: str) -> None:
    """Refuse a name of a state or field that equations cannot hold."""
    if not form.admits(name):
        raise ConfigError(where, f"must be {form}, got {name!r}")
    if keyword.iskeyword(name):
        raise ConfigError(where, f"`{name}` is a word of Python's and no name")
    if meaning := meaning_of(name):
        raise ConfigError(where, f"`{name}` {meaning}; it must have another name")


def _fields(node: Mapping[str, Any], words: CellWords, where: str) -> Iterator[tuple[str, Value]]:
    """Yield the fields with their values, each within what `fields` allows."""
    fields = {str(name): value for name, value in field_values(node).items()}
    for name in words.fields:
        if name not in fields:
            raise ConfigError(f"{where}.fields.{name}", f"is no field; {did_you_mean(name, fields)}")
    for name, value in fields.items():
        _check_name(name, NAME, f"{where}.{name}")
        if isinstance(value, Mapping | list):
            raise ConfigError(f"{where}.{name}", f"is no key of a cell; {did_you_mean(name, RESERVED)}")
        yield name, _value(value, words.fields.get(name, FieldWords()), f"{where}.{name}")


def _choices(words: CellWords, fields: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    """Return the words that each field may be, of the fields that are words."""
    return {name: tuple(words.fields[name].means) for name, value in fields.items() if isinstance(value, str)}


def _value(value: object, allowed: FieldWords, where: str) -> Value:
    """Return a field's value: true or false, a number between two bounds, or one of several words."""
    of_allowed = where.replace("cell.", "cell.fields.", 1)
    if allowed.of == "switch" or (not allowed.of and isinstance(value, bool)):
        return convert(bool, value, where)  # type: ignore[no-any-return]
    if allowed.of == "words":
        for word in allowed.means:
            if not CHOICE.admits(word):
                raise ConfigError(of_allowed, f"must be words of {CHOICE}, got {word!r}")
        return convert(Literal[tuple(allowed.means)], value, where)  # type: ignore[no-any-return]
    if not allowed.of and isinstance(value, str) and not re.fullmatch(r"[\d.eE+-]+", value):
        known = did_you_mean(where.rpartition(".")[2], RESERVED)
        raise ConfigError(
            where, f"a field that is a word needs what it may be, in `fields`; as a key of the file: {known}"
        )
    number: float = convert(float, value, where)
    low, high = allowed.range or (-LARGEST, LARGEST)
    if not -LARGEST <= low <= high <= LARGEST:
        raise ConfigError(of_allowed, f"must be two numbers from {-LARGEST:g} to {LARGEST:g} in order")
    if not Range(low, high).admits(number):
        raise ConfigError(where, f"must be {Range(low, high)}, got {number:g}")
    return number


def _check_read(fields: Mapping[str, Value], equations: str, start: Sequence[Start], where: str) -> None:
    """Refuse a field that neither an equation nor `start` reads: mostly a key that is misspelt."""
    read = {name for line in lines_of(equations, where) for name in line.names}
    read |= {word for each in start for word in re.findall(r"\w+", each.text)}
    for name in fields:
        if name not in read:
            known = did_you_mean(name, {*RESERVED, *(read & set(fields))})
            raise ConfigError(f"{where}.{name}", f"is read by no equation and no start; as a key of the file: {known}")


def _starts(node: object, fields: Mapping[str, Value], where: str) -> tuple[Start, ...]:
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping from b.g or U.g to what is there at first, got {node!r}")
    return tuple(start_of(str(target), value, fields, f"{where}.{target}") for target, value in node.items())


def _check_gate(start: Start, program: Program, equations: str, where: str) -> None:
    """Check that a start is of a gate of the equations, and of none that the fields leave out, unless it is nothing."""
    space, used = ("x", program.inputs) if start.parameter == "b" else ("U", tuple(program.products))
    gates = mentioned(lines_of(equations, where), space)
    if start.gate not in gates:
        raise ConfigError(where, f"no such gate; {did_you_mean(start.gate, gates)}")
    if start.gate not in used and not start.is_nothing:
        raise ConfigError(where, f"must be 0, for without gate `{start.gate}` it has no effect; got {start.text}")


def _check_no_bias(start: Start, fields: Mapping[str, Value], where: str) -> None:
    """Refuse a start that adds to the bias of a cell without one."""
    if start.parameter == "b" and not start.is_nothing:
        read = [name for name in fields if name in re.findall(r"\w+", start.text)]
        at = f" with {', '.join(f'{name} = {value_text(fields[name])}' for name in read)}" if read else ""
        needed = "must be 0, or `biases` double or single, for with none there is no bias to add to"
        raise ConfigError(where, f"{needed}; got {start.text}{at}")


@cache
def _kinds() -> Mapping[str, Mapping[str, Any]]:
    return {node.get("kind", node["name"]): node for node in shipped().values() if "equations" in node}


def _shipped_kind(kind: str, where: str) -> Mapping[str, Any]:
    kinds = _kinds()
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
