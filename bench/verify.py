"""Verify: whether records are whole, and whether training again gives what they say."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import store
from bench.conduct import carry_out
from bench.executors.local import Local, usable_cores
from bench.keeper import machine_of
from bench.metrics import METRICS
from bench.publish import results_of, say
from bench.records import Run, RunRecord
from bench.request import Tasks
from bench.settings import Site
from bench.signals import listening
from bench.sweep import sweep_of

SPREADS = 3.0
"""How many standard deviations over seeds a score may be away that was found on another machine."""

FEWEST_SEEDS = 3
SHARE_WITHOUT_SEEDS = 0.02
"""How far it may be away, relative to itself, where there are too few seeds to know their spread."""


@dataclass(frozen=True)
class Repeat:
    """A Run as recorded and as trained again; `elsewhere` says in what the machines differ."""

    recorded: RunRecord
    again: RunRecord | None
    elsewhere: str
    allowed: float

    @property
    def scores(self) -> tuple[float, float]:
        """The score of the record and the one found again, in the task's metric."""
        return _score(self.recorded), _score(self.again) if self.again else float("nan")

    @property
    def verdict(self) -> str:
        """`identical` to the bit, `close` on another machine, or `different`."""
        if self.again is not None and self.again.outcome == self.recorded.outcome:
            return "identical"
        before, now = self.scores
        return "close" if self.elsewhere and abs(now - before) <= self.allowed else "different"


@dataclass(frozen=True)
class Verification:
    """What was found: damaged files, and Runs trained again."""

    n_records: int
    damaged: tuple[str, ...]
    repeats: tuple[Repeat, ...]

    @property
    def is_passed(self) -> bool:
        """Whether nothing speaks against the records."""
        return not self.damaged and all(repeat.verdict != "different" for repeat in self.repeats)


def verify(directory: Path, *, n_sample: int, data_dir: str | None) -> Verification:
    """Check every digest and train a sample of the finished Runs again, always the same ones."""
    results = results_of(directory)
    done = sorted((record for record in results.records if record.outcome.status == "done"), key=lambda r: r.key)
    sample = random.Random(0).sample(done, min(n_sample, len(done)))
    again = _trained_again([record.run for record in sample], data_dir) if sample else {}
    repeats = [
        Repeat(record, found, _elsewhere(record, found) if found else "", _allowed(record, done))
        for record, found in ((record, again.get(record.key)) for record in sample)
    ]
    return Verification(len(results.records), results.damaged, tuple(repeats))


def _trained_again(runs: Sequence[Run], data_dir: str | None) -> dict[str, RunRecord]:
    with tempfile.TemporaryDirectory(prefix="gatebench-verify-") as folder, listening(for_keyboard=True) as stop:
        sweep = sweep_of(runs, Site(Path(folder), data_dir), Local(usable_cores()), Tasks(data_dir, say))
        carry_out(sweep, stop)
        if stop:
            raise SystemExit(stop.exit_code)
        return {record.key: record for record in store.read(Path(folder)).records}


def _elsewhere(record: RunRecord, found: RunRecord) -> str:
    """Return in what the machine of a record differs from this one; bits are expected to repeat where it is empty."""
    before = machine_of(record.provenance, record.outcome.kernel)
    now = machine_of(found.provenance, found.outcome.kernel)
    return ", ".join(f"{name} {value}" for name, value in before.items() if now.get(name) != value)


def _allowed(record: RunRecord, done: Sequence[RunRecord]) -> float:
    """Return how far a score may be away: a few spreads over the seeds of the same settings."""
    settings = replace(record.run, seed=0).key
    scores = [_score(each) for each in done if replace(each.run, seed=0).key == settings]
    if len(scores) < FEWEST_SEEDS:
        return SHARE_WITHOUT_SEEDS * abs(_score(record))
    return SPREADS * statistics.stdev(scores)


def _score(record: RunRecord) -> float:
    """Return the test score, or the validation score of a Run that never saw the test split."""
    scores = record.outcome.scores
    metric = METRICS[str(record.run.task["metric"])].name
    return scores["test" if "test" in scores else "validation"][metric] if scores else float("nan")
