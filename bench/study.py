"""Study: the tuning of one cell on one task at one size; which settings its trials have, by Optuna's samplers.

Trial n depends on the space, the seed and n alone: every cell gets the same draws, a study that was interrupted goes
on with the same trials, and a longer study begins with the trials of a shorter one.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from itertools import product

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler

from bench.errors import ConfigError
from bench.records import digest_of
from bench.seeds import stream
from bench.settings import SamplerName
from bench.space import Dimension, Space, Value

SEEDS = 2**32
"""Optuna's samplers take no larger seed."""


def trials(space: Space, sampler: SamplerName, n_trials: int, *, seed: int) -> list[dict[str, Value]]:
    """Return the settings of each trial: `n_trials`, or all points of a grid where it has fewer.

    Raises ConfigError for a grid over a dimension without steps.
    """
    if sampler == "grid":
        points = product(*(_points(path, dimension) for path, dimension in space.items()))
        return [dict(zip(space, point, strict=True)) for point in points][:n_trials]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {path: _distribution(dimension) for path, dimension in space.items()}
    name = digest_of({path: dataclasses.asdict(dimension) for path, dimension in space.items()})
    study = optuna.create_study(pruner=optuna.pruners.NopPruner(), sampler=_sampler(sampler, name, seed, 0))
    found: list[dict[str, Value]] = []
    for number in range(n_trials):
        if sampler == "random":  # a sequence goes on by itself
            study.sampler = _sampler(sampler, name, seed, number)
        found.append(dict(study.ask(distributions).params))
    return found


def _sampler(sampler: SamplerName, name: str, seed: int, number: int) -> BaseSampler:
    """Return Optuna's sampler, every argument written out, so that no release changes a study by its defaults."""
    drawn = stream("sampler", space=name, seed=seed, trial=number) % SEEDS
    if sampler == "random":
        return RandomSampler(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return QMCSampler(qmc_type="sobol", scramble=True, seed=drawn, warn_independent_sampling=False)


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high = dimension.bounds
    if dimension.whole:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(dimension.step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=dimension.step)


def _points(path: str, dimension: Dimension) -> list[Value]:
    """Return the values that a grid visits."""
    if dimension.choices:
        return list(dimension.choices)
    step = dimension.step or (1.0 if dimension.whole else None)
    if step is None:
        raise ConfigError(f"space.{path}.step", "is required for a grid, and not given")
    low, high = dimension.bounds
    values = [low + i * step for i in range(math.floor((high - low) / step + 1e-9) + 1)]
    return [int(value) for value in values] if dimension.whole else list(values)
