"""A sweep: skip what is done, carry out the rest, report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import store
from bench.errors import BenchError, ConfigError, UsageError
from bench.executors.local import Advanced, Ended, carry_out_all, usable_cores
from bench.experiment import Tasks, failed, run_of, shape_of
from bench.progress import Board
from bench.provenance import provenance
from bench.publish import publish, say
from bench.records import Run, RunRecord
from bench.settings import Command

RESULTS = Path("results")


@dataclass(frozen=True)
class Sweep:
    """The Runs of a command, each once, and those of them whose outcome is already known."""

    runs: tuple[Run, ...]
    num_params: Mapping[str, Mapping[str, int]]
    finished: frozenset[str]
    directory: Path

    @property
    def waiting(self) -> list[Run]:
        """The Runs still to be carried out."""
        return [run for run in self.runs if run.key not in self.finished]


def plan(commands: Sequence[Command]) -> Sweep:
    """Check every point of a command, data included, before anything is written. Raises UsageError."""
    first = commands[0]
    directory = results_directory(first.name)
    tasks = Tasks(first.data_dir, say)
    runs = {run.key: run for run in (run_of(command, tasks) for command in commands)}
    num_params = {key: shape_of(run, tasks.task(run.task)).num_params() for key, run in runs.items()}
    finished = set()
    for key, run in runs.items():
        record = store.find(directory, run)
        if record is not None and record.outcome.status in store.FINAL:
            _check_same_data(record, tasks, directory)
            finished.add(key)
    return Sweep(tuple(runs.values()), num_params, frozenset(finished), directory)


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
    """Carry out what is waiting, report on everything, and return the exit status: 1 where a Run failed."""
    count = f"{len(sweep.runs)} runs, {len(sweep.finished)} already done, {len(sweep.waiting)} to do"
    say(f"{count}; results in {sweep.directory}")
    for line in sizes(sweep):
        say(line)
    problems = _carry_out(sweep, command) if sweep.waiting else []
    for problem in problems:
        say(f"failed: {problem}")
    n_damaged = publish(sweep.directory)
    return 1 if problems or n_damaged else 0


def sizes(sweep: Sweep) -> list[str]:
    """Return a line for each cell whose hidden size was solved for: the size, its count, and what is left over."""
    lines: dict[str, None] = {}
    for run in sweep.runs:
        budget, count = run.size.num_params, run.size.count
        if run.size.mode == "params" and budget is not None:
            found = sweep.num_params[run.key][count]
            left = f"{(found - budget) / budget:+.1%} of the budget of {budget:,}"
            size = f"hidden_size {run.hidden_size}, {found:,} {count} parameters, {left}"
            lines[f"{run.task_name} {run.cell_name}: {size}"] = None
    return list(lines)


def describe(sweep: Sweep) -> str:
    """Return the plan of a sweep: what is done, what is waiting, and the size of each model."""
    lines = [f"{'state':8} {'total':>10} {'recurrent':>10}  run"]
    for run in sweep.runs:
        state, counts = "done" if run.key in sweep.finished else "waiting", sweep.num_params[run.key]
        lines.append(f"{state:8} {counts['total']:>10,} {counts['recurrent']:>10,}  {run.label}")
    return "\n".join(lines)


def _carry_out(sweep: Sweep, command: Command) -> list[str]:
    """Carry out what is waiting and return a line for each Run that failed."""
    waiting, problems = sweep.waiting, []
    events = carry_out_all(waiting, sweep.directory, command.data_dir, command.workers or usable_cores())
    with closing(events), Board(len(waiting)) as board:
        for event in events:
            if isinstance(event, Advanced):
                board.advance(event.run, event.share)
                continue
            problem = _settle(event, sweep.directory)
            board.end(event.run, store.find(sweep.directory, event.run), problem)
            if problem:
                problems.append(f"{event.run.label}: {problem}")
            if problem and command.on_failure == "stop":
                break
    return problems


def _settle(event: Ended, directory: Path) -> str:
    """Return why a Run failed, or nothing; a Run whose worker died gets its record here."""
    if event.is_dead:
        origin = provenance(device="cpu", threads=1)
        try:
            with store.held(directory, event.run):
                store.write(directory, failed(event.run, event.problem, origin))
        except BenchError as error:
            return str(error)
        return event.problem
    record = store.find(directory, event.run)
    if record is None or record.outcome.status != "failed":
        return event.problem
    return record.outcome.reason
