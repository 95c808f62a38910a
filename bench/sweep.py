"""A sweep: skip what is done, carry out the rest, report."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import store
from bench.errors import BenchError, ConfigError, UsageError
from bench.executors.local import Advanced, Ended, carry_out_all, usable_cores
from bench.experiment import Tasks, failed, run_of
from bench.progress import Board
from bench.provenance import provenance
from bench.records import Run
from bench.settings import Command

RESULTS = Path("results")


@dataclass(frozen=True)
class Sweep:
    """The Runs of a command, each once, and those of them whose outcome is already known."""

    runs: tuple[Run, ...]
    finished: frozenset[str]
    directory: Path

    @property
    def waiting(self) -> list[Run]:
        """The Runs still to be carried out, longest first as far as their budgets tell."""
        return [run for run in self.runs if run.key not in self.finished]


def plan(commands: Sequence[Command]) -> Sweep:
    """Check every point of a command, data included, before anything is written. Raises UsageError."""
    first = commands[0]
    directory = results_directory(first.name)
    tasks = Tasks(first.data_dir)
    runs = {run.key: run for run in (run_of(command, tasks) for command in commands)}
    known = {key: store.find(directory, run) for key, run in runs.items()}
    finished = {key for key, record in known.items() if record and record.outcome.status in store.FINAL}
    return Sweep(tuple(runs.values()), frozenset(finished), directory)


def results_directory(name: str) -> Path:
    """Return where the results of that name are. Raises UsageError for a name that is no plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", name):
        raise ConfigError("name", f"must be letters, digits, _ and -, at most 60, got {name!r}")
    return RESULTS / name


def conduct(sweep: Sweep, command: Command) -> int:
    """Carry out what is waiting, report on everything, and return the exit status: 1 where a Run failed."""
    count = f"{len(sweep.runs)} runs, {len(sweep.finished)} already done, {len(sweep.waiting)} to do"
    say(f"{count}; results in {sweep.directory}")
    problems = _carry_out(sweep, command) if sweep.waiting else []
    page = report(sweep.directory)
    for problem in problems:
        say(f"failed: {problem}")
    say(f"report: {page}")
    return 1 if problems else 0


def describe(sweep: Sweep) -> str:
    """Return the plan of a sweep as a table, one line for each Run."""
    lines = [f"{'state':8} {'run':60} {'params':>9}"]
    for run in sweep.runs:
        state = "done" if run.key in sweep.finished else "waiting"
        lines.append(f"{state:8} {run.label:60} h={run.hidden_size}")
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


def report(directory: Path) -> Path:
    """Rebuild the report of a results directory, print its summary table, and return the page's path."""
    from bench import report as room

    results = store.read(directory)
    if not results.records and not results.damaged:
        raise UsageError(f"no run records in {directory}")
    page = room.build(results.records, directory, name=directory.name, damaged=results.damaged)
    print(room.console_table(room.runs_frame(results.records)))
    return page


def say(text: str) -> None:
    """Print a line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


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
