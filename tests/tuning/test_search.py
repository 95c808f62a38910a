"""Searches: trials that are functions of what is declared, asked and told again to the same ends."""

from __future__ import annotations

import math

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
    Tpe,
    WilcoxonPruner,
)
from bench.core.settings.search_space import space_of
from bench.tuning.search import Search

SPACE = space_of(
    {
        "optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "alpha": {"low": 0.5, "high": 0.9}},
        "hidden_size": {"low": 4, "high": 32, "whole": True},
    }
)
SAMPLERS = (
    RandomSearch(),
    QuasiRandom(),
    QuasiRandom(sequence="halton"),
    Tpe(n_startup_trials=3),
    GaussianProcess(n_startup_trials=3),
    CmaEs(popsize=4),
)
LEARNING = SAMPLERS[3:]


def search(sampler, pruner=None, *, space=SPACE, seed=3, n_steps=9):
    return Search(space, sampler, pruner or NoPruner(), direction="minimise", seed=seed, n_steps=n_steps)


def score(params) -> float:
    """Return a loss that is least at lr 1e-2 and 20 units."""
    return (math.log10(params["optim.lr"]) + 2) ** 2 + ((params["hidden_size"] - 20) / 16) ** 2


def study(made, n, *, known=()):
    """Ask for n trials, each told before the next, the first ones known from before."""
    found = []
    for number in range(n):
        found.append(made.ask(known[number] if number < len(known) else None))
        made.tell(number, "done", score(found[-1]))
    return found


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_study_is_a_function_of_its_seed_and_a_longer_one_begins_with_a_shorter_one(sampler):
    short, long = study(search(sampler), 6), study(search(sampler), 9)
    assert long[:6] == short
    assert len({trial["optim.lr"] for trial in long}) == 9
    assert all(1e-4 <= trial["optim.lr"] <= 1e-1 and 4 <= trial["hidden_size"] <= 32 for trial in long)
    assert study(search(sampler, seed=4), 6) != short


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_study_that_is_told_what_it_had_goes_on_as_if_it_had_not_stopped(sampler):
    whole = study(search(sampler), 10)
    assert study(search(sampler), 10, known=whole[:6]) == whole


@pytest.mark.parametrize("sampler", LEARNING, ids=lambda sampler: sampler.name)
def test_a_sampler_that_learns_depends_on_what_it_is_told(sampler):
    one, other = search(sampler), search(sampler)
    study(one, 8)
    for number in range(8):
        other.tell(number, "done", -score(other.ask()))
    assert one.ask() != other.ask()


def test_tpe_finds_better_trials_than_its_random_start():
    found = [score(params) for params in study(search(Tpe()), 30)]
    assert min(found[10:]) < min(found[:10])
    assert sum(found[20:]) < sum(found[:10])


def test_the_first_trials_of_samplers_that_learn_are_the_same_for_every_cell():
    assert [search(Tpe()).ask() for _ in range(2)] == [search(Tpe()).ask() for _ in range(2)]
    assert search(Tpe(n_startup_trials=7)).n_independent == 7
    assert search(RandomSearch()).n_independent == math.inf


def test_trials_may_be_told_in_any_order_and_without_a_score():
    made = search(Tpe(n_startup_trials=2))
    for _ in range(5):
        made.ask()
    made.tell(3, "done", 1.0)
    made.tell(0, "failed")
    made.report(1, 1, 2.0)
    made.tell(1, "pruned")
    made.tell(4, "done", 0.5)
    assert set(made.ask()) == set(SPACE)


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


def test_choices_keep_their_types():
    space = space_of({"optim": {"nesterov": {"choices": [True, False]}, "name": {"choices": ["adam", "sgd"]}}})
    found = [search(RandomSearch(), space=space, seed=seed).ask() for seed in range(20)]
    assert {trial["optim.nesterov"] for trial in found} == {True, False}
    assert {type(trial["optim.nesterov"]) for trial in found} == {bool}


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
