"""The two contenders of a job: this project, and the plain script from the same weights on the same batches.

Favoured is the script: its batches come in our order without a price, its frames are floating-point numbers already,
and denormal numbers are treated as zero for both, which it would not have thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils.data import DataLoader

from bench.cells import Cell
from bench.core.errors import BenchError
from bench.core.settings import OptimSettings
from bench.speed import plain
from bench.speed.jobs.job import SEED, Data, Job
from bench.speed.peers import TorchModel
from bench.speed.workloads import CLIP_NORM
from bench.tasks.base import Sequences, Stream
from bench.training.batches import EVALUATION_BATCH, EVALUATION_WINDOW, sequence_order
from bench.training.evaluation import Machine
from bench.training.loop import Alone, machine_for, member_of, update_and_evaluate
from bench.training.validation import Validation


class Ours:
    """A job in this project: what `bench.training.loop.fit` does, without checkpoints, epoch by epoch."""

    def __init__(self, job: Job, cell: Cell, data: Data, machine: Machine | None = None) -> None:
        task = data.task
        run, shape = job.run(cell, task), job.shape(cell, task)
        self.machine = machine or machine_for(run, shape)
        self.member = member_of(run, shape, task, self.machine)
        self.schedule = Alone([self.member], shape, task, self.machine)
        self._validation = Validation(data.validation, shape, task, self.machine)

    def epoch(self) -> None:
        """Train for an epoch, evaluate, and keep the weights if they are the best."""
        end = self.member.epoch + 1
        while self.member.epoch < end and self.member.status is None:
            update_and_evaluate(self.schedule, self._validation, self.machine)
        if self.member.status is not None:
            raise BenchError(f"training to time it failed: {self.member.reason}")

    @property
    def validation_nats(self) -> float:
        """The last validation loss."""
        return self.member.curve[-1].validation_nats


def plain_training(job: Job, cell: Cell, data: Data, row: Tensor) -> plain.Training:
    """Return the plain script's training, from the weights of a member of ours before its first update."""
    task = data.task
    model = TorchModel(job.shape(cell, task), row)
    batches, validation = _batches(job, data, row.dtype)
    optimiser = _optimiser(model.parameters(), job.optim)
    return plain.Training(model, batches, validation, optimiser, CLIP_NORM, job.weight_noise)


def _batches(
    job: Job, data: Data, dtype: torch.dtype
) -> tuple[Callable[[int], Iterable[plain.Batch]], list[plain.Batch]]:
    """Return the batches of each epoch, the same as ours and in our order, and those of validation."""
    train, validation = data.task.train, data.validation
    if isinstance(train, Sequences) and isinstance(validation, Sequences):
        frames = [each.to(dtype) for each in train.frames]

        def loader(epoch: int) -> Iterable[plain.Batch]:
            order = sequence_order(train, job.task_name, seed=SEED, epoch=epoch, batch_size=job.batch_size)
            return DataLoader(frames, batch_sampler=order, collate_fn=plain.pad)  # type: ignore[arg-type]

        by_length = sorted((each.to(dtype) for each in validation.frames), key=len)
        return loader, list(DataLoader(by_length, EVALUATION_BATCH, collate_fn=plain.pad))  # type: ignore[arg-type]
    if isinstance(train, Stream) and isinstance(validation, Stream):
        windows = plain.Windows(train.tokens, train.before, job.batch_size, job.window)
        held_out = plain.Windows(validation.tokens, validation.before, data.task.tracks, EVALUATION_WINDOW)
        return lambda epoch: DataLoader(windows, batch_size=None), list(DataLoader(held_out, batch_size=None))
    raise TypeError(f"task `{job.task_name}` is neither sequences nor a text")


def _optimiser(weights: Iterable[Parameter], settings: OptimSettings) -> torch.optim.Optimizer:
    """Return torch's optimiser of a job, the fused one where there is one."""
    match settings.name:
        case "adam":
            return torch.optim.Adam(weights, settings.lr, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(weights, settings.lr, settings.alpha, settings.eps, momentum=settings.momentum)
        case _:
            raise ValueError(f"no job has {settings.name}")
