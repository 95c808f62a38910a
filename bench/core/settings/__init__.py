"""The settings of a command and their legal ranges: one flat dataclass per section of the config.

A key that the config leaves at null takes the task's own default, and failing that the default written here.
"""

from __future__ import annotations

from bench.core.settings.command import Command, Device, ExecutorName, KernelName, Phase
from bench.core.settings.execution import Limits, RaySettings, Site, SlurmSettings
from bench.core.settings.training import SIZE_BUDGETS, InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.core.settings.tuning import (
    AutoSampler,
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
    SamplerChoice,
    Tpe,
    TuneSettings,
    WilcoxonPruner,
)

__all__ = [
    "SIZE_BUDGETS",
    "AutoSampler",
    "CmaEs",
    "Command",
    "Device",
    "ExecutorName",
    "GaussianProcess",
    "Grid",
    "HalvingPruner",
    "HyperbandPruner",
    "InitSettings",
    "KernelName",
    "Limits",
    "MedianPruner",
    "NoPruner",
    "OptimSettings",
    "Phase",
    "Pruner",
    "QuasiRandom",
    "RandomSearch",
    "RaySettings",
    "Sampler",
    "SamplerChoice",
    "Site",
    "SizeSettings",
    "SlurmSettings",
    "Tpe",
    "TrainSettings",
    "TuneSettings",
    "WilcoxonPruner",
]
