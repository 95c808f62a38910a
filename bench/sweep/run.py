"""Run a sweep: train what is not done, count how every Run ends, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from bench import results
from bench.core.console import program, say
from bench.core.errors import BenchError
from bench.core.process import Stop, listening
from bench.core.settings import Site
from bench.core.wording import quantity
from bench.results.provenance import provenance
from bench.results.records import results_of
from bench.results.run import Run, RunRecord
from bench.sweep import schedule
from bench.sweep.executors.base import Ended, FixedQueue, PackQueue
from bench.sweep.executors.local import Local, usable_cores
from bench.sweep.names import RunNames
from bench.sweep.plan import Sweep, for_weights, sizes, summary, sweep_of, time_left
from bench.sweep.progress import Board
from bench.sweep.resolve import SizedTasks
from bench.sweep.worker import failed, finished
from bench.training import checkpoint

MOST_LINES = 20

LOOK_SECONDS = 0.5
"""Interval at which it is checked whether another process has released a Run."""

MOST_HOLDERS = 3


@dataclass
class Tally:
    """How the Runs of a sweep ended.

    `held` are the Runs locked by other processes, by key, with the record that each had then.
    """

    recorded: list[Run] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    held: dict[str, tuple[Run, RunRecord | None]] = field(default_factory=dict)
    unsaved: str = ""


def run_sweeps(stages: Iterable[Sweep], conclude: Callable[[Path], int]) -> int:
    """Run one sweep after the other, conclude, and return the exit status.

    `conclude` is given the results directory and returns how many files in it are damaged.

    0: all done, here or by another process; 1: a Run failed or could not be saved; 130 or 143: stopped by a signal.
    """
    tally, has_records, directory = Tally(), False, Path()
    for sweep in stages:
        directory = sweep.site.directory
        for line in (summary(sweep), *sizes(sweep), *for_weights(sweep)):
            say(line)
        _clear(sweep)
        n_all = len(sweep.runs) + sweep.n_open
        with listening(for_keyboard=True) as stop:
            found = run_waiting(sweep, stop) if sweep.waiting or sweep.n_open else Tally()
            if stop:
                say(f"stopped; {_done_in_words(sweep, found, n_all)}, run the same command to continue")
                return stop.exit_code
        if found.unsaved:
            say(
                f"{found.unsaved}; {_done_in_words(sweep, found, n_all)}, fix this and run the same command to continue"
            )
            return 1
        tally.failures += [*found.failures, *sweep.problems]
        has_records = bool(has_records or sweep.past or found.recorded or found.failures)
        if sweep.stops_at_failure and found.failures:
            break
    _list_problems(tally, directory)
    n_damaged = conclude(directory) if has_records else 0
    return 1 if tally.failures or n_damaged else 0


def _clear(sweep: Sweep) -> None:
    """Remove checkpoints left by a process that died after it had written the record of a finished Run."""
    site = sweep.site
    for run in sweep.runs:
        past, folder = sweep.past.get(run.key), results.folder_of(site.directory, run)
        if past and past.is_finished(site) and checkpoint.is_there(folder):
            with suppress(BenchError), results.held(site.directory, run):
                checkpoint.remove(folder)


def _list_problems(tally: Tally, directory: Path) -> None:
    for line in tally.failures[:MOST_LINES]:
        say(f"failed: {line}")
    if len(tally.failures) > MOST_LINES:
        say(f"failed: and {len(tally.failures) - MOST_LINES:,} more; {program()} status {directory}")


def retry_failed(directory: Path, data_dir: str | None, conclude: Callable[[Path], int]) -> int:
    """Run the failed Runs of a results directory again, from their records; return the exit status."""
    runs = [record.run for record in results_of(directory).records if record.outcome.status == "failed"]
    if not runs:
        say(f"no failed runs in {directory}")
        return 0
    return run_sweeps(
        [sweep_of(runs, Site(directory, data_dir), Local(usable_cores()), SizedTasks(data_dir, say))], conclude
    )


def _done_in_words(sweep: Sweep, tally: Tally, n_all: int) -> str:
    waiting = {run.key for run in sweep.waiting}
    over = {run.key: run for run in [*(run for run in sweep.runs if run.key not in waiting), *tally.recorded]}
    n_safe = sum(results.is_there(sweep.site.directory, run) for run in over.values())  # folders may have been deleted
    return f"{n_safe} of {n_all} runs are done and safe"


def run_waiting(sweep: Sweep, stop: Stop) -> Tally:
    """Run what is waiting, wait for Runs of other processes, and return how the Runs ended."""
    tally, waiting, last_shown = Tally(), sweep.waiting, ""
    queue = sweep.queue or FixedQueue(schedule.interleaved_packs(waiting, sweep.loads, sweep.site.population))
    names = RunNames([*sweep.before, *sweep.runs], sweep.queue.searched) if sweep.queue else RunNames(sweep.runs)
    with Board(len(waiting) + sweep.n_open, names, time_left(sweep)) as board:
        _follow(queue, sweep, stop, tally, board)
        while tally.held and not stop and not _must_stop(sweep, tally):
            if (holders := _holders(sweep.site, tally)) and holders != last_shown:
                board.say(f"waiting for {quantity(len(tally.held), 'run')} of other processes: {holders}")
                last_shown = holders
            left = []
            for run, before in _wait_for_release(sweep.site, tally, stop):
                record = results.find(sweep.site.directory, run)
                is_new = record is not None and record != before
                if record is not None and is_new and not results.lacks_weights(sweep.site, record):
                    _end(Ended(run, "recorded"), sweep, tally, board)
                else:
                    left.append(run)
            _follow(FixedQueue((run,) for run in left), sweep, stop, tally, board)
    return tally


def _must_stop(sweep: Sweep, tally: Tally) -> bool:
    return bool(tally.unsaved or (tally.failures and sweep.stops_at_failure))


def _follow(queue: PackQueue, sweep: Sweep, stop: Stop, tally: Tally, board: Board) -> None:
    """Run a queue and handle every event."""
    with closing(sweep.executor.carry_out(queue, sweep.site, stop)) as events:
        for event in events:
            if not isinstance(event, Ended):
                board.note(event)
                continue
            _end(event, sweep, tally, board)
            if _must_stop(sweep, tally):
                break


def _end(event: Ended, sweep: Sweep, tally: Tally, board: Board) -> None:
    """Count an ending and show it; a Run that another process works on has not ended."""
    problem = _count_ending(event, sweep.site, tally)
    if event.delivery == "held":
        return
    note = ""
    if sweep.queue is not None:
        sweep.queue.tell(event.run)
        note = sweep.queue.note(event.run)
    board.end(event, results.find(sweep.site.directory, event.run), problem, note)


def _holders(site: Site, tally: Tally) -> str:
    """Return which processes hold Runs, in words."""
    found = [results.holder(results.folder_of(site.directory, run)) for run, _ in tally.held.values()]
    names = list(dict.fromkeys(str(each) for each in found if each is not None))
    more = [f"and {len(names) - MOST_HOLDERS:,} more"] if len(names) > MOST_HOLDERS else []
    return ", ".join([*names[:MOST_HOLDERS], *more])


def _wait_for_release(site: Site, tally: Tally, stop: Stop) -> list[tuple[Run, RunRecord | None]]:
    """Wait until other processes have released some of the held Runs, and return those."""
    while not stop:
        free = [
            key for key, (run, _) in tally.held.items() if not results.holder(results.folder_of(site.directory, run))
        ]
        if free:
            return [tally.held.pop(key) for key in free]
        wait([stop.fileno()], LOOK_SECONDS)
    return []


def _count_ending(event: Ended, site: Site, tally: Tally) -> str:
    """Count an ending and return why the Run failed, "" if it did not; a lost Run gets its record here."""
    label = event.run.label
    match event.delivery:
        case "held":
            tally.held[event.run.key] = event.run, results.find(site.directory, event.run)
        case "unsaved":
            tally.unsaved = event.reason
        case "lost":
            problem = _record_loss(event, site)
            tally.failures.append(f"{label}: {problem}")
            return problem
        case "recorded":
            tally.recorded.append(event.run)
            record = results.find(site.directory, event.run)
            if record is None or record.outcome.status in ("failed", "timeout"):
                lost = results.damage(site.directory, event.run) or "its record has been deleted"
                problem = record.outcome.reason if record else lost
            else:
                problem = event.reason
            if problem:
                tally.failures.append(f"{label}: {problem}")
            return problem
    return ""


def _record_loss(event: Ended, site: Site) -> str:
    """Write the record of a Run whose process died, unless it has one; return the reason for its failure."""
    origin = provenance(device=event.run.device, threads=1)
    try:
        with results.held(site.directory, event.run):
            if finished(site, event.run) is None:
                results.write(site.directory, failed(event.run, event.reason, origin))
    except BenchError as error:
        return str(error)
    return event.reason
