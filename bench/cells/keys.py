"""What a cell's file may hold, as annotations: what an editor is told; `bench.cells.definition` checks far more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bench.cells.base import Biases
from bench.cells.conditions import Value
from bench.cells.definition import LARGEST, LONGEST, STATE
from bench.core.cell_words import COLOUR, MARKER, NAME, FieldWords
from bench.core.schema import Matching, Range

Name = Annotated[str, NAME]
Title = Annotated[str, Matching(rf"[^<>]{{1,{LONGEST['title']}}}", "plain text")]
Source = Annotated[str, Matching(rf"[^<>]{{1,{LONGEST['source']}}}", "plain text")]


@dataclass(frozen=True)
class CellFile:
    """A cell: its equations, or by `kind` the shipped cell whose equations it takes; every other key is a field of it.

    `name` is that of the file. `title` names the cell in print. `source` says whose it is. `colour` and `marker` (of
    matplotlib) are its looks in figures. `published` are the papers' names of it. `states` are what is carried from
    step to step, the output first. `equations` are those of a step, as a paper prints them. `fields` says what each
    field may be: the lowest and the highest number, the words, or a mapping that also says what they mean. `gates` are
    the gates in words. `start` is what is there before training: `b.g` is added to the initial bias of gate g, `U.g` is
    the block of a recurrent product. `biases` are `double`, an input and a recurrent one as in torch.nn, `single` or
    `none`.
    """

    equations: str
    title: Title
    source: Source
    states: tuple[Annotated[str, STATE], ...]
    name: Name
    kind: Name
    biases: Biases = "double"
    start: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] | None = None
    gates: Mapping[str, str] = field(default_factory=dict)
    published: tuple[str, ...] = ()
    colour: Annotated[str, COLOUR] = ""
    marker: Annotated[str, MARKER] = ""


def kind_of(allowed: FieldWords, value: Value) -> Any:
    """Return what a field may be, as an annotation, given what its file says of it and its value there."""
    if allowed.of == "words":
        return Literal[tuple(allowed.means)]
    if allowed.of == "switch" or isinstance(value, bool):
        return bool
    low, high = allowed.range or (-LARGEST, LARGEST)
    return Annotated[float, Range(low, high)]
