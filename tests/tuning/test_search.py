"""Searches: trials that are functions of what is declared, asked and told again to the same ends."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import get_args

import optuna
import pytest

from bench.core.errors import ConfigError
from bench.core.settings import (
    AutoSampler,
    CmaEs,
    GaussianProcess,
    Grid,
    HalvingPruner,
    HyperbandPruner,
    MedianPruner,
    NoPruner,
    QuasiRandom,
    RandomSearch,
    Sampler,
    Tpe,
    TuneSettings,
    WilcoxonPruner,
)
from bench.core.settings.search_space import space_of
from bench.testing.samplers import CHECKS, SPACE, asked, score
from bench.tuning.search import Search

SAMPLERS = (
    RandomSearch(),
    QuasiRandom(sequence="lattice"),
    QuasiRandom(sequence="sobol"),
    QuasiRandom(sequence="halton"),
    Tpe(n_startup_trials=3),
    GaussianProcess(n_startup_trials=3),
    CmaEs(popsize=4),
    Grid(),
)


def search(sampler, pruner=None, *, space=SPACE, seed=3, n_steps=9):
    return Search(space, sampler, pruner or NoPruner(), direction="minimise", seed=seed, n_steps=n_steps)


@pytest.mark.parametrize(
    ("sampler", "once", "often"),
    [
        (AutoSampler(), RandomSearch(), QuasiRandom(sequence="lattice")),
        (RandomSearch(), RandomSearch(), RandomSearch()),
        (QuasiRandom(), QuasiRandom(sequence="sobol"), QuasiRandom(sequence="lattice")),
        (QuasiRandom(sequence="halton"), QuasiRandom(sequence="halton"), QuasiRandom(sequence="halton")),
    ],
)
def test_what_a_sampler_leaves_open_is_decided_by_whether_there_are_replications(sampler, once, often):
    assert TuneSettings(sampler=sampler).resolved_sampler == once
    assert TuneSettings(sampler=sampler, replications=2).resolved_sampler == often


def places(space, n, seed=3):
    made = search(QuasiRandom(sequence="lattice"), space=space, seed=seed)
    return [[space[path].place_of(value) for path, value in made.ask().items()] for _ in range(n)]


@pytest.mark.parametrize("n", [2, 3, 6, 10, 30, 100])
def test_the_first_trials_of_a_lattice_leave_no_large_gap_whatever_their_number(n):
    """On the circle of places; n random draws leave a gap of about log(n) / n."""
    space = space_of({"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}})
    for seed in range(5):
        found = sorted(place for (place,) in places(space, n, seed))
        gaps = [after - before for before, after in pairwise([*found, found[0] + 1])]
        assert max(gaps) <= 1.9 / n


def test_every_trial_of_a_lattice_is_one_step_from_the_one_before():
    space = space_of({"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "alpha": {"low": 0.5, "high": 0.9}}})
    ratio = 1.324717957244746  # the real root of x ** 3 = x + 1
    found = places(space, 50)
    for before, after in pairwise(found):
        steps = [(second - first) % 1 for first, second in zip(before, after, strict=True)]
        assert sorted(steps) == pytest.approx([ratio**-2, ratio**-1], abs=1e-9)


def test_a_lattice_is_shifted_by_the_seed_in_each_setting_by_itself():
    space = space_of({"optim": {"lr": {"low": 0.0, "high": 1.0}, "alpha": {"low": 0.0, "high": 1.0}}})
    shifts = [places(space, 1, seed)[0] for seed in range(200)]
    for axis in range(2):
        values = sorted(shift[axis] for shift in shifts)
        assert max(abs(value - (i + 0.5) / 200) for i, value in enumerate(values)) < 0.1  # 1.36 / sqrt(200) at 5 %
    assert all(first != second for first, second in shifts)


def test_a_lattice_gives_equal_parts_to_values_that_can_be_counted():
    space = space_of(
        {
            "hidden_size": {"low": 4, "high": 7, "whole": True},
            "num_layers": {"choices": [1, 2]},
            "optim": {"nesterov": {"choices": [True, False]}, "alpha": {"low": 0.1, "high": 0.5, "step": 0.1}},
        }
    )
    made = search(QuasiRandom(sequence="lattice"), space=space)
    drawn = [made.ask() for _ in range(400)]
    for path, n in {"hidden_size": 4, "num_layers": 2, "optim.nesterov": 2, "optim.alpha": 5}.items():
        counts = Counter(round(trial[path], 9) for trial in drawn)
        assert len(counts) == n
        assert all(abs(count - 400 / n) <= 8 for count in counts.values()), (path, counts)


def test_whole_numbers_on_a_logarithmic_scale_stay_in_their_range():
    space = space_of({"hidden_size": {"low": 4, "high": 64, "log": True, "whole": True}})
    made = search(QuasiRandom(sequence="lattice"), space=space)
    drawn = [made.ask()["hidden_size"] for _ in range(300)]
    assert (min(drawn), max(drawn)) == (4, 64)
    assert sorted(drawn)[150] == pytest.approx(16, abs=1)


def test_no_sampler_is_left_out():
    assert {type(sampler) for sampler in SAMPLERS} == set(get_args(Sampler))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_sampler_keeps_the_contract(sampler, check):
    check(sampler)


def test_tpe_finds_better_trials_than_its_random_start():
    found = [score(params) for params in asked(search(Tpe()), 30)]
    assert min(found[10:]) < min(found[:10])
    assert sum(found[20:]) < sum(found[:10])


def test_the_first_trials_of_samplers_that_learn_are_the_same_for_every_cell():
    assert [search(Tpe()).ask() for _ in range(2)] == [search(Tpe()).ask() for _ in range(2)]
    assert search(Tpe(n_startup_trials=7)).n_independent == 7
    assert search(RandomSearch()).n_independent == math.inf


def test_a_grid_visits_every_point_once():
    space = space_of(
        {"hidden_size": {"low": 4, "high": 12, "step": 4, "whole": True}, "num_layers": {"choices": [1, 2]}}
    )
    made = search(Grid(), space=space)
    assert made.n_points(100) == 6
    assert made.n_points(4) == 4
    points = [tuple(made.ask().values()) for _ in range(6)]
    assert points == [(4, 1), (4, 2), (8, 1), (8, 2), (12, 1), (12, 2)]


def test_a_grid_needs_steps():
    with pytest.raises(ConfigError, match=r"space\.optim\.lr\.step"):
        search(Grid())


PRUNERS = (MedianPruner(n_startup_trials=2), HalvingPruner(reduction_factor=2), HyperbandPruner(reduction_factor=2))


@pytest.mark.parametrize("pruner", PRUNERS, ids=lambda pruner: pruner.name)
def test_a_pruner_gives_up_the_trials_that_are_far_behind_and_never_the_best(pruner):
    made, given_up = search(RandomSearch(), pruner), []
    for number in range(12):
        made.ask()
        level = 1.0 if number == 5 else 10.0 + number
        pruned = next((step for step in range(1, 10) if made.report(number, step, level - step / 100)), None)
        made.tell(number, "pruned" if pruned else "done", None if pruned else level)
        given_up += [number] if pruned else []
    assert given_up
    assert 5 not in given_up


def test_without_a_pruner_nothing_is_given_up():
    made = search(RandomSearch())
    made.ask()
    assert not any(made.report(0, step, 100.0) for step in range(1, 10))


def test_a_trial_that_is_worse_on_every_seed_is_given_up_over_its_seeds():
    made = search(RandomSearch(), WilcoxonPruner(n_startup_steps=2))
    made.ask()
    for step in range(1, 9):
        assert not made.report(0, step, 1.0 + step / 10)
    made.tell(0, "done", 1.4)
    made.ask()
    given_up = [made.report(1, step, 2.0 + step / 9) for step in range(1, 9)]
    assert not any(given_up[:2])
    assert any(given_up)


@pytest.mark.parametrize("verbosity", [optuna.logging.DEBUG, optuna.logging.WARNING])
def test_a_search_leaves_optuna_as_talkative_as_it_was(verbosity):
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(verbosity)
    try:
        search = Search(SPACE, RandomSearch(), NoPruner(), direction="minimise", seed=0, n_steps=0)
        search.ask()
        search.tell(0, "done", 1.0)
        assert optuna.logging.get_verbosity() == verbosity
    finally:
        optuna.logging.set_verbosity(before)
