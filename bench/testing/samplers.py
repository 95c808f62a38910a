"""What every sampler must do: `check_sampler(Tpe())`, the settings as `conf/tune/sampler/` has them.

Source: the contract of a study, `bench/tuning/search.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from bench.core.settings import Grid, NoPruner, Sampler
from bench.core.settings.search_space import Space, Value, space_of
from bench.testing.require import require
from bench.tuning.search import Search

SPACE: Space = space_of(
    {
        "optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "alpha": {"low": 0.5, "high": 0.9}},
        "hidden_size": {"low": 4, "high": 32, "whole": True},
    }
)
STEPS: Space = space_of(
    {
        "optim": {"lr": {"low": 0.01, "high": 0.04, "step": 0.01}, "alpha": {"low": 0.5, "high": 0.9, "step": 0.1}},
        "hidden_size": {"low": 4, "high": 32, "step": 4, "whole": True},
    }
)
"""The same settings for a sampler that needs steps."""

CHOICES: Space = space_of({"optim": {"nesterov": {"choices": [True, False]}, "name": {"choices": ["adam", "sgd"]}}})

LEARNT = 16
"""Trials after which a sampler that learns must have learnt, beyond those that depend on no score."""

Trial = Mapping[str, Value]


def check_sampler(sampler: Sampler) -> None:
    """Check a sampler. Raises AssertionError with what is violated."""
    for check in CHECKS:
        check(sampler)


def search_of(sampler: Sampler, *, seed: int = 3, space: Space | None = None) -> Search:
    """Return a study to be minimised, without a pruner."""
    space = space or (STEPS if isinstance(sampler, Grid) else SPACE)
    return Search(space, sampler, NoPruner(), direction="minimise", seed=seed, n_steps=9)


def score(trial: Trial) -> float:
    """Return a loss that is least at lr 1e-2 and 20 units."""
    lr, units = float(trial["optim.lr"]), float(trial["hidden_size"])
    return (math.log10(lr) + 2) ** 2 + ((units - 20) / 16) ** 2


def asked(
    search: Search, n: int, *, known: Sequence[Trial] = (), loss: Callable[[Trial], float] = score
) -> list[dict[str, Value]]:
    """Return n trials, each told before the next is asked for, the first ones known from before."""
    found = []
    for number in range(n):
        found.append(search.ask(known[number] if number < len(known) else None))
        search.tell(number, "done", loss(found[-1]))
    return found


def n_trials(sampler: Sampler) -> int:
    """Return how many trials a check asks for: 9, or 6 beyond those that depend on no score."""
    search = search_of(sampler)
    return max(9, int(search.n_independent) + 6) if search.learns else 9


def check_repeats(sampler: Sampler) -> None:
    """A study is a function of its seed, and a longer one begins with a shorter one."""
    n = n_trials(sampler)
    short, long = asked(search_of(sampler), n - 3), asked(search_of(sampler), n)
    require(long[: n - 3] == short, f"{n} trials must begin with those of a shorter study, {short}; got {long}")
    if not isinstance(sampler, Grid):
        require(asked(search_of(sampler, seed=4), n - 3) != short, f"another seed must give other trials than {short}")


def check_space(sampler: Sampler) -> None:
    """Trials differ, have every setting and no other, each of its type and within its bounds."""
    is_grid = isinstance(sampler, Grid)
    space = STEPS if is_grid else SPACE
    trials = asked(search_of(sampler), n_trials(sampler))
    for trial in trials:
        require(set(trial) == set(space), f"a trial must set {sorted(space)}, got {sorted(trial)}")
        for path, dimension in space.items():
            low, high = dimension.bounds
            value = trial[path]
            kind = int if dimension.whole else float
            problem = f"{path} must be {kind.__name__} from {low:g} to {high:g}, got {value!r}"
            require(type(value) is kind and low <= value <= high, problem)
    n_different = len({tuple(trial.values()) if is_grid else trial["optim.lr"] for trial in trials})
    require(n_different == len(trials), f"{len(trials)} trials must be different, got {n_different}")


def check_choices(sampler: Sampler) -> None:
    """Choices keep their types, and every one of them is drawn with some seed."""
    found = [trial for seed in range(20) for trial in asked_choices(sampler, seed)]
    for path, dimension in CHOICES.items():
        drawn = {(type(trial[path]), trial[path]) for trial in found}
        wanted = {(type(choice), choice) for choice in dimension.choices}
        require(drawn == wanted, f"{path} must be drawn from {dimension.choices}, got {drawn}")


def asked_choices(sampler: Sampler, seed: int) -> list[dict[str, Value]]:
    """Return four trials of choices, as many as there are points."""
    search = search_of(sampler, seed=seed, space=CHOICES)
    return [search.ask() for _ in range(4)]


def check_goes_on(sampler: Sampler) -> None:
    """A study that is rebuilt and told what it had goes on as if it had not stopped."""
    n = n_trials(sampler)
    whole = asked(search_of(sampler), n + 1)
    again = asked(search_of(sampler), n + 1, known=whole[: n - 3])
    problem = f"a study rebuilt after {n - 3} trials must go on with {whole[n - 3 :]}, got {again[n - 3 :]}"
    require(again == whole, problem)


def check_learns(sampler: Sampler) -> None:
    """It depends on what it is told if, and only if, it says that it learns; and never before it says so."""
    search = search_of(sampler)
    n_free = int(search.n_independent) if search.learns else 0
    first = first_difference(sampler, n_free + LEARNT)
    if not search.learns:
        require(first is None, f"it says that it does not learn, and trial {first} depends on scores")
        return
    require(first is not None, f"it says that it learns, and {n_free + LEARNT} trials depend on no score")
    require(first is None or first >= n_free, f"the first {n_free} trials must depend on no score; {first} does")


def first_difference(sampler: Sampler, n: int) -> int | None:
    """Return the number of the first of n trials that opposite scores change, None where there is none."""
    left, right = search_of(sampler), search_of(sampler)
    for number in range(n):
        trial = left.ask()
        if trial != right.ask():
            return number
        left.tell(number, "done", score(trial))
        right.tell(number, "done", -score(trial))
    return None


def check_order(sampler: Sampler) -> None:
    """Trials may be told in any order, pruned, and without a score."""
    search = search_of(sampler)
    for _ in range(5):
        search.ask()
    search.tell(3, "done", 1.0)
    search.tell(0, "failed")
    search.report(1, 1, 2.0)
    search.tell(1, "pruned")
    search.tell(4, "done", 0.5)
    trial = search.ask()
    require(
        set(trial) == set(SPACE), f"trials told out of order must be followed by one of {sorted(SPACE)}, got {trial}"
    )


CHECKS: tuple[Callable[[Sampler], None], ...] = (
    check_repeats,
    check_space,
    check_choices,
    check_goes_on,
    check_learns,
    check_order,
)
