"""The parts of a report: sections of text, tables and charts, independent of the output format."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from bench.claims.cards import Compared
from bench.claims.judgement import Finding
from bench.results.labels import CellStyles


@dataclass(frozen=True)
class Entry:
    """One field of a table: its text, its sort key (the text when `value` is None), and its link."""

    text: str
    value: float | None = None
    link: str = ""

    @property
    def is_sortable_number(self) -> bool:
        return self.value is not None and math.isfinite(self.value)


@dataclass(frozen=True)
class Table:
    """A table whose caption says what its numbers are."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    caption: str

    def is_numeric(self, column: int) -> bool:
        """Return whether a column holds numbers and is therefore right-aligned."""
        return any(row[column].is_sortable_number for row in self.rows)


@dataclass(frozen=True)
class Chart:
    """A figure with the data drawn in it; `name` is safe as a file name, the caption states n and kind of bar."""

    name: str
    alt: str
    caption: str
    figure: Figure
    data: pd.DataFrame


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs and, where there is something to show, a table or a chart or both.

    `anchor` is what links on the page call it, where there are any.
    """

    heading: str
    text: tuple[str, ...]
    table: Table | None = None
    chart: Chart | None = None
    anchor: str = ""


@dataclass(frozen=True)
class Answer:
    """A summary of the results on one task, in sentences."""

    task: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """Two cells on one task: their card, or why there is none, and what would decide it, "" where it is decided."""

    cells: tuple[str, str]
    card: Compared | str
    needs: str


@dataclass(frozen=True)
class Outcome:
    """Which cell did better on one task: a decision for each pair that is compared, of scores of that split."""

    task: str
    score: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Effect:
    """A card in its place: ends and mean in margins, cut at the axis; `tone` is the winner's colour, "" for none."""

    low: float
    mean: float
    high: float
    word: str
    text: str
    kind: str
    tone: str = ""

    @property
    def is_cut(self) -> tuple[bool, bool]:
        """Whether the interval goes on beyond the left and the right end of the axis."""
        return self.low <= -1, self.high >= 1


@dataclass(frozen=True)
class EffectRow:
    """A comparison: what it is of, where its evidence is, its axis in margins, and its effect on each data set."""

    sides: str
    what: str
    link: str
    reach: float
    effects: tuple[Effect | None, ...]

    @property
    def margin(self) -> float:
        """Half the width of the band within which an effect does not matter, as a share of half the axis."""
        return 1 / self.reach


@dataclass(frozen=True)
class Effects:
    """All rows by group, under the data sets."""

    tasks: tuple[str, ...]
    groups: tuple[tuple[str, tuple[EffectRow, ...]], ...]


@dataclass(frozen=True)
class Chapter:
    """The sections of one task, or of all of them."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Document:
    """A whole report, ready to be written in any format.

    `methods` are the paragraphs of the section of that name. `verdicts` is None and `findings` empty if no claims
    were tested; `untested` holds the other claims with the reason. `runs`, `trials` and `curves` are the tables of all.
    """

    name: str
    facts: tuple[str, ...]
    answers: tuple[Answer, ...]
    notes: tuple[str, ...]
    scores: Section
    guide: tuple[tuple[str, str], ...]
    chapters: tuple[Chapter, ...]
    summary: pd.DataFrame
    runs: pd.DataFrame
    trials: pd.DataFrame
    curves: pd.DataFrame
    methods: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    verdicts: Section | None = None
    effects: Effects | None = None
    untested: tuple[tuple[str, str], ...] = ()
    looks: CellStyles = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two results side by side, ready to be written in any format."""

    name: str
    facts: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
