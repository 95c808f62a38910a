"""A page about a task: what is in all its splits, checked, and one example batch."""

from __future__ import annotations

import torch

from bench.core.errors import DataError
from bench.core.metrics import METRICS
from bench.core.settings import Command, TrainSettings
from bench.sweep.resolve import check_batches
from bench.tasks import Task, open_task
from bench.tasks.base import Sequences, Split, unigram_nats
from bench.tasks.language_model import LanguageModel
from bench.tasks.spec import SPLITS, task_spec
from bench.tasks.subset import subset
from bench.training.batches import Batch, training_batches

SHOWN = 12
"""How many steps of the example are printed."""


def describe(command: Command, data_dir: str | None) -> str:
    """Read every split of a command's task, check it, and return a page about it. Raises ConfigError or DataError."""
    spec = task_spec(command.task, f"task.{command.task.get('name')}")
    task = open_task(spec, data_dir)
    check_batches(command, task)
    metric = METRICS[spec.metric]
    lines = [
        f"{spec.title} (task={spec.name}, version {spec.version}, {spec.kind})",
        f"licence: {spec.licence}",
    ]
    lines.append(f"score: {metric.label}, to {metric.direction}; {task.n_outputs} outputs")
    if isinstance(task.train, Sequences) and task.train.n_given:
        lines.append("the first step of each sequence is given: an input alone, neither trained on nor scored")
    splits = {name: task.train if name == "train" else task.read(name) for name in SPLITS}
    lines += [_about(task, name, split) for name, split in splits.items()]
    lines += _beside_print(task, splits["test"])
    lines += ["", *_example(task, _first_batch(task, command.train)), "", "valid"]
    return "\n".join(lines)


def _about(task: Task, name: str, split: Split) -> str:
    metric = METRICS[task.spec.metric]
    score = task.baseline(split)[metric.name]
    count = f"{len(split.frames):,} sequences, " if isinstance(split, Sequences) else ""
    amount = f"{count}{split.n_units:,} {task.unit}s"
    return f"{name:10} {amount:34} unigram {metric.name} {score:8.4f}  sha256 {split.digest[:16]}"


def _beside_print(task: Task, test: Split) -> list[str]:
    """Return the self-test: what the literature says about the data, and what was found. Raises DataError."""
    published = task.spec.published
    if published is None:
        return []
    lines = [f"published: {published.source}"] if published.source else []
    if published.unigram_nats is not None:
        found = unigram_nats(task, test)
        lines.append(_compared("unigram nats per frame on test", found, published.unigram_nats, 0.01))
    if published.vocabulary is not None:
        lines.append(_compared("vocabulary", task.n_outputs, published.vocabulary, 0))
    return lines


def _compared(what: str, found: float, published: float, tolerance: float) -> str:
    if abs(found - published) > tolerance:
        raise DataError("the self-test", f"{what} is {found:g}, published {published:g}: these are different data")
    return f"published: {what} {published:g}, here {found:g}: the same"


def _first_batch(task: Task, train: TrainSettings) -> Batch:
    """Return what training sees first with the task's own settings and seed 0."""
    own = subset(task, train.fraction, seed=0)
    batches = training_batches(own, seed=0, batch_size=train.batch_size, window=train.window, dtype=torch.float32)
    return batches.batch(0, 0)


def _example(task: Task, batch: Batch) -> list[str]:
    """Return the first steps of a batch's first sequence, input and target side by side."""
    shape = "x".join(map(str, batch.inputs.shape[1:]))
    lines = [f"first batch of seed 0: inputs {shape}, {batch.n_units[0]:,} {task.unit}s to predict; its first steps:"]
    for t in range(min(SHOWN, batch.mask.shape[2])):
        lines.append(f"  {_text(task, batch.inputs[0, 0, t]):24} -> {_text(task, batch.targets[0, 0, t])}")
    return lines


def _text(task: Task, item: torch.Tensor) -> str:
    if isinstance(task, LanguageModel):
        return repr(task.vocabulary.tokens[int(item)])
    pitches = [int(key) + 21 for key in item.nonzero().flatten()]
    return " ".join(map(str, pitches)) or "(silence)"
