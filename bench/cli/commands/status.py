"""Show the state of every run of a results directory: done, running, failed, missing."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.cli.commands.tables import table
from bench.core.wording import duration, plain, quantity, rounded
from bench.results.status import (
    GROUP,
    RUN_STATES,
    TO_DO,
    DirectoryStatus,
    RunState,
    StudyState,
    eta_seconds,
    rows,
    status_of,
)

MOST_GROUPS = 60
MOST_LINES = 20


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object on stdout")
    parser.add_argument("--retry-failed", action="store_true", help="carry out the failed runs once more")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Print the status of a directory and return the exit status: 1 where a record is damaged or a retry failed."""
    if arguments.retry_failed:
        from bench.report.publish import publish
        from bench.sweep.run import retry_failed

        return retry_failed(arguments.directory, arguments.data_dir, publish)
    status = status_of(arguments.directory)
    print(json.dumps(rounded(rows(status)), indent=1) if arguments.json else describe(status))
    return 1 if status.damaged else 0


def describe(status: DirectoryStatus) -> str:
    """Return a status for a person."""
    return "\n\n".join("\n".join(part) for part in _parts(status) if part)


def _parts(status: DirectoryStatus) -> Iterator[Sequence[str]]:
    yield _groups(status)
    yield [_total(status), *([status.plan_problem] if status.plan_problem else [])]
    yield _listed("studies", [_study(study) for study in status.studies])
    yield _listed("running", [f"{run.name}: {run.holder}" for run in status.in_state("running")])
    yield [_eta(status.runs)] if status.in_state("running") else []
    for state in ("failed", "timeout", "diverged"):
        yield _reasons(state, status.in_state(state))
    yield _listed("damaged", list(status.damaged))
    yield _listed("set aside", [str(path) for path in status.set_aside])


def _groups(status: DirectoryStatus) -> list[str]:
    """Return the table of groups, only the states that occur; of very many groups those not done come first."""
    groups = list(status.groups.items())
    if len(groups) > MOST_GROUPS:
        groups.sort(key=lambda group: group[1]["done"] == sum(group[1].values()))
    states = [state for state, n in status.counts.items() if n]
    shown = [dict(zip(GROUP, group, strict=True)) | counts for group, counts in groups[:MOST_GROUPS]]
    return [table(shown, (*GROUP, *states)), *_more(len(groups), MOST_GROUPS)] if shown else []


def _study(study: StudyState) -> str:
    asked = "" if study.n_asked == study.n_over else f", {study.n_asked - study.n_over} under way"
    return f"{study.label}: {study.n_over} of {study.n_trials} trials are over{asked}"


def _total(status: DirectoryStatus) -> str:
    counts = [f"{status.counts[state]:,} {state}" for state in RUN_STATES if status.counts[state]]
    return f"{quantity(len(status.runs), 'run')}: {', '.join(counts)}"


def _eta(runs: Sequence[RunState]) -> str:
    n_running = sum(run.state == "running" for run in runs)
    n_waiting = sum(run.state in TO_DO for run in runs)
    seconds = eta_seconds(runs, datetime.now(UTC))
    if seconds is None:
        return "time left: not known before a run has finished"
    return (
        f"time left: about {duration(seconds)}, if each of {n_waiting:,} to do and {n_running:,} running takes the "
        f"mean time of the finished runs of its task, cell and size, {n_running:,} at a time"
    )


def _reasons(state: str, runs: Sequence[RunState]) -> list[str]:
    """Return the reasons of Runs that did not end well: each Run, or how many of each reason where they are many."""
    reasons = [run.record.outcome.reason if run.record else "" for run in runs]
    if len(runs) <= MOST_LINES:
        return _listed(state, [f"{run.name}: {reason}" for run, reason in zip(runs, reasons, strict=True)])
    first = {reason: run.name for run, reason in reversed(list(zip(runs, reasons, strict=True)))}
    lines = [f"{quantity(n, 'time')}, first {first[reason]}: {reason}" for reason, n in Counter(reasons).most_common()]
    return _listed(state, lines)


def _listed(heading: str, lines: Sequence[str]) -> list[str]:
    shown = [f"  {plain(line, 240)}" for line in lines[:MOST_LINES]]
    return [f"{heading}:", *shown, *_more(len(lines), MOST_LINES)] if lines else []


def _more(n: int, most: int) -> list[str]:
    return [f"  and {n - most:,} more"] if n > most else []
