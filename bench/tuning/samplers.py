"""Optuna's samplers, every argument passed on, so that no release changes a study by its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna import pruners
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from bench.claims.importance import quiet
from bench.core.seeds import SEEDS, stream
from bench.core.settings import (
    CmaEs,
    GaussianProcess,
    Grid,
    HalvingPruner,
    HyperbandPruner,
    MedianPruner,
    NoPruner,
    Pruner,
    QuasiRandom,
    RandomSearch,
    Sampler,
    Tpe,
    WilcoxonPruner,
)
from bench.tuning.lattice import place_in_lattice, value_at

RESEEDED = (RandomSearch, Tpe, GaussianProcess)
"""Samplers created again for each trial; the others keep their state."""

LEARNING = (Tpe, GaussianProcess, CmaEs)
"""Samplers whose trials depend on the scores of the trials before."""


class _EachByItself(BaseSampler):
    """A sampler that draws each setting by itself."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: each setting is drawn by itself."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing, as above."""
        return {}


class _Independent(_EachByItself):
    """Random draws that are functions of the seed, the trial and the setting, and of nothing drawn before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a draw for one setting of a trial."""
        seed = stream("sampler", space=param_name, seed=self._seed, trial=trial.number) % SEEDS
        return RandomSampler(seed).sample_independent(study, trial, param_name, param_distribution)


class _Lattice(_EachByItself):
    """A lattice whose shift is a function of the seed, so that a point depends on nothing drawn before."""

    def __init__(self, seed: int, names: Sequence[str]) -> None:
        self._seed, self._names = seed, sorted(names)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return one coordinate of the trial's point."""
        shift = stream("sampler", space=param_name, seed=self._seed, trial=0) / 2**63
        axis = self._names.index(param_name)
        return value_at(place_in_lattice(trial.number, axis, len(self._names), shift), param_distribution)


def sampler_of(settings: Sampler, seed: int, names: Sequence[str] = ()) -> BaseSampler:
    """Return Optuna's sampler, or ours in Optuna's form, for the settings of these names."""
    with quiet():
        match settings:
            case RandomSearch() | Grid():
                return RandomSampler(seed)
            case QuasiRandom(sequence="lattice"):
                return _Lattice(seed, names)
            case QuasiRandom():
                return QMCSampler(
                    qmc_type=settings.sequence or "sobol",
                    scramble=settings.scramble,
                    seed=seed,
                    independent_sampler=_Independent(seed),
                    warn_independent_sampling=False,
                )
            case Tpe():
                return TPESampler(
                    n_startup_trials=settings.n_startup_trials,
                    n_ei_candidates=settings.n_ei_candidates,
                    multivariate=settings.multivariate,
                    group=settings.group,
                    constant_liar=settings.constant_liar,
                    seed=seed,
                )
            case GaussianProcess():
                return GPSampler(
                    n_startup_trials=settings.n_startup_trials,
                    deterministic_objective=settings.deterministic_objective,
                    independent_sampler=_Independent(seed),
                    seed=seed,
                    warn_independent_sampling=False,
                )
            case CmaEs():
                return CmaEsSampler(
                    sigma0=settings.sigma0,
                    n_startup_trials=settings.n_startup_trials,
                    independent_sampler=_Independent(seed),
                    warn_independent_sampling=False,
                    seed=seed,
                    consider_pruned_trials=settings.consider_pruned_trials,
                    popsize=settings.popsize,
                    use_separable_cma=settings.use_separable_cma,
                    with_margin=settings.with_margin,
                    lr_adapt=settings.lr_adapt,
                )


def pruner_of(settings: Pruner, n_steps: int) -> BasePruner:
    """Return Optuna's pruner for trials of at most `n_steps` reports, 0 where that is unknown."""
    with quiet():
        match settings:
            case NoPruner():
                return optuna.pruners.NopPruner()
            case MedianPruner():
                return pruners.MedianPruner(
                    settings.n_startup_trials,
                    settings.n_warmup_steps,
                    settings.interval_steps,
                    n_min_trials=settings.n_min_trials,
                )
            case HalvingPruner():
                return pruners.SuccessiveHalvingPruner(
                    settings.min_resource or "auto",
                    settings.reduction_factor,
                    settings.min_early_stopping_rate,
                    settings.bootstrap_count,
                )
            case HyperbandPruner():
                return pruners.HyperbandPruner(
                    settings.min_resource,
                    settings.max_resource or n_steps or "auto",
                    settings.reduction_factor,
                    settings.bootstrap_count,
                )
            case WilcoxonPruner():
                return pruners.WilcoxonPruner(
                    p_threshold=settings.p_threshold, n_startup_steps=settings.n_startup_steps
                )
