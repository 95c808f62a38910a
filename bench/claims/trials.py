"""Trials of two cells with the same settings, as pairs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bench.claims.claim import Comparison
from bench.claims.sides import NotTestedError, Side, of_cell
from bench.results.summary import done
from bench.results.trial_frames import TRIAL, Tuned, are_paired

MANY = 100_000
"""More trials than a study has, so that replication and number together are one number."""


def paired_trials(
    comparison: Comparison, runs: pd.DataFrame, tuned: tuple[Tuned, ...], sides: tuple[Side, ...] = ()
) -> tuple[Tuned, list[pd.DataFrame]]:
    """Return the family of studies that has both cells, and the trials of either by replication and number.

    `runs` are those of the task; of several families of studies, that counts which is of the size that is compared, and
    of the sides' where they are given, on the most data. Raises NotTestedError where none has both cells, their trials
    were not drawn alike, or some were pruned.
    """
    cells = [set(of_cell(choice, runs)["cell"]) for choice in comparison.choices]
    for family in (each for each in tuned if each.first.task == runs["task"].iloc[0]):
        studies = [[name for name, study in family.studies.items() if study.cell in names] for names in cells]
        if not all(len(names) == 1 for names in studies) or not _is_meant(comparison, family, runs, sides):
            continue
        (left,), (right,) = studies
        if not are_paired([*family.replications[left], *family.replications[right]]):
            raise NotTestedError("The trials of the two cells were not drawn alike.")
        trials = [family.trials[family.trials["study"] == name].set_index(TRIAL) for name in (left, right)]
        if any((side["state"] == "pruned").any() for side in trials):
            raise NotTestedError("Trials were pruned, and how near they would have come is not known.")
        return family, trials
    raise NotTestedError("No study has trials of both cells at this size.")


def _is_meant(comparison: Comparison, family: Tuned, runs: pd.DataFrame, sides: tuple[Side, ...]) -> bool:
    keys = {key for trial in family.first.trials for key in trial.runs}
    trained = runs[runs["key"].isin(keys)]
    if trained.empty:
        return False
    run = trained.iloc[0]
    budgets = {float(side.row["size_budget"]) for side in sides}
    return bool(
        (comparison.size_mode in ("any", "same") or run["size_mode"] == comparison.size_mode)
        and (comparison.size_count is None or run["size_count"] == comparison.size_count)
        and (not comparison.budget or comparison.budget[0] <= run["size_budget"] <= comparison.budget[1])
        and (not budgets or pd.isna(run["size_budget"]) or run["size_budget"] in budgets)
        and run["train_fraction"] == runs["train_fraction"].max()
    )


def sides_of_trials(
    comparison: Comparison, sides: tuple[Side, Side], runs: pd.DataFrame, tuned: tuple[Tuned, ...]
) -> tuple[Side, Side]:
    """Return both sides with the runs of trials in place of their own, numbered so that equal settings are a pair.

    Raises NotTestedError as `paired_trials` does.
    """
    family, trials = paired_trials(comparison, runs, tuned, sides)
    keys = {
        study.key: [trial.runs[0] if trial.runs else "" for trial in study.trials]
        for studies in family.replications.values()
        for study in studies
    }
    found = []
    for side, of_side in zip(sides, trials, strict=True):
        number = {
            keys[key][trial]: MANY * replication + trial
            for (replication, trial), key in zip(of_side.index, of_side["study_key"], strict=True)
        }
        own = runs[runs["key"].isin(number)]
        own = own.assign(seed=own["key"].map(number))
        found.append(replace(side, runs=own, done=done(own)))
    return found[0], found[1]
