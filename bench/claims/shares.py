"""Claims about importance: the shares of the variance that settings explain, from the studies of a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.claims.claim import Claim
from bench.claims.importance import (
    FEWEST,
    N_RESAMPLES,
    EvaluatorName,
    Share,
    importance,
)
from bench.claims.margins import margins
from bench.core.seeds import stream
from bench.core.settings.search_space import Dimension, Space
from bench.core.wording import listed, trials_each
from bench.results.groups import Settings
from bench.results.labels import TEXT_COLOUR, CellStyle
from bench.results.run import RunRecord
from bench.results.study import StudyRecord
from bench.results.trial_frames import TRIAL, Tuned, are_paired, fixed_settings
from bench.stats.card import Card, confidence_of, share_interval
from bench.stats.intervals import interval_of_resamples


@dataclass(frozen=True)
class Shares:
    """What each setting explains on one task, by its dotted name (`cell` for the cell), over n finished trials.

    `resampled` are the shares in each resample of the trials, in an order that all settings have in common, so that a
    difference of two shares can be taken resample by resample. `above_chance` are the settings whose share is more than
    chance gives.
    """

    means: Mapping[str, float]
    resampled: Mapping[str, tuple[float, ...]]
    n: int
    tuning: str
    above_chance: frozenset[str]


Importances = Mapping[tuple[str, tuple[str, ...]], Shares]
"""Task and cells, as a claim names them, to the shares over the trials of those cells together."""


def why_untested(claim: Claim, shares: Shares | None) -> str:
    """Return why shares say nothing of a claim, "" where they do."""
    if shares is None:
        return "No study says what share of the variance a setting explains."
    if unsearched := [name for name in claim.factors if name not in shares.means]:
        return f"The studies did not search {listed(unsearched)}."
    if not shares.above_chance:
        return "No setting explains more of the variance than its values dealt out anew do."
    return ""


def share_card(claim: Claim, shares: Shares, task_label: str, *, n_comparisons: int) -> Card:
    """Return the card of the first factor's share against the second's, or against that of all others together."""
    first = claim.factors[0]
    others = claim.factors[1:] or tuple(name for name in shares.means if name != first)
    means = shares.means[first], sum(shares.means[name] for name in others)
    drawn = np.asarray(shares.resampled[first]) - sum(np.asarray(shares.resampled[name]) for name in others)
    confidence = confidence_of(n_comparisons)
    return Card(
        task_label,
        first,
        against(claim),
        False,
        means,
        interval_of_resamples(means[0] - means[1], drawn, n=shares.n, confidence=confidence),
        confidence,
        margins()["share"].size,
        share_interval(list((drawn > 0).astype(float)), confidence=confidence),
        adjective="matters more",
    )


def against(claim: Claim) -> str:
    """Return what the first factor's share is compared with."""
    return claim.factors[1] if len(claim.factors) == 2 else "all other settings together"


PANELS: Mapping[EvaluatorName, str] = {
    "fanova": "share of the variance\n(fANOVA)",
    "ped_anova": "telling the best quarter\n(PED-ANOVA)",
}


SharesByMeasure = Mapping[EvaluatorName, Mapping[str, Share]]
"""Measure to setting to its share."""


@dataclass(frozen=True)
class Series:
    """The shares of the settings over some finished trials: of one study, or of all studies of a task together."""

    label: str
    style: CellStyle
    n: int
    shares: SharesByMeasure


def finished(tuned: Tuned, names: Sequence[str]) -> pd.DataFrame:
    """Return the trials with a usable score: those done, and the diverged ones at the worst score of any.

    To leave the diverged out would hide what made them diverge. A pruned trial has no final score, and a failure says
    nothing of the settings.
    """
    trials = tuned.trials
    is_finished = trials["study"].isin(names) & trials["state"].isin(["done", "diverged"])
    return trials[is_finished].dropna(subset="counted")


def too_few(tuned: Tuned, names: Sequence[str]) -> str:
    """Return which studies have too few finished trials for any importance, "" if none."""
    few = [f"{name} ({n})" for name in names if (n := len(finished(tuned, [name]))) < FEWEST]
    return f"Not computed with fewer than {FEWEST} finished trials of a study: {listed(few)}." if few else ""


def shares_of(
    trials: pd.DataFrame,
    space: Space,
    study: StudyRecord,
    *,
    label: str,
    blocks: Sequence[int] | None = None,
    measures: Collection[EvaluatorName] = tuple(PANELS),
) -> SharesByMeasure:
    """Return the shares of the settings of a space by some measures; a perplexity enters by its logarithm."""
    scores = np.log(trials["counted"]) if study.metric == "perplexity" else trials["counted"]
    settings = {name: trials[name].tolist() for name in space}
    return {
        measure: importance(
            settings,
            list(scores),
            space,
            direction=study.direction,
            evaluator=measure,
            seed=stream("bootstrap", label=f"{label}:{measure}"),
            n_resamples=N_RESAMPLES,
            blocks=blocks,
        )
        for measure in measures
    }


