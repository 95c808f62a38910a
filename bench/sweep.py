"""A sweep: plan it whole, skip what is done, carry out the rest, report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bench import packing, store
from bench.errors import BenchError, ConfigError, UsageError
from bench.executors import executor_of
from bench.experiment import failed
from bench.handover import Ended
from bench.packing import Load
from bench.progress import Board, clock_time
from bench.provenance import provenance
from bench.publish import publish, say
from bench.records import Run, RunRecord
from bench.request import Tasks, run_of, shape_of
from bench.settings import Command, Limits, Site
from bench.signals import Stop, listening

RESULTS = Path("results")


@dataclass(frozen=True)
class Sweep:
    """The Runs of a command, each once, what each will take, and the records there are already."""

    directory: Path
    runs: tuple[Run, ...]
    loads: Mapping[str, Load]
    records: Mapping[str, RunRecord]
    limits: Limits

    @property
    def waiting(self) -> list[Run]:
        """The Runs still to be carried out."""
        return [run for run in self.runs if not self._is_over(run)]

    def _is_over(self, run: Run) -> bool:
        """Return whether there is nothing more to do for a Run: it is finished, or its time is still up."""
        record = self.records.get(run.key)
        if record is None:
            return False
        limit = self.limits.seconds
        is_timed_out = record.outcome.status == "timeout" and limit is not None and record.cost.seconds >= limit
        return record.outcome.status in store.FINAL or is_timed_out


@dataclass
class Tally:
    """What has become of the Runs of a sweep."""

    n_recorded: int = 0
    failures: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    unsaved: str = ""


def plan(commands: Sequence[Command]) -> Sweep:
    """Check every point of a command, data included, before anything is written. Raises UsageError."""
    first = commands[0]
    directory = results_directory(first.name)
    tasks = Tasks(first.data_dir, say)
    runs = {run.key: run for run in (run_of(command, tasks) for command in commands)}
    loads, records = {}, {}
    for key, run in runs.items():
        task = tasks.task(run.task)
        loads[key] = packing.load_of(run, shape_of(run, task), task)
        record = store.find(directory, run)
        if record is not None:
            _check_same_data(record, tasks, directory)
            records[key] = record
    return Sweep(directory, tuple(runs.values()), loads, records, first.limits)


def results_directory(name: str) -> Path:
    """Return where the results of that name are. Raises UsageError for a name that is no plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", name):
        raise ConfigError("name", f"must be letters, digits, _ and -, at most 60, got {name!r}")
    return RESULTS / name


def _check_same_data(record: RunRecord, tasks: Tasks, directory: Path) -> None:
    """Refuse to add to results that were made on other data under the same task version."""
    now = {"train": tasks.task(record.run.task).train.digest, "validation": tasks.validation(record.run.task).digest}
    for split, digest in now.items():
        if record.outcome.data_digests.get(split, digest) != digest:
            name = record.run.task_name
            raise UsageError(
                f"{directory} holds runs of task `{name}` made on other data (split {split}); "
                "raise the task's version, or give these results another name"
            )


def conduct(sweep: Sweep, command: Command) -> int:
    """Carry out what is waiting, report on everything, and return the exit status.

    0: all done; 1: a Run failed, is held elsewhere or could not be saved; 130 or 143: told to stop.
    """
    say(summary(sweep, command))
    for line in sizes(sweep):
        say(line)
    with listening(for_keyboard=True) as stop:
        tally = _carry_out(sweep, command, stop) if sweep.waiting else Tally()
        if stop:
            say(f"stopped; {_safe(sweep, tally)}, the same command goes on from here")
            return stop.exit_code
    if tally.unsaved:
        say(f"{tally.unsaved}; {_safe(sweep, tally)}, the same command goes on when that is mended")
        return 1
    for line in tally.held:
        say(f"held: {line}")
    for line in tally.failures:
        say(f"failed: {line}")
    n_damaged = publish(sweep.directory)
    return 1 if tally.failures or tally.held or n_damaged else 0


