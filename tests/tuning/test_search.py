"""Searches: trials that are functions of what is declared, asked and told again to the same ends."""

from __future__ import annotations

import math
from typing import get_args

import optuna
import pytest

from bench.core.errors import ConfigError
from bench.core.settings import (
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
    WilcoxonPruner,
)
from bench.core.settings.search_space import space_of
from bench.testing.samplers import CHECKS, SPACE, asked, score
from bench.tuning.search import Search

SAMPLERS = (
    RandomSearch(),
    QuasiRandom(),
    QuasiRandom(sequence="halton"),
    Tpe(n_startup_trials=3),
    GaussianProcess(n_startup_trials=3),
    CmaEs(popsize=4),
    Grid(),
)


def search(sampler, pruner=None, *, space=SPACE, seed=3, n_steps=9):
    return Search(space, sampler, pruner or NoPruner(), direction="minimise", seed=seed, n_steps=n_steps)


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
