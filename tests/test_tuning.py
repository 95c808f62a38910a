"""Tuning: equal draws for every cell, the best trial confirmed on fresh seeds, nothing lost when interrupted."""

from __future__ import annotations

import pytest

from bench import study, tuning
from bench.errors import ConfigError
from bench.space import space_of
from tests.test_config import GOOD
from tests.test_sweep import bench, records
from tests.toys import write_text_task

SPACE = {"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}}
TUNED = ("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "train.max_updates=20", "space=lr", "tune.n_trials=4")
CONFIRMED = (*TUNED, "tune.confirm_seeds=3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    done = bench(path, *CONFIRMED, "name=tuned")
    assert done.returncode == 0, done.stderr
    (path / "said.txt").write_text(done.stderr)
    return path


def by_phase(folder, name):
    found = records(folder, name)
    return [[record for record in found if record.run.phase == phase] for phase in ("tune", "confirm")]


def test_every_cell_gets_the_same_trials_and_no_trial_sees_the_test_split(folder):
    trials, _ = by_phase(folder, "tuned")
    rates = {cell: {r.run.optim.lr for r in trials if r.run.cell_name == cell} for cell in ("gru", "tanh")}
    assert len(rates["gru"]) == 4
    assert rates["gru"] == rates["tanh"]
    assert not any("test" in record.outcome.scores for record in trials)


def test_the_best_trial_by_validation_is_confirmed_on_fresh_seeds_that_the_cells_share(folder):
    trials, confirmed = by_phase(folder, "tuned")
    seeds = {}
    for cell in ("gru", "tanh"):
        best = min(
            (r for r in trials if r.run.cell_name == cell),
            key=lambda r: r.outcome.scores["validation"]["bits_per_char"],
        )
        of_cell = [record for record in confirmed if record.run.cell_name == cell]
        assert {record.run.optim.lr for record in of_cell} == {best.run.optim.lr}
        assert all("test" in record.outcome.scores for record in of_cell)
        seeds[cell] = {record.run.seed for record in of_cell}
    assert seeds["gru"] == seeds["tanh"] == {1000, 1001, 1002}
    assert not seeds["gru"] & {record.run.seed for record in trials}


def test_the_winner_and_its_score_are_said(folder):
    said = (folder / "said.txt").read_text()
    assert "study mine gru: best of 4 trials: optim.lr " in said
    assert "8 runs, 0 already done" in said
    assert "14 runs, 8 already done, 6 to do" in said


def test_the_same_command_again_trains_nothing_and_more_trials_only_the_new_ones(folder):
    again = bench(folder, *CONFIRMED, "name=tuned")
    assert "14 runs, 14 already done, 0 to do" in again.stderr
    longer = bench(folder, *CONFIRMED, "name=tuned", "tune.n_trials=5", "dry_run=true")
    assert "10 runs, 8 already done, 2 to do" in longer.stderr


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_a_longer_study_begins_with_the_trials_of_a_shorter_one(sampler):
    space = space_of(SPACE)
    short, long = (study.trials(space, sampler, n, seed=3) for n in (5, 9))
    assert long[:5] == short
    assert len({trial["optim.lr"] for trial in long}) == 9
    assert all(1e-4 <= trial["optim.lr"] <= 1e-1 for trial in long)
    assert study.trials(space, sampler, 5, seed=4) != short


def test_a_grid_visits_every_point_once():
    space = space_of(
        {"hidden_size": {"low": 4, "high": 12, "step": 4, "whole": True}, "num_layers": {"choices": [1, 2]}}
    )
    points = [tuple(trial.values()) for trial in study.trials(space, "grid", 100, seed=0)]
    assert points == [(4, 1), (4, 2), (8, 1), (8, 2), (12, 1), (12, 2)]
    assert len(study.trials(space, "grid", 4, seed=0)) == 4


def test_a_grid_needs_steps():
    with pytest.raises(ConfigError, match=r"space\.optim\.lr\.step"):
        study.trials(space_of(SPACE), "grid", 3, seed=0)


BAD_SPACES = [
    ({"optim": {"lr": 3}}, "must be a mapping with low and high, or with choices, got 3"),
    ({"optim": {"lr": {"low": 1.0}}}, "needs low below high"),
    ({"optim": {"lr": {"low": 1.0, "high": 0.5}}}, "needs low below high, got 1.0 and 0.5"),
    ({"optim": {"lr": {"low": 0, "high": 0.5, "log": True}}}, "must be above 0 where log is true"),
    ({"optim": {"lr": {"low": 1, "high": 2, "choices": [1]}}}, "either low and high, or choices"),
    ({"optim": {"lr": {"low": 1, "high": 2, "colour": 1}}}, "unknown key"),
    ({"hidden_size": {"low": 1.5, "high": 2, "whole": True}}, "whole numbers need whole bounds"),
]


@pytest.mark.parametrize(("node", "message"), BAD_SPACES, ids=[message for _, message in BAD_SPACES])
def test_a_bad_space_is_refused_by_name(node, message):
    with pytest.raises(ConfigError, match=message):
        space_of(node)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tune.n_trials=3",), "`space`: is empty with tune.n_trials=3"),
        (("space=lr",), "`space`: is searched only with tune.n_trials above 0"),
        (("tune.n_trials=3", "+space.optim.colour.choices=[1]"), "`space.optim.colour`: is no setting"),
        (("tune.n_trials=3", "+space.hidden_size.choices=[0]"), "`space.hidden_size`: must be at least 1"),
        (("tune.n_trials=3", "space=lr", "tune.sampler=oracle"), "must be one of random, qmc, grid"),
    ],
    ids=str,
)
def test_bad_tuning_is_refused_before_anything_is_written(folder, words, message):
    done = bench(folder, "-m", "task=mine", "cell=gru", "name=bad", *words)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (folder / "results" / "bad").exists()


def test_a_winner_at_the_edge_of_its_space_is_seen():
    (dimension,) = space_of(SPACE).values()
    assert tuning._is_at_edge(dimension, 0.0999)
    assert tuning._is_at_edge(dimension, 1.1e-4)
    assert not tuning._is_at_edge(dimension, 1e-2)