CELL = "cell"


def shares_across(
    tuned: Tuned, records: Mapping[str, RunRecord], measures: Collection[EvaluatorName] = tuple(PANELS)
) -> Series:
    """Return the shares of what all studies of a task searched in one range, and of the cell where there are several.

    Settings that were swept over in the same values for every cell are factors too.
    """
    studies = list(tuned.studies.values())
    fixed = {name: fixed_settings(study, records) for name, study in tuned.studies.items()}
    shared, crossed = common_dimensions(studies), _crossed_dimensions(tuned, fixed)
    trials = finished(tuned, list(tuned.studies))
    trials = trials.assign(**{path: [fixed[name][path] for name in trials["study"]] for path in crossed})
    cells = tuple(sorted({study.cell for study in studies}))
    space = {**shared, **crossed, **({CELL: Dimension(choices=cells)} if len(cells) > 1 else {})}
    label = ":".join(sorted(study.key for study in studies))
    blocks = trials.groupby(TRIAL).ngroup().tolist() if are_paired(studies) else None
    shares = shares_of(trials, space, studies[0], label=f"{label}:importance", blocks=blocks, measures=measures)
    return Series("All studies", CellStyle("all", TEXT_COLOUR, "D"), len(trials), shares)


def common_dimensions(studies: Sequence[StudyRecord]) -> dict[str, Dimension]:
    """Return the dimensions that all studies have in common."""
    first, *others = studies
    return {
        path: dimension
        for path, dimension in first.space.items()
        if all(study.space.get(path) == dimension for study in others)
    }


def _crossed_dimensions(tuned: Tuned, fixed: Mapping[str, Settings]) -> dict[str, Dimension]:
    """Return the settings that differ between studies of one cell where every cell has them all: factors too."""
    values: dict[str, dict[str, set[str]]] = {}
    for name, settings in fixed.items():
        for path, value in settings.items():
            values.setdefault(path, {}).setdefault(tuned.studies[name].cell, set()).add(value)
    n_cells = len({study.cell for study in tuned.studies.values()})
    found = {}
    for path, by_cell in values.items():
        first, *others = by_cell.values()
        if len(first) > 1 and len(by_cell) == n_cells and all(each == first for each in others):
            found[path] = Dimension(choices=tuple(sorted(first)))
    return found


MEASURE: EvaluatorName = "fanova"
"""The measure that shares of the variance are taken from."""


def importances(claims: Sequence[Claim], tasks: Sequence[Tuned], records: Mapping[str, RunRecord]) -> Importances:
    """Return the shares over the studies of each task and each set of cells that a claim names.

    Of several families of studies, those speak that searched most. Left out are those with too few finished trials,
    with a cell that has no study, and with a single factor, whose share would be one by definition.
    """
    wanted = {claim.cells for claim in claims if claim.factors}
    found = {}
    for tuned in sorted(tasks, key=lambda tuned: max(len(study.space) for study in tuned.studies.values())):
        for cells in sorted(wanted):
            shares = _shares(_of_cells(tuned, cells), cells, records)
            if shares is not None:
                found[tuned.first.task, cells] = shares
    return found


def _of_cells(tuned: Tuned, cells: Sequence[str]) -> Tuned:
    """Return the studies of some cells; where some searched more settings than others, those that searched most."""
    studies = {name: study for name, study in tuned.studies.items() if study.cell in cells}
    most = max((len(study.space) for study in studies.values()), default=0)
    found = {name: tuned.replications[name] for name, study in studies.items() if len(study.space) == most}
    return replace(tuned, replications=found, trials=tuned.trials[tuned.trials["study"].isin(list(found))])


def _shares(tuned: Tuned, cells: Sequence[str], records: Mapping[str, RunRecord]) -> Shares | None:
    studies = list(tuned.studies.values())
    if {study.cell for study in studies} != set(cells) or too_few(tuned, list(tuned.studies)):
        return None
    if len(studies) == 1 and len(studies[0].space) < 2:
        return None
    series = shares_across(tuned, records, [MEASURE])
    shares = series.shares[MEASURE]
    if len(shares) < 2:
        return None
    samplers = listed(sorted({str(study.sampler["name"]) for study in studies}))
    n_trials, n_replications = max((records[0].n_wanted, len(records)) for records in tuned.replications.values())
    return Shares(
        means={name: share.interval.mean for name, share in shares.items()},
        resampled={name: share.resampled for name, share in shares.items()},
        n=series.n,
        above_chance=frozenset(name for name, share in shares.items() if share.is_above_chance),
        tuning=f"{trials_each(n_trials, n_replications)} per study ({samplers})",
    )
