"""From a Command to the Run it asks for: its data opened and checked, its hidden size solved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch

from bench import kernels, results
from bench.cells import cell_of
from bench.core.errors import ConfigError
from bench.core.memory import GIB, total_bytes
from bench.core.settings import Command
from bench.results.run import Run
from bench.sweep.size import check_within_budget, solve_hidden_size
from bench.sweep.timed_size import TimedSizes
from bench.tasks import Task
from bench.tasks.base import Sequences
from bench.tasks.opened import Tasks
from bench.tasks.subset import n_kept
from bench.training.model import Shape


class SizedTasks(Tasks):
    """The tasks of one command, and the hidden sizes found by timing training on them."""

    def __init__(self, data_dir: str | None, announce: Callable[[str], None]) -> None:
        super().__init__(data_dir, announce)
        self.timed_sizes = TimedSizes(announce)


def run_of(command: Command, tasks: SizedTasks) -> Run:
    """Return the Run that a command asks for: its data checked, its hidden size solved.

    Raises ConfigError or DataError.
    """
    _check_device(command)
    task = tasks.task(command.task)
    check_batches(command, task)
    tasks.validation(command.task)
    if command.phase == "confirm":
        tasks.test_digest(command.task)
    run = Run(
        task=command.task,
        cell=command.cell,
        hidden_size=command.hidden_size or 1,
        num_layers=command.num_layers,
        embedding_size=0 if task.n_inputs else command.embedding_size,
        size=command.size,
        init=command.init,
        optim=command.optim,
        train=command.train,
        kernel=command.kernel,
        device=command.device,
        seed=command.seed,
        phase=command.phase,
    )
    sized = replace(run, hidden_size=_hidden_size(command, run, tasks))
    _check_memory(sized, task)
    return sized


def shape_of(run: Run, task: Task) -> Shape:
    """Return the shape of a Run's model."""
    cell = cell_of(run.cell)
    return Shape(cell, task.n_inputs, task.n_outputs, run.embedding_size, run.hidden_size, run.num_layers)


def _hidden_size(command: Command, run: Run, tasks: SizedTasks) -> int:
    """Return the hidden size that a command gives, or solve for it on the Run's own shape."""
    task = tasks.task(command.task)
    if command.size.mode == "hidden":
        if command.hidden_size is None:
            raise ConfigError("hidden_size", "is required with `size=hidden`; got none")
        return command.hidden_size
    if command.hidden_size is not None and command.size.mode == "seconds":
        raise ConfigError("hidden_size", f"is solved for with `size=seconds`, got {command.hidden_size}")

    def sized(hidden_size: int) -> Shape:
        return shape_of(replace(run, hidden_size=hidden_size), task)

    if command.size.mode == "seconds":
        return tasks.timed_sizes.hidden_size(run, task, sized, results.results_directory(command.name))
    if command.hidden_size is not None:
        check_within_budget(sized(command.hidden_size), command.size)
        return command.hidden_size
    return solve_hidden_size(sized, command.size)


def _check_memory(run: Run, task: Task) -> None:
    """Refuse a model that this machine cannot hold while training."""
    needed, there = shape_of(run, task).training_bytes, total_bytes()
    if needed > there:
        problem = f"its model needs {needed / GIB:,.1f} GiB in training, and this machine has {there / GIB:,.1f}"
        raise ConfigError("hidden_size", f"{run.hidden_size:,} with num_layers {run.num_layers}: {problem}")


def _check_device(command: Command) -> None:
    if command.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device", "must be cpu, for PyTorch finds no CUDA device on this machine; got cuda")
    if command.device == "cuda" and command.kernel == "fused":
        raise ConfigError("kernel", "must be auto, bptt or reference with device=cuda, got fused")


def check_library(runs: Iterable[Run]) -> None:
    """Have the fused library built where Runs would use it on this machine.

    Raises ConfigError if it is not available and was requested by name; `auto` says so and uses another kernel.
    """
    for kernel, device, cell in {(run.kernel, run.device, json.dumps(run.cell, sort_keys=True)) for run in runs}:
        kernels.choose(kernel, cell_of(json.loads(cell)), torch.device(device), torch.float32)


def check_batches(command: Command, task: Task) -> None:
    """Refuse settings that would do nothing on this task, or leave it without a batch. Raises ConfigError."""
    units, batch_size = task.train.n_units, command.train.batch_size
    if task.n_inputs == 0 and units < 2 * batch_size:
        raise ConfigError(
            "train.batch_size", f"must be at most {units // 2} for {units} training tokens, got {batch_size}"
        )
    if command.train.fraction < 1:
        _check_fraction(command, task)
    if task.n_inputs == 0 and command.train.input_noise:
        raise ConfigError("train.input_noise", f"acts on frames; the inputs of `{task.spec.name}` are tokens")


def _check_fraction(command: Command, task: Task) -> None:
    """Refuse a fraction of the data too small to fill a batch: its batches would be smaller than those of others."""
    train, kept = command.train, n_kept(task.train, command.train.fraction)
    if isinstance(task.train, Sequences):
        if kept < train.batch_size:
            left = f"leaves {kept} of {len(task.train.frames):,} training sequences, got {train.fraction:g}"
            raise ConfigError("train.fraction", f"{left}: fewer than train.batch_size {train.batch_size}")
        return
    needed = train.batch_size * max(train.window, 2)
    if kept < needed:
        left = f"leaves {kept:,} of {task.train.n_units:,} training tokens, got {train.fraction:g}"
        batch = f"a batch of train.batch_size {train.batch_size} and train.window {train.window} takes {needed:,}"
        raise ConfigError("train.fraction", f"{left}: {batch}")
