"""One point of a command: everything that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.core.schema import Count, CountOrOff, Layers, NonNegative, Width
from bench.core.settings.execution import Keep, Limits, RaySettings, SlurmSettings
from bench.core.settings.training import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.core.settings.tuning import TuneSettings

Phase = Literal["tune", "confirm"]
KernelName = Literal["auto", "reference", "bptt", "fused"]
Device = Literal["cpu", "cuda"]
ExecutorName = Literal["local", "slurm", "ray"]


@dataclass(frozen=True)
class Command:
    """One point of a command: the settings of a Run as asked for, and where and how it is to be carried out."""

    task: Mapping[str, Any]
    cell: Mapping[str, Any]
    size: SizeSettings = field(default_factory=SizeSettings)
    init: InitSettings = field(default_factory=InitSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    hidden_size: Width | None = None
    num_layers: Layers = 1
    embedding_size: Width = 64
    seed: CountOrOff = 0
    phase: Phase = "confirm"
    kernel: KernelName = "auto"
    device: Device = "cpu"
    name: str = "default"
    scale: Literal["full", "lite"] = "full"
    let: Mapping[str, Any] = field(default_factory=dict)
    data_dir: str | None = None
    executor: ExecutorName = "local"
    slurm: SlurmSettings = field(default_factory=SlurmSettings)
    ray: RaySettings = field(default_factory=RaySettings)
    workers: Count | None = None
    population: Count | None = None
    limits: Limits = field(default_factory=Limits)
    checkpoint_seconds: NonNegative = 10.0
    tune: TuneSettings = field(default_factory=TuneSettings)
    space: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    report: bool = True
    keep: Keep = "none"
    on_failure: Literal["keep", "stop"] = "keep"
