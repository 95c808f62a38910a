"""A worker trains packs of Runs: from settings to records."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import torch

from bench import kernels, results
from bench.core import memory
from bench.core.endings import FINAL, RunStatus
from bench.core.errors import StorageError
from bench.core.settings import Site
from bench.results.provenance import provenance
from bench.results.run import Cost, Outcome, Provenance, Run, RunRecord
from bench.results.weights import Weights, digest_of_row
from bench.sweep.executors.base import Ended
from bench.sweep.resolve import shape_of
from bench.tasks import Task
from bench.tasks.base import Split
from bench.tasks.opened import Tasks
from bench.tasks.subset import subset
from bench.training import checkpoint
from bench.training.batches import evaluation_batches
from bench.training.callbacks import Callbacks, ShouldPrune, StoppedError, Tell, machine_of, resumed
from bench.training.evaluation import Machine, evaluate, evaluate_by_piece
from bench.training.loop import fit, machine_for, member_of
from bench.training.member import Member
from bench.training.model import Shape
from bench.training.trained import weights_in

Trained = tuple[RunRecord, Weights | None]
"""A Run's record, and its weights where they are to be kept."""


@dataclass(frozen=True)
class Worker:
    """What a process that trains Runs has: its site, its open tasks, and callbacks to the process that sent it."""

    site: Site
    tasks: Tasks
    tell: Tell
    should_prune: ShouldPrune | None
    is_stopped: Callable[[], bool]


def train_pack(runs: Sequence[Run], worker: Worker) -> Iterator[Ended]:
    """Train Runs of equal shape together and write the record of each as soon as it has ended.

    An error in a Run is recorded, with a log, as `failed`, and the other Runs are trained without it.
    """
    with ExitStack() as locks:
        locked, others = _lock_unfinished(runs, worker.site, locks)
        yield from others
        waiting = {run.key: run for run in locked}
        try:
            for record, weights in _records(locked, worker):
                problem = _store(worker.site, record, weights)
                if record.outcome.status in FINAL:
                    checkpoint.remove(results.folder_of(worker.site.directory, record.run))
                yield Ended(waiting.pop(record.key), "recorded", problem)
        except StoppedError:
            yield from (Ended(run, "interrupted") for run in waiting.values())
        except StorageError as error:
            yield from (Ended(run, "unsaved", str(error)) for run in waiting.values())


def failed(run: Run, reason: str, origin: Provenance, status: RunStatus = "failed") -> RunRecord:
    """Return the record of a Run that ended without a result."""
    outcome = Outcome(status, reason, "none", 0, 0.0, 0, (), {}, {}, {}, {}, "")
    return RunRecord(run.key, run, outcome, Cost(0.0, 0.0, 0.0, 0.0, (), 0, "", 0), origin)


def finished(site: Site, run: Run) -> RunRecord | None:
    """Return the record of a Run whose ending stands."""
    record = results.find(site.directory, run)
    is_final = record is not None and results.is_final(record.outcome.status, is_pruning=site.is_pruning)
    return record if is_final else None


def _store(site: Site, record: RunRecord, weights: Weights | None) -> str:
    """Write the weights of a Run and then its record; return why the weights are not kept, "" if nothing is wrong.

    A Run that was trained again for its weights alone keeps its record, and gets those weights only that this has.
    """
    earlier = finished(site, record.run)
    if earlier is None:
        if weights is not None:
            results.write_weights(site.directory, record, weights)
        results.write(site.directory, record)
        return ""
    if weights is None:
        return f"trained again for its weights: {record.outcome.status}, {record.outcome.reason}"
    if record.outcome.weights_digest != earlier.outcome.weights_digest:
        return "trained again for its weights, it gave others than those of its record: none are kept"
    results.write_weights(site.directory, earlier, weights)
    return ""


def _lock_unfinished(runs: Sequence[Run], site: Site, locks: ExitStack) -> tuple[list[Run], list[Ended]]:
    """Lock the Runs that no other process works on and that are not finished; return them, and how the others ended."""
    locked, others = [], []
    for run in runs:
        try:
            locks.enter_context(results.held(site.directory, run))
        except results.HeldError as error:
            others.append(Ended(run, "held", str(error)))
            continue
        except StorageError as error:
            others.append(Ended(run, "unsaved", str(error)))
            continue
        record = finished(site, run)
        if record is not None and not results.lacks_weights(site, record):
            checkpoint.remove(results.folder_of(site.directory, run))
            others.append(Ended(run, "recorded"))
        else:
            locked.append(run)
    return locked, others


