"""Replications: the confirmations of a search belong together whatever each replication chose."""

from __future__ import annotations

import dataclasses

import pytest

from bench.core.settings import OptimSettings
from bench.core.settings.search_space import Dimension
from bench.results.frames import curves_frame, runs_frame
from bench.results.replications import confirmed_by, replications_of
from bench.results.study import StudyRecord, TrialRecord
from bench.results.summary import summary
from tests.report.fabricated import record, run

SPACE = {"optim.lr": Dimension(low=1e-4, high=1.0, log=True)}


def trained(cell, rate, seed, phase="tune", loss=None):
    made = record(run(cell, seed, phase=phase, optim=OptimSettings(lr=rate)))
    if loss is None:
        return made
    scores = {**made.outcome.scores, "validation": {"nll": loss}}
    return dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, scores=scores))


def replication(cell, number, losses):
    """Return a replication with a trial for each rate, its loss given, and the records of the trials."""
    trials = [trained(cell, rate, number - 1, loss=loss) for rate, loss in losses.items()]
    known = [TrialRecord(i, {"optim.lr": each.run.optim.lr}, (each.key,)) for i, each in enumerate(trials)]
    study = StudyRecord(
        key=f"{cell}{number}",
        label=cell,
        task="made_up_music",
        cell=cell,
        metric="nll",
        space=SPACE,
        sampler={"name": "random"},
        pruner={"name": "none"},
        seed=0,
        seeds_per_trial=1,
        n_trials=len(losses),
        settings={},
        trials=tuple(known),
        replication=number,
        search=cell,
    )
    return study, trials


@pytest.fixture
def replicated():
    """Three replications of two cells, each of which chose a rate of its own, and their confirmations."""
    made = [
        replication(cell, number, {0.01 * number: 8.0, 0.02 * number + 0.001: 9.0})
        for cell in ("gru", "lstm")
        for number in (1, 2, 3)
    ]
    confirmed = [record(confirmed_by(study, trials[0].run)) for study, trials in made]
    return [study for study, _ in made], [one for _, trials in made for one in trials] + confirmed, confirmed


def test_confirmations_of_one_search_are_one_group_whatever_rate_each_chose(replicated):
    studies, records, confirmed = replicated
    found = replications_of(studies, records)
    assert found.chosen == {each.key: {"optim.lr"} for each in confirmed}
    runs = runs_frame(records, ["optim.lr"], found.chosen)
    table = summary(runs)
    assert dict(zip(table["cell"], table["n"], strict=True)) == {"gru": 3, "lstm": 3}
    assert set(table["settings"]) == {""}
    groups = runs[runs["phase"] == "confirm"].groupby("cell")["seed"].apply(list)
    assert groups.to_dict() == {"gru": [1000, 1001, 1002], "lstm": [1000, 1001, 1002]}
    points = curves_frame(records, found.chosen)
    assert set(points[points["key"].isin(found.chosen)]["group"]) == set(table["group"])


def test_without_the_studies_each_rate_is_a_group(replicated):
    _, records, _ = replicated
    assert runs_frame(records).query("phase == 'confirm'")["group"].nunique() == 6


def test_a_confirmation_of_a_trial_that_is_no_longer_the_best_speaks_no_more(replicated):
    studies, records, _ = replicated
    study, trials = replication("gru", 1, {0.01: 8.0, 0.3: 7.0})
    better = record(confirmed_by(study, trials[1].run))
    found = replications_of([study, *studies[1:]], [*records, *trials, better])
    assert better.key in found.chosen
    assert found.superseded & {each.key for each in records} == {confirmed_by(study, trials[0].run).key}


def test_a_search_that_is_carried_out_once_has_none(replicated):
    studies, records, _ = replicated
    once = [dataclasses.replace(study, replication=0) for study in studies]
    assert replications_of(once, records) == replications_of([], records)
