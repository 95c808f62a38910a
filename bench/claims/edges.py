"""Edges of the searches behind a comparison: whether the settings of a side may have a better value outside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from bench.claims.sides import Steps
from bench.results.edges import Edge
from bench.results.run import Run, RunRecord
from bench.results.study import TrialRecord
from bench.results.trial_frames import Tuned


def edges_phrase(steps: Steps, tuned: Sequence[Tuned], records: Mapping[str, RunRecord]) -> str:
    """Return a warning for each edge at which the best trials lie that chose the settings of any side, "" for none."""
    sides = {str(side.row["group"]): side for pair in steps for side in pair}
    said = [
        edge.said(side.name)
        for side in sides.values()
        for edge in _edges([records[key].run for key in side.runs["key"] if key in records], tuned, records)
    ]
    return "; ".join(dict.fromkeys(said))


def _edges(runs: Sequence[Run], tuned: Sequence[Tuned], records: Mapping[str, RunRecord]) -> Iterator[Edge]:
    """Yield the edges of the searches of which a best trial has the settings of any of some Runs."""
    cells = {run.cell_name for run in runs}
    for family in tuned:
        chosen = {
            name
            for name, study, trial in family.best
            if study.cell in cells and any(_is_confirmed_by(trial, run, records) for run in runs)
        }
        for name in family.studies:
            if name in chosen:
                yield from family.edges(name)


def _is_confirmed_by(trial: TrialRecord, run: Run, records: Mapping[str, RunRecord]) -> bool:
    """Return whether a Run outside a search has the settings of a trial."""
    found = next((records[key].run for key in trial.runs if key in records), None)
    if found is None or run.phase == "tune" or (found.optim, found.train) != (run.optim, run.train):
        return False
    return dataclasses.replace(found, phase=run.phase, seed=run.seed) == run