def _safe(sweep: Sweep, tally: Tally) -> str:
    n_before = len(sweep.runs) - len(sweep.waiting)
    return f"{n_before + tally.n_recorded} of {len(sweep.runs)} runs are done and safe"


def summary(sweep: Sweep, command: Command) -> str:
    """Return one line about a sweep: how many Runs, how many are done, how long the rest may take."""
    n_waiting = len(sweep.waiting)
    count = f"{len(sweep.runs)} runs, {len(sweep.runs) - n_waiting} already done, {n_waiting} to do"
    place = f"results in {sweep.directory}"
    operations = sum(sweep.loads[run.key].operations for run in sweep.waiting)
    if not operations:
        return f"{count}; {place}"
    n_workers = min(executor_of(command).n_workers, n_waiting)
    known = packing.rate(list(sweep.records.values()), sweep.loads)
    seconds = operations / (known or packing.ASSUMED_RATE) / n_workers
    basis = "by the finished runs here" if known else "a guess from the arithmetic"
    return f"{count}, about {clock_time(seconds)} on {n_workers} workers ({basis}); {place}"


def sizes(sweep: Sweep) -> list[str]:
    """Return a line for each cell whose hidden size was solved for: the size, its count, and what is left over."""
    lines: dict[str, None] = {}
    for run in sweep.runs:
        budget, count = run.size.num_params, run.size.count
        if run.size.mode == "params" and budget is not None:
            found = sweep.loads[run.key].num_params[count]
            left = f"{(found - budget) / budget:+.1%} of the budget of {budget:,}"
            size = f"hidden_size {run.hidden_size}, {found:,} {count} parameters, {left}"
            lines[f"{run.task_name} {run.cell_name}: {size}"] = None
    return list(lines)


def describe(sweep: Sweep, command: Command) -> str:
    """Return the plan of a sweep: what is done, what is waiting, the size of each model, and a guess of the time."""
    waiting = {run.key for run in sweep.waiting}
    lines = [f"{'state':8} {'total':>10} {'recurrent':>10}  run"]
    for run in sweep.runs:
        state, counts = "waiting" if run.key in waiting else "done", sweep.loads[run.key].num_params
        lines.append(f"{state:8} {counts['total']:>10,} {counts['recurrent']:>10,}  {run.label}")
    return "\n".join([*lines, summary(sweep, command)])


def _carry_out(sweep: Sweep, command: Command, stop: Stop) -> Tally:
    """Carry out what is waiting and return what has become of it."""
    tally, waiting = Tally(), sweep.waiting
    site = Site(sweep.directory, command.data_dir, command.limits, command.checkpoint_seconds)
    packs = packing.packs(waiting, sweep.loads, command.population)
    events = executor_of(command).carry_out(packs, site, stop)
    with closing(events), Board(len(waiting)) as board:
        for event in events:
            if not isinstance(event, Ended):
                board.note(event)
                continue
            problem = _settle(event, site, tally)
            board.end(event, store.find(sweep.directory, event.run), problem)
            if tally.unsaved or (problem and command.on_failure == "stop"):
                break
    return tally


def _settle(event: Ended, site: Site, tally: Tally) -> str:
    """Take an ending to account and return why the Run failed, or nothing; a lost Run gets its record here."""
    label = event.run.label
    match event.ending:
        case "held":
            tally.held.append(event.reason)
        case "unsaved":
            tally.unsaved = event.reason
        case "lost":
            problem = _written_off(event, site)
            tally.failures.append(f"{label}: {problem}")
            return problem
        case "recorded":
            tally.n_recorded += 1
            record = store.find(site.directory, event.run)
            if record is None or record.outcome.status in ("failed", "timeout"):
                problem = record.outcome.reason if record else "its record is damaged"
                tally.failures.append(f"{label}: {problem}")
                return problem
    return ""


def _written_off(event: Ended, site: Site) -> str:
    """Write the record of a Run that was lost with its process."""
    origin = provenance(device=event.run.device, threads=1)
    try:
        with store.held(site.directory, event.run):
            store.write(site.directory, failed(event.run, event.reason, origin))
    except BenchError as error:
        return str(error)
    return event.reason
