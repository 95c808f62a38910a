"""Look into the models of recorded Runs: their kept weights, or where none are kept those of training them again."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from bench.core.errors import UsageError, did_you_mean
from bench.results import GateProbe, ProbeRecord
from bench.results.run import RunRecord
from bench.sweep.weights import best_weights
from bench.tasks import Task
from bench.tasks.base import Split
from bench.tasks.opened import Tasks
from bench.training.batches import Batch, evaluation_batches
from bench.training.model import Shape
from bench.training.probes import gradient_by_lag, kept_share, memory_length, saturation, time_constants, unroll

MOST_SEQUENCES = 16
MOST_STEPS = 200
MOST_LAGS = 100


def chosen(records: Sequence[RunRecord], labels: Sequence[str]) -> list[RunRecord]:
    """Return the Runs to look into: those named, or for each task and cell the first seed of the best settings.

    The best settings have the lowest mean validation loss. Raises UsageError for a label that no finished Run has.
    """
    done = {record.run.label: record for record in records if record.outcome.status == "done" and record.outcome.scores}
    for label in labels:
        if label not in done:
            raise UsageError(f"no finished run `{label}`; {did_you_mean(label, done)}")
    if labels:
        return [done[label] for label in labels]
    confirmed = [record for record in done.values() if record.run.phase == "confirm"]
    groups: dict[tuple[str, str, str], dict[str, list[RunRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in confirmed or list(done.values()):
        run = record.run
        place = (run.task_name, str(run.task.get("version")), run.cell_name)
        groups[place][replace(run, seed=0).key].append(record)
    best = [min(of_cell.items(), key=lambda item: (_mean_nats(item[1]), item[0]))[1] for of_cell in groups.values()]
    return [min(group, key=lambda record: record.run.seed) for group in best]


def probes(
    records: Sequence[RunRecord], directory: Path, tasks: Tasks, announce: Callable[[str], None]
) -> Iterator[ProbeRecord]:
    """Yield a probe of each Run of a results directory that has weights, one after another."""
    for record in records:
        best = best_weights(record, directory, tasks, announce)
        if best is not None:
            task, validation = tasks.task(record.run.task), tasks.validation(record.run.task)
            yield _probe(record, best.shape, task, validation, best.row, best.is_same)


def _mean_nats(records: Sequence[RunRecord]) -> float:
    return sum(record.outcome.scores["validation"]["nats"] for record in records) / len(records)


def _probe(record: RunRecord, shape: Shape, task: Task, validation: Split, row: Tensor, is_same: bool) -> ProbeRecord:
    batch = _batch(validation, task)
    row, mask = row.double(), batch.mask[0]
    seen = (batch.inputs[0], batch.targets[0].double() if task.n_inputs else batch.targets[0], mask)
    max_lag = min(MOST_LAGS, mask.shape[1] // 2)
    norms = gradient_by_lag(shape, row, seen, task.nats, max_lag=max_lag)
    norms = norms[norms[:, 0] > 0]
    length, quartiles = _reach(norms / norms[:, :1]) if len(norms) else (None, ())
    run = record.run
    return ProbeRecord(
        key=record.key,
        label=run.label,
        task=run.task_name,
        task_version=str(run.task.get("version", "")),
        cell=run.cell_name,
        hidden_size=run.hidden_size,
        num_layers=run.num_layers,
        seed=run.seed,
        unit=record.cost.unit,
        is_same=is_same,
        n_sequences=mask.shape[0],
        n_steps=int(mask.sum()),
        n_pairs=len(norms),
        quartiles=quartiles,
        memory_length=length,
        gates=tuple(_gates(shape, row, seen[0], mask)),
    )


def _reach(relative: Tensor) -> tuple[int | None, tuple[tuple[float, ...], ...]]:
    """Return the length of memory, None where it is longer than all lags, and the quartiles at each lag."""
    length = memory_length(relative)
    quartiles = relative.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=relative.dtype), dim=0)
    return int(length) if math.isfinite(length) else None, tuple(map(tuple, quartiles.tolist()))


def _batch(validation: Split, task: Task) -> Batch:
    """Return a batch of the middle of the split by length, or of the beginning of a text, not longer than needed."""
    batches = list(
        evaluation_batches(
            validation, tracks=task.tracks, dtype=torch.float64, batch_size=MOST_SEQUENCES, window=MOST_STEPS
        )
    )
    batch = batches[len(batches) // 2] if task.n_inputs else batches[0]
    inputs, targets, mask = (t[:, :MOST_SEQUENCES, :MOST_STEPS] for t in (batch.inputs, batch.targets, batch.mask))
    return replace(batch, inputs=inputs, targets=targets, mask=mask)


def _gates(shape: Shape, row: Tensor, inputs: Tensor, mask: Tensor) -> Iterator[GateProbe]:
    with torch.no_grad():
        layers = unroll(shape, row, inputs).gates
    for layer, gates in enumerate(layers):
        kept = kept_share(shape.cell, gates)
        for gate, values in gates.items():
            shares, closed, opened = (found.tolist() for found in saturation(values, mask))
            keeps = time_constants(kept[1], mask).tolist() if kept and gate == kept[0] else []
            constants = tuple(steps if math.isfinite(steps) else None for steps in keeps)
            yield GateProbe(layer, gate, tuple(shares), tuple(closed), tuple(opened), constants)
