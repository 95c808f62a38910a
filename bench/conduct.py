"""A sweep on its way: carry out what is to do, take every ending to account, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bench import packing, store
from bench.claims.files import read_claims
from bench.errors import BenchError
from bench.executors.local import Local, usable_cores
from bench.experiment import failed
from bench.handover import Ended, Queue
from bench.progress import Board
from bench.provenance import provenance
from bench.publish import publish, results_of, say
from bench.request import Tasks
from bench.settings import Site
from bench.signals import Stop, listening
from bench.sweep import Sweep, sizes, summary, sweep_of

MOST_LINES = 20


@dataclass
class Tally:
    """What has become of the Runs of a sweep."""

    n_recorded: int = 0
    failures: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    unsaved: str = ""


def conduct(stages: Iterable[Sweep], conclude: Callable[[Path], int] = publish) -> int:
    """Carry out one sweep after the other, report on everything, and return the exit status.

    `conclude` is given the results directory and returns how many files in it are damaged. Raises ConfigError for a bad
    file of a claim.
    0: all done; 1: a Run failed, is held elsewhere or could not be saved; 130 or 143: told to stop.
    """
    read_claims()  # a bad file is refused before the first Run
    tally, has_records, directory = Tally(), False, Path()
    for sweep in stages:
        directory = sweep.site.directory
        for line in (summary(sweep), *sizes(sweep)):
            say(line)
        n_all = len(sweep.runs) + sweep.n_open
        with listening(for_keyboard=True) as stop:
            found = carry_out(sweep, stop) if sweep.waiting or sweep.n_open else Tally()
            if stop:
                say(f"stopped; {_safe(sweep, found, n_all)}, the same command goes on from here")
                return stop.exit_code
        if found.unsaved:
            say(f"{found.unsaved}; {_safe(sweep, found, n_all)}, the same command goes on when that is mended")
            return 1
        tally.failures += [*found.failures, *sweep.problems]
        tally.held += found.held
        has_records = bool(has_records or sweep.past or found.n_recorded or found.failures)
        if sweep.stops_at_failure and found.failures:
            break
    _list_problems(tally, directory)
    n_damaged = conclude(directory) if has_records else 0
    return 1 if tally.failures or tally.held or n_damaged else 0


def _list_problems(tally: Tally, directory: Path) -> None:
    for kind, lines in (("held", tally.held), ("failed", tally.failures)):
        for line in lines[:MOST_LINES]:
            say(f"{kind}: {line}")
        if len(lines) > MOST_LINES:
            say(f"{kind}: and {len(lines) - MOST_LINES:,} more; python -m bench status {directory}")


def retry_failed(directory: Path, data_dir: str | None) -> int:
    """Carry out the failed Runs of a results directory once more, from their records; return the exit status."""
    runs = [record.run for record in results_of(directory).records if record.outcome.status == "failed"]
    if not runs:
        say(f"no failed runs in {directory}")
        return 0
    return conduct([sweep_of(runs, Site(directory, data_dir), Local(usable_cores()), Tasks(data_dir, say))])


def _safe(sweep: Sweep, tally: Tally, n_all: int) -> str:
    n_before = len(sweep.runs) - len(sweep.waiting)
    return f"{n_before + tally.n_recorded} of {n_all} runs are done and safe"


def carry_out(sweep: Sweep, stop: Stop) -> Tally:
    """Carry out what is waiting and return what has become of it."""
    tally, waiting, site = Tally(), sweep.waiting, sweep.site
    supply = sweep.source or Queue(packing.packs_in_turns(waiting, sweep.loads, site.population))
    events = sweep.executor.carry_out(supply, site, stop)
    with closing(events), Board(len(waiting) + sweep.n_open) as board:
        for event in events:
            if not isinstance(event, Ended):
                board.note(event)
                continue
            problem = _settle(event, site, tally)
            note = ""
            if sweep.source is not None:
                sweep.source.settle(event.run)
                note = sweep.source.note(event.run)
            board.end(event, store.find(site.directory, event.run), problem, note)
            if tally.unsaved or (problem and sweep.stops_at_failure):
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
