"""The settings of a Run and their legal ranges: one flat dataclass per section of the config.

A key that the config leaves at null takes the task's own default, and failing that the default written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.schema import BelowOne, Count, CountOrOff, Fraction, Layers, NonNegative, Positive, Width

Phase = Literal["tune", "confirm"]
KernelName = Literal["auto", "reference", "bptt", "fused"]
Device = Literal["cpu", "cuda"]
SamplerName = Literal["random", "qmc", "grid"]
ExecutorName = Literal["local", "slurm", "ray"]


@dataclass(frozen=True)
class SizeSettings:
    """How the hidden size is chosen: given, or solved for a parameter budget."""

    mode: Literal["hidden", "params"] = "hidden"
    num_params: Count | None = None
    count: Literal["recurrent", "total"] = "recurrent"


@dataclass(frozen=True)
class InitSettings:
    """How the weights start; one declared scheme for every cell, so that cells are compared and not defaults.

    Sources: `uniform` U(-0.1, 0.1) input weights with orthogonal recurrent blocks (the released code of Chung
    et al. 2014, arXiv 1412.3555); `torch` U(-1/sqrt(H), 1/sqrt(H)) everywhere (torch.nn); `zaremba2014`
    U(-scale, scale) everywhere (arXiv 1409.2329); `greff2017` N(0, scale) weights (arXiv 1503.04069).
    """

    scheme: Literal["orthogonal", "torch", "zaremba2014", "greff2017"] = "orthogonal"
    scale: Positive = 0.1
    output_bias: Literal["marginals", "zero"] = "marginals"


@dataclass(frozen=True)
class OptimSettings:
    """The optimiser and the course of its learning rate.

    `schedule`: `constant`; `linear` to `final_fraction` of lr at the end of the budget; `plateau` multiplies by
    `factor` after `plateau_patience` evaluations without improvement; `zaremba` multiplies by `factor` at every
    epoch after `constant_epochs` (Zaremba et al. 2014, section 4.1).
    """

    name: Literal["sgd", "rmsprop", "adam", "adamw"] = "adam"
    lr: Positive = 1e-3
    momentum: BelowOne = 0.0
    nesterov: bool = False
    beta1: BelowOne = 0.9
    beta2: BelowOne = 0.999
    alpha: BelowOne = 0.99
    eps: Positive = 1e-8
    weight_decay: NonNegative = 0.0
    schedule: Literal["constant", "linear", "plateau", "zaremba"] = "constant"
    final_fraction: Fraction = 0.0
    factor: Fraction = 0.5
    plateau_patience: Count = 3
    constant_epochs: CountOrOff = 4


@dataclass(frozen=True)
class TrainSettings:
    """One training: its budget, its batches and its regularisation; 0 turns a limit or a noise off.

    `window` is the length of truncated backpropagation for text. `evaluate_every` counts updates; 0 evaluates
    after each epoch. `patience` counts evaluations without improvement. `dropout` acts between layers,
    `input_dropout` before the first and `output_dropout` after the last. `score_train` measures the best weights on
    the whole training split too, which is slow for long texts.
    """

    max_epochs: CountOrOff = 20
    max_updates: CountOrOff = 0
    max_seconds: NonNegative = 0.0
    batch_size: Count = 16
    window: Count = 50
    evaluate_every: CountOrOff = 0
    patience: CountOrOff = 0
    clip_norm: NonNegative = 1.0
    weight_noise: NonNegative = 0.0
    input_noise: NonNegative = 0.0
    dropout: BelowOne = 0.0
    input_dropout: BelowOne = 0.0
    output_dropout: BelowOne = 0.0
    score_train: bool = True


@dataclass(frozen=True)
class TuneSettings:
    """How each cell is tuned before it is compared: all cells with the same number of trials.

    `n_trials` is the total of a study, 0 for no tuning; a trial is trained on `seeds_per_trial` seeds from `seed` on
    and judged by the mean of their best validation losses. The best trial is then trained on `confirm_seeds` fresh
    seeds, the same for every cell, and only these see the test split.
    """

    n_trials: CountOrOff = 0
    sampler: SamplerName = "random"
    seed: CountOrOff = 0
    seeds_per_trial: Count = 1
    confirm_seeds: CountOrOff = 10


@dataclass(frozen=True)
class Limits:
    """What one Run may take before it is ended; none of it changes a number of a Run that stays within.

    `seconds` of training and evaluation, over all attempts; `memory` of its process in GiB; `silence`: seconds
    without an update; `retries`: how often a Run is tried again whose process died.
    """

    seconds: Positive | None = None
    memory: Positive | None = None
    silence: Positive = 600.0
    retries: CountOrOff = 1


@dataclass(frozen=True)
class SlurmSettings:
    """What a job asks of Slurm; sbatch takes anything else from its own environment variables (SBATCH_QOS, ...).

    `cluster=local` has submitit start the jobs on this machine instead. A job has `packs` packs of Runs and carries
    out `cores` of them at a time; after `minutes` it makes its checkpoints and ends, and what is left is submitted
    again. `memory` in GiB and `gpus` are those of the whole job.
    """

    cluster: Literal["slurm", "local"] = "slurm"
    partition: str | None = None
    account: str | None = None
    minutes: Count = 240
    memory: Positive | None = None
    cores: Count = 1
    gpus: CountOrOff = 0
    packs: Count = 1


@dataclass(frozen=True)
class RaySettings:
    """Which Ray cluster carries out tasks: the one at `address`, or one on this machine; a task has `packs` packs."""

    address: str | None = None
    packs: Count = 1


@dataclass(frozen=True)
class Site:
    """Where and how Runs are carried out: nothing in here changes a number.

    `checkpoint_seconds` is the least time between two checkpoints, 0 for one after every update; `population` is
    how many Runs of equal shape train together, by default as many as their device is made for.
    """

    directory: Path
    data_dir: str | None = None
    limits: Limits = field(default_factory=Limits)
    checkpoint_seconds: NonNegative = 10.0
    population: Count | None = None


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
    on_failure: Literal["keep", "stop"] = "keep"
