"""The best weights of a recorded Run: those that are kept, or those of training it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bench import results
from bench.core.wording import duration, plain
from bench.results.run import RunRecord
from bench.results.weights import digest_of_row
from bench.sweep.resolve import shape_of
from bench.tasks import Task
from bench.tasks.base import Split
from bench.tasks.opened import Tasks
from bench.training.loop import fit, machine_for, member_of, threads
from bench.training.model import Shape
from bench.training.trained import row_in, shape_in


@dataclass(frozen=True)
class BestWeights:
    """The row of a model, on the CPU, and its shape; `is_same` says whether it is to the bit that of the record."""

    shape: Shape
    row: Tensor
    is_same: bool
    is_kept: bool


def best_weights(
    record: RunRecord, directory: Path, tasks: Tasks, announce: Callable[[str], None]
) -> BestWeights | None:
    """Return the kept weights of a Run, or else those of training it again, which is announced.

    None where training it again ends without any. Raises DataError where the kept weights do not fit the Run.
    """
    found = results.look_for_weights(directory, record)
    if found.weights is not None:
        return BestWeights(shape_in(record, found.weights), row_in(found.weights), is_same=True, is_kept=True)
    why = f"damaged: {plain(found.damage, 400)}" if found.damage else f"no weights of {record.run.label} are kept"
    announce(f"{why}; it is trained again, which took {duration(record.cost.seconds)}")
    task, validation = tasks.task(record.run.task), tasks.validation(record.run.task)
    shape = shape_of(record.run, task)
    row = retrained_weights(record, shape, task, validation)
    if row is None:
        return None
    row = row.cpu()
    return BestWeights(shape, row, digest_of_row(row.numpy()) == record.outcome.weights_digest, is_kept=False)


def retrained_weights(record: RunRecord, shape: Shape, task: Task, validation: Split) -> Tensor | None:
    """Return the best weights of a Run by validation loss, trained with as many threads as before."""
    with threads(record.provenance.threads):
        machine = machine_for(record.run, shape)
        member = member_of(record.run, shape, task, machine)
        (ended,) = fit([member], shape, task, validation, machine, lambda members: None)
    return ended.best_row
