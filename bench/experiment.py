"""One Run from its settings to its record: the one room that knows every other."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench import kernels, memory, store
from bench.cells import cell_of
from bench.data import evaluation_batches
from bench.errors import ConfigError
from bench.evaluation import Machine, evaluate
from bench.member import Member
from bench.model import Shape
from bench.provenance import provenance
from bench.records import Cost, Outcome, Provenance, Run, RunRecord, Status
from bench.settings import Command
from bench.size import solve_hidden_size
from bench.tasks import Task, open_task
from bench.tasks.base import Split
from bench.tasks.sources import ensure
from bench.tasks.spec import task_spec
from bench.train import Watch, fit


class Tasks:
    """The tasks opened by this process; each is read once."""

    def __init__(self, data_dir: str | None, announce: Callable[[str], None] = lambda text: None) -> None:
        self.data_dir = data_dir
        self._announce = announce
        self._tasks: dict[str, Task] = {}
        self._validation: dict[str, Split] = {}
        self._checked: set[str] = set()

    def task(self, node: Mapping[str, Any]) -> Task:
        """Return the task of a YAML node, its training split read and checked."""
        key = json.dumps(node, sort_keys=True)
        if key not in self._tasks:
            spec = task_spec(node, f"task.{node.get('name')}")
            ensure(spec, self.data_dir, announce=self._announce)
            self._tasks[key] = open_task(spec, self.data_dir)
        return self._tasks[key]

    def validation(self, node: Mapping[str, Any]) -> Split:
        """Return the task's validation split, checked."""
        key = json.dumps(node, sort_keys=True)
        if key not in self._validation:
            self._validation[key] = self.task(node).read("validation")
        return self._validation[key]

    def check_test(self, node: Mapping[str, Any]) -> None:
        """Read the task's test split to see that it is there and whole, and forget it."""
        key = json.dumps(node, sort_keys=True)
        if key not in self._checked:
            self.task(node).read("test")
            self._checked.add(key)


def run_of(command: Command, tasks: Tasks) -> Run:
    """Return the Run that a command asks for: its data checked, its hidden size solved.

    Raises ConfigError or DataError.
    """
    task = tasks.task(command.task)
    _check_batches(command, task)
    tasks.validation(command.task)
    if command.phase == "confirm":
        tasks.check_test(command.task)
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
        seed=command.seed,
        phase=command.phase,
    )
    return replace(run, hidden_size=_hidden_size(command, run, task))


def shape_of(run: Run, task: Task) -> Shape:
    """Return the shape of a Run's model."""
    cell = cell_of(run.cell)
    return Shape(cell, task.n_inputs, task.n_outputs, run.embedding_size, run.hidden_size, run.num_layers)


def carry_out(run: Run, directory: Path, tasks: Tasks, watch: Watch) -> RunRecord:
    """Train a Run, write its record and return it; what goes wrong in it is recorded, with a log, as `failed`.

    Raises HeldError when another process works on the same Run.
    """
    with store.held(directory, run):
        finished = store.find(directory, run)
        if finished is not None and finished.outcome.status in store.FINAL:
            return finished
        origin = provenance(device="cpu", threads=torch.get_num_threads())
        try:
            record = _train(run, tasks, origin, watch)
        except Exception as error:
            store.write_log(directory, run, traceback.format_exc())
            record = failed(run, f"{type(error).__name__}: {error}", origin)
        store.write(directory, record)
        return record


def failed(run: Run, reason: str, origin: Provenance, status: Status = "failed") -> RunRecord:
    """Return the record of a Run that came to nothing."""
    outcome = Outcome(status, reason, "none", 0, 0.0, 0, (), {}, {}, {}, {}, "")
    return RunRecord(run.key, run, outcome, Cost(0.0, 0.0, 0.0, 0.0, (), 0, "", 0), origin)


def _train(run: Run, tasks: Tasks, origin: Provenance, watch: Watch) -> RunRecord:
    started = time.perf_counter()
    memory.reset_peak()
    task, validation = tasks.task(run.task), tasks.validation(run.task)
    shape = shape_of(run, task)
    device, dtype = torch.device("cpu"), torch.float32
    machine = Machine(kernels.choose(run.kernel, shape.cell, device, dtype), device, dtype)
    (member,) = fit([run], shape, task, validation, machine, watch)
    splits = _scored_splits(run, task, validation)
    outcome = _outcome(member, shape, task, splits, machine)
    return RunRecord(run.key, run, outcome, _cost(member, task, started), origin)


def _scored_splits(run: Run, task: Task, validation: Split) -> dict[str, Split]:
    """Return the splits to score; the test split is read here, after training, in the confirm phase only."""
    splits = {"train": task.train} if run.train.score_train else {}
    splits["validation"] = validation
    if run.phase == "confirm":
        splits["test"] = task.read("test")
    return splits


def _outcome(member: Member, shape: Shape, task: Task, splits: Mapping[str, Split], machine: Machine) -> Outcome:
    scores, baseline, weights_digest = {}, {}, ""
    if member.best_row is not None and member.status == "done":
        rows = member.best_row.unsqueeze(0)
        weights_digest = hashlib.sha256(rows.cpu().numpy().tobytes()).hexdigest()
        for name, split in splits.items():
            batches = list(evaluation_batches(split, tracks=task.tracks, dtype=machine.dtype))
            (scores[name],) = evaluate(rows, shape, task, batches, machine)
            baseline[name] = task.baseline(split)
    return Outcome(
        status=member.status or "failed",
        reason=member.reason,
        kernel=machine.kernel.name,
        n_updates=member.n_updates,
        n_epochs=member.n_epochs,
        best_update=member.best_update,
        curve=tuple(member.curve),
        scores=scores,
        baseline=baseline,
        num_params=shape.num_params(),
        data_digests={name: split.digest for name, split in {"train": task.train, **splits}.items()},
        weights_digest=weights_digest,
    )


def _cost(member: Member, task: Task, started: float) -> Cost:
    clock = member.clock
    return Cost(
        seconds=time.perf_counter() - started,
        data_seconds=clock.data,
        train_seconds=clock.train,
        evaluation_seconds=clock.evaluation,
        curve_seconds=tuple(member.curve_seconds),
        units_trained=clock.units,
        unit=task.unit,
        peak_memory_bytes=memory.peak_bytes(),
    )


def _hidden_size(command: Command, run: Run, task: Task) -> int:
    """Return the hidden size that a command gives, or solve for it on the Run's own shape."""
    if command.size.mode == "hidden":
        if command.hidden_size is None:
            raise ConfigError("hidden_size", "is required with `size=hidden`, and not given")
        return command.hidden_size
    if command.hidden_size is not None:
        raise ConfigError("hidden_size", f"is solved for with `size=params`, got {command.hidden_size}")
    return solve_hidden_size(lambda hidden: shape_of(replace(run, hidden_size=hidden), task), command.size)


def _check_batches(command: Command, task: Task) -> None:
    """Refuse settings that would do nothing on this task, or leave it without a batch."""
    units, batch_size = task.train.n_units, command.train.batch_size
    if task.n_inputs == 0 and units < 2 * batch_size:
        raise ConfigError(
            "train.batch_size", f"must be at most {units // 2} for {units} training tokens, got {batch_size}"
        )
    if task.n_inputs == 0 and command.train.input_noise:
        raise ConfigError("train.input_noise", f"acts on frames; the inputs of `{task.spec.name}` are tokens")
