"""Edges: where the best trials of a search say that the optimum may lie beyond the space that was searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.core.settings.widening import End, beyond, limits_of
from bench.results.study import StudyRecord, TrialRecord

EDGE = 0.05
"""A best trial whose setting is within this share of its range from one end is at the edge."""

FEWEST_DRAWS = 3
"""Draws below which the largest and the smallest say nothing."""

BEYOND = "the optimum may lie beyond the space"


@dataclass(frozen=True)
class Edge:
    """An end of a setting's range at which `n` of the `n_best` best trials of a search lie, one of each replication.

    Of these `n_extreme` are the largest of all values drawn, or the smallest; the others lie near the end of the range.
    """

    path: str
    end: End
    n: int
    n_best: int
    n_extreme: int

    @property
    def where(self) -> str:
        """Where the best trials lie, in words."""
        extreme = f"the {'largest' if self.end == 'upper' else 'smallest'} drawn"
        near = f"within {100 * EDGE:.0f} % of the {self.end} end of its range"
        found = extreme if self.n_extreme == self.n else f"{extreme} or {near}" if self.n_extreme else near
        return found + (f" in {self.n} of {self.n_best} replications" if self.n_best > 1 else "")

    def said(self, name: str = "") -> str:
        """Return a warning, with the name of the cell where it is not clear."""
        return f"the best {self.path}{f' of the {name}' if name else ''} is {self.where}: {BEYOND}"


def edges_of(best: Sequence[tuple[StudyRecord, TrialRecord]]) -> tuple[Edge, ...]:
    """Return the edges at which the best trials of one search lie, given the best of each replication with its study.

    A best trial is at an end of a number's range if it lies within `EDGE` of it, or has the largest or the smallest
    value of all trials of its study, of which there must be `FEWEST_DRAWS`. More than half of the replications have to
    be at the same end. At a limit of the setting itself nothing lies beyond, and that is no edge.
    """
    found = [each for study, trial in best for each in _ends(study, trial)]
    n_at = Counter((path, end) for path, end, _ in found)
    n_extreme = Counter((path, end) for path, end, is_extreme in found if is_extreme)
    return tuple(
        Edge(path, end, n, len(best), n_extreme[path, end])
        for (path, end), n in sorted(n_at.items())
        if 2 * n > len(best)
    )


def _ends(study: StudyRecord, trial: TrialRecord) -> Iterator[tuple[str, End, bool]]:
    """Yield each end at which a trial lies, and whether no other trial has a value further out."""
    for path, dimension in study.space.items():
        if dimension.choices or path not in trial.params:
            continue
        drawn = [float(each.params[path]) for each in study.trials if path in each.params]
        value = float(trial.params[path])
        place = dimension.place_of(value)
        ends: tuple[tuple[End, float, float], ...] = (("lower", place, min(drawn)), ("upper", 1 - place, max(drawn)))
        for end, distance, outermost in ends:
            is_extreme = len(drawn) >= FEWEST_DRAWS and value == outermost
            if (is_extreme or distance < EDGE) and beyond(dimension, end, limits_of(path)) is not None:
                yield path, end, is_extreme
