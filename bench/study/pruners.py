"""Optuna's pruners, every argument passed on."""

from __future__ import annotations

import optuna
from optuna import pruners
from optuna.pruners import BasePruner

from bench.settings import HalvingPruner, HyperbandPruner, MedianPruner, NoPruner, Pruner, WilcoxonPruner
from bench.study.samplers import quiet


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