def _records(runs: Sequence[Run], worker: Worker) -> Iterator[Trained]:
    """Yield what each Run gives as it ends; when a pack fails, its Runs are trained alone to find the faulty one."""
    if not runs:
        return
    origin = provenance(device=runs[0].device, threads=torch.get_num_threads())
    left = {run.key: run for run in runs}
    try:
        for record, weights in _train(runs, worker, origin):
            del left[record.key]
            yield record, weights
    except (StoppedError, StorageError):
        raise
    except Exception as error:
        if len(runs) > 1:
            for run in left.values():
                yield from _records([run], worker)
            return
        results.write_log(worker.site.directory, runs[0], traceback.format_exc())
        yield failed(runs[0], _reason(error), origin), None


def _reason(error: Exception) -> str:
    is_memory = isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
    return f"{'out of memory: ' if is_memory else ''}{type(error).__name__}: {error}"


def _train(runs: Sequence[Run], worker: Worker, origin: Provenance) -> Iterator[Trained]:
    memory.reset_peak()
    task, validation = worker.tasks.task(runs[0].task), worker.tasks.validation(runs[0].task)
    shape = shape_of(runs[0], task)
    machine = machine_for(runs[0], shape)
    origin = replace(origin, library=kernels.library_of(machine.kernel, shape.cell, machine.dtype))
    place = machine_of(origin, machine.kernel.name)
    members, notes = [], {}
    for run in runs:
        make = partial(member_of, run, shape, task, machine)
        member, notes[run.key] = resumed(make, run, worker.site, place)
        members.append(member)
    callbacks = Callbacks(worker.site, place, notes, worker.tell, worker.should_prune, worker.is_stopped)
    for member in fit(members, shape, task, validation, machine, callbacks.watch):
        started = machine.clock()
        own = subset(task, member.run.train.fraction, member.run.seed)
        splits = {} if finished(worker.site, member.run) else _scored_splits(member.run, own, validation)
        outcome = _outcome(member, shape, own, splits, machine, partial(worker.tasks.baseline, own))
        cost = _cost(member, task, scoring_seconds=machine.clock() - started)
        made = replace(origin, resumed=notes[member.run.key])
        yield RunRecord(member.run.key, member.run, outcome, cost, made), _to_keep(worker.site, member, shape)


def _to_keep(site: Site, member: Member, shape: Shape) -> Weights | None:
    """Return the best weights of a member that has some, where they are to be kept."""
    if site.keep == "none" or member.status != "done" or member.best_row is None:
        return None
    return weights_in(shape, member.best_row)


def _scored_splits(run: Run, task: Task, validation: Split) -> dict[str, Split]:
    """Return the splits to score; the test split is read here, after training, in the confirm phase only."""
    splits = {"train": task.train} if run.train.score_train else {}
    splits["validation"] = validation
    if run.phase == "confirm":
        splits["test"] = task.read("test")
    return splits


def _outcome(
    member: Member,
    shape: Shape,
    task: Task,
    splits: Mapping[str, Split],
    machine: Machine,
    baseline_of: Callable[[str, Split], dict[str, float]],
) -> Outcome:
    scores, baseline, pieces, weights_digest = {}, {}, {}, ""
    if member.best_row is not None and member.status == "done":
        rows = member.best_row.unsqueeze(0)
        weights_digest = digest_of_row(member.best_row.cpu().numpy())
        for name, split in splits.items():
            batches = list(evaluation_batches(split, tracks=task.tracks, dtype=machine.dtype))
            if name == "test":
                scores[name], pieces[name] = evaluate_by_piece(member.best_row, shape, task, batches, machine)
            else:
                (scores[name],) = evaluate(rows, shape, task, batches, machine)
            baseline[name] = baseline_of(name, split)
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
        pieces=pieces,
    )


def _cost(member: Member, task: Task, *, scoring_seconds: float) -> Cost:
    clock = member.clock
    return Cost(
        seconds=clock.seconds + scoring_seconds,
        data_seconds=clock.data,
        train_seconds=clock.train,
        evaluation_seconds=clock.evaluation,
        curve_seconds=tuple(member.curve_seconds),
        units_trained=clock.units,
        unit=task.unit,
        peak_memory_bytes=memory.peak_bytes(),
    )
