"""Where and how Runs are carried out: settings that change no number."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from bench.core.schema import Count, CountOrOff, Matching, NonNegative, Positive

Keep = Literal["none", "best"]
"""What is kept of a trained model: nothing, or its best weights by validation."""

SlurmName = Annotated[str, Matching(r"[\w.,-]{1,200}", "letters, digits and . , _ -")]


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
    partition: SlurmName | None = None
    account: SlurmName | None = None
    minutes: Count = 240
    memory: Positive | None = None
    cores: Count = 1
    gpus: CountOrOff = 0
    packs: Count = 1


@dataclass(frozen=True)
class RaySettings:
    """Which Ray cluster carries out tasks: the one at `address`, or one on this machine; a task has `packs` packs."""

    address: Annotated[str, Matching(r"auto|\S+:\d{1,5}", "HOST:PORT or auto")] | None = None
    packs: Count = 1


@dataclass(frozen=True)
class Site:
    """Where and how Runs are carried out: nothing in here changes a number.

    `checkpoint_seconds` is the least time between two checkpoints, 0 for one after every update; `population` is
    how many Runs of equal shape train together, by default as many as their device is made for. Where Runs are judged,
    they tell each evaluation and may be pruned. With `keep` the weights of each Run are written beside its record.
    """

    directory: Path
    data_dir: str | None = None
    limits: Limits = field(default_factory=Limits)
    checkpoint_seconds: NonNegative = 10.0
    population: Count | None = None
    is_pruning: bool = False
    keep: Keep = "none"
