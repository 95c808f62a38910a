"""Diff: equal to the last bit or not, and whether two means can be told apart."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bench import results
from bench.cli.commands.diff import describe
from bench.core.settings import OptimSettings
from bench.results.diff import compare
from bench.stats.paired import PAIRED
from tests.cli.test_commands import said
from tests.report.fabricated import failure, nats_of, record, run, scores, sweep, task
from tests.report.tuned import replicated


def worse(by: float, wobble: float = 0.0, **changes):
    """Records like those of a sweep, each score moved."""
    records = []
    for old in sweep(8, ("gru",), **changes):
        moved = nats_of(old.run) + by + wobble * (old.run.seed % 3 - 1)
        records.append(record(old.run, scores=scores(old.run, moved)))
    return records


def test_the_replications_of_a_search_are_one_group_whatever_each_chose():
    studies, records = replicated("gru", 3, 6)
    (group,) = compare(records, records, (studies, studies)).groups
    assert (group.conclusion, group.interval.n) == ("not told apart", 6)
    assert len(compare(records, records).groups) == 6


def test_equal_sets_are_identical_to_the_last_bit():
    found = compare(sweep(3), sweep(3))
    assert len(found.identical) == 9
    assert (found.different, found.only_left, found.only_right, found.rematched) == ((), (), (), ())


def test_a_run_that_one_set_lacks_is_named():
    found = compare(sweep(3, ("gru",)), sweep(2, ("gru", "lstm")))
    assert [each.run.label for each in found.only_left] == [run("gru", 2).label]
    assert [each.run.cell_name for each in found.only_right] == ["lstm", "lstm"]


def test_the_last_bit_of_a_score_makes_a_difference():
    old = record(run())
    value = old.outcome.scores["test"]["nll"]
    changed = {**old.outcome.scores, "test": {**old.outcome.scores["test"], "nll": value * (1 + 2**-52)}}
    (pair,) = compare([old], [record(run(), scores=changed)]).different
    assert pair.fields == ("scores",)
    assert pair.metric == "test nll"
    assert 0 < pair.relative < 1e-15


def test_minus_zero_is_not_zero():
    first, second = (record(run(), n_epochs=value) for value in (0.0, -0.0))
    assert compare([first], [second]).different[0].fields == ("n_epochs",)


def test_a_run_that_failed_in_one_set_is_told_by_its_ending():
    found = compare([record(run())], [failure(run())])
    (pair,) = found.different
    assert "status" in pair.fields
    assert pair.scores[1] is None
    assert "failed" in describe(found)


def test_a_shift_larger_than_the_spread_is_significant_and_paired_by_seed():
    (group,) = compare(worse(0.0), worse(0.5, wobble=0.01)).groups
    assert group.conclusion == "different"
    assert group.interval.kind == PAIRED
    assert group.interval.n == 8
    assert group.interval.low < 0.5 < group.interval.high


def test_a_shift_smaller_than_the_spread_is_not():
    (group,) = compare(worse(0.0), worse(0.001, wobble=0.5)).groups
    assert group.conclusion == "not told apart"


def test_without_shared_seeds_welch_judges():
    left = sweep(8, ("gru",))
    right = [record(run("gru", seed)) for seed in range(100, 108)]
    (group,) = compare(left, right).groups
    assert (group.interval.kind, group.interval.n) == ("Welch t", 8)


def test_fewer_than_six_pairs_are_not_judged():
    (group,) = compare(sweep(5, ("gru",)), sweep(5, ("gru",))).groups
    assert group.interval is None
    assert group.conclusion == "too few runs (5) to judge; it takes 6"


def test_runs_of_other_settings_are_matched_by_task_cell_size_and_seed():
    found = compare(worse(0.0), worse(0.5, wobble=0.01, optim=OptimSettings(lr=0.01)))
    assert not found.identical
    assert len(found.rematched) == 8
    (group,) = found.groups
    assert group.settings == {"A": "optim.lr=0.001", "B": "optim.lr=0.01"}
    assert group.conclusion == "different"
    page = describe(found)
    assert "other settings, but the same task, cell, size and seed" in page
    assert "optim.lr=0.01" in page


def test_several_settings_of_one_size_are_compared_each_with_itself():
    both = [*worse(0.0), *worse(0.0, optim=OptimSettings(lr=0.01))]
    found = compare(both, both)
    assert [group.settings for group in found.groups] == [{"A": "", "B": ""}] * 2
    other = [*worse(0.0, optim=OptimSettings(lr=0.1)), *worse(0.0, optim=OptimSettings(lr=1.0))]
    (group,) = compare(both, other).groups
    assert group.conclusion == "2 and 2 other settings: not matched"


@pytest.mark.parametrize(
    ("other", "conclusion"),
    [
        (sweep(8, ("gru",), task=task(version=2)), "other task versions: not compared"),
        (
            [record(each.run, data_digests={"train": "else"}) for each in sweep(8, ("gru",))],
            "made on other data: not compared",
        ),
    ],
)
def test_numbers_of_other_data_are_never_compared(other, conclusion):
    (group,) = compare(sweep(8, ("gru",)), other).groups
    assert (group.interval, group.conclusion) == (None, conclusion)


def test_tuning_runs_are_compared_by_validation():
    left, right = (sweep(8, ("gru",), phase="tune") for _ in range(2))
    (group,) = compare(left, right).groups
    assert group.metric == "validation nll"


def test_the_command_prints_the_difference_as_json(tmp_path, capsys):
    for name, records in (("a", worse(0.0)), ("b", worse(0.5, wobble=0.01))):
        for each in records:
            results.write(tmp_path / name, each)
    found = json.loads(said(["diff", str(tmp_path / "a"), str(tmp_path / "b"), "--json"], capsys))
    assert (len(found["different"]), found["identical"], found["damaged"]) == (8, [], [])
    (group,) = found["groups"]
    assert (group["conclusion"], group["n"], group["hidden_size"]) == ("different", 8, 46)
    page = said(["diff", str(tmp_path / "a"), str(tmp_path / "b")], capsys)
    assert "0 runs identical to the last bit, 8 different" in page


def test_a_record_keeps_its_place_whatever_its_cost():
    left = record(run())
    right = dataclasses.replace(left, cost=dataclasses.replace(left.cost, seconds=99.0))
    assert len(compare([left], [right]).identical) == 1


def test_a_trial_of_a_search_is_compared_as_a_run_and_not_as_a_group():
    trials = [record(run(seed=0, phase="tune", optim=OptimSettings(lr=lr))) for lr in (0.01, 0.02)]
    found = compare([*trials, *sweep(6, ("gru",))], [*trials, *sweep(6, ("gru",))])
    assert len(found.identical) == 8
    assert [group.interval.n for group in found.groups] == [6]
    elsewhere = compare([*trials, *sweep(6, ("gru",), task=task("else"))], trials)
    assert len(elsewhere.groups) == 2
    alone = compare(trials, trials)
    assert [group.label for group in alone.groups] == ["optim.lr=0.01", "optim.lr=0.02"]
    assert {group.conclusion for group in alone.groups} == {"too few runs (1) to judge; it takes 6"}


def test_groups_of_one_place_are_told_by_the_settings_that_they_differ_in():
    rates = [OptimSettings(lr=lr) for lr in (0.01, 0.02)]
    sides = [record for optim in rates for record in sweep(6, ("gru",), optim=optim)]
    found = compare(sides, sides)
    assert sorted(group.label for group in found.groups) == ["optim.lr=0.01", "optim.lr=0.02"]
    assert "optim.lr=0.02" in describe(found)
    assert [group.label for group in compare(sides[:6], sides[:6]).groups] == [""]
