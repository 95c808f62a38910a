"""Verify: check that records are intact, that retraining repeats them, and that derived files agree with them."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import results
from bench.cli.verify_files import Compared, report_compared, tuned_compared
from bench.core.console import say
from bench.core.errors import DataError
from bench.core.metrics import METRICS
from bench.core.process import listening
from bench.core.settings import Site
from bench.report.inputs import read_inputs
from bench.results.run import Run, RunRecord, differing_parts
from bench.sweep.executors.local import Local, usable_cores
from bench.sweep.plan import sweep_of
from bench.sweep.resolve import SizedTasks
from bench.sweep.run import run_waiting
from bench.tasks.sources import ensure
from bench.tasks.spec import task_spec
from bench.training.callbacks import machine_of

SPREADS = 3.0
"""Allowed distance of a score from another machine, in standard deviations over seeds."""

FEWEST_SEEDS = 3
SHARE_WITHOUT_SEEDS = 0.02
"""Allowed relative distance if there are too few seeds to estimate their spread."""


@dataclass(frozen=True)
class Repeat:
    """A Run as recorded and as trained again.

    `other_data` says how the data here differ from those of the record (then it was not trained); `elsewhere` how the
    machines differ; `allowed` is the accepted distance between scores if they do; `is_kept` whether there are weights.
    """

    recorded: RunRecord
    again: RunRecord | None
    other_data: str
    elsewhere: str
    allowed: float
    is_kept: bool = False

    @property
    def split(self) -> str:
        """The split whose score is compared: test, or validation for a Run that never saw the test split."""
        return "test" if "test" in self.recorded.outcome.scores else "validation"

    @property
    def scores(self) -> tuple[float, float]:
        """The score of the record and the one found again, in the task's metric."""
        return _score(self.recorded), _score(self.again) if self.again else float("nan")

    @property
    def verdict(self) -> str:
        """`identical` to the bit, `close` on another machine, `other data`, or `different`."""
        if self.other_data:
            return "other data"
        if self.again is not None and not self.parts:
            return "identical"
        before, now = self.scores
        return "close" if self.elsewhere and abs(now - before) <= self.allowed else "different"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the outcome that differ."""
        return differing_parts(self.recorded.outcome, self.again.outcome) if self.again else ()

    @property
    def has_other_weights(self) -> bool:
        """Whether weights of the Run are kept, and training it again has given others."""
        return self.is_kept and "weights_digest" in self.parts


@dataclass(frozen=True)
class Verification:
    """What was checked, and the findings: damaged files, Runs trained again, files derived from records.

    Of `n_weights` Runs whole weights are kept. `n_done` Runs could have been trained again; `seed` draws the same ones
    once more. `n_drawn_otherwise` could not: their noise was drawn by another generator, before that became a part of
    their keys.
    """

    n_records: int
    n_studies: int
    n_probes: int
    damaged: tuple[str, ...]
    n_weights: int
    n_done: int
    n_drawn_otherwise: int
    seed: int
    repeats: tuple[Repeat, ...]
    report: Compared
    tuned: Compared

    @property
    def is_passed(self) -> bool:
        """Whether every check passed."""
        are_good = all(repeat.verdict in ("identical", "close") for repeat in self.repeats)
        return are_good and not (self.damaged or self.report.wrong or self.tuned.wrong)


def verify(directory: Path, *, n_sample: int, seed: int, data_dir: str | None) -> Verification:
    """Check every digest, train a sample of the finished Runs again, and compare the report and tuned settings."""
    material = read_inputs(directory)
    kept = results.kept_weights(directory, material.records)
    ended = sorted((record for record in material.records if record.outcome.status == "done"), key=lambda r: r.key)
    done = [record for record in ended if record.run.key == record.key]
    tasks, sample = SizedTasks(data_dir, say), _sample(done, n_sample, seed)
    others = {record.key: _other_data(record, tasks) for record in sample}
    same = [record.run for record in sample if not others[record.key]]
    again = _retrain(same, data_dir, tasks) if same else {}
    repeats = [
        Repeat(
            record,
            found,
            others[record.key],
            elsewhere=_elsewhere(record, found) if found else "",
            allowed=_allowed(record, done),
            is_kept=results.look_for_weights(directory, record).weights is not None,
        )
        for record, found in ((record, again.get(record.key)) for record in sample)
    ]
    return Verification(
        n_records=len(material.records),
        n_studies=len(material.studies),
        n_probes=len(material.probes),
        damaged=(*material.damaged, *kept.damaged),
        n_weights=kept.n,
        n_done=len(done),
        n_drawn_otherwise=len(ended) - len(done),
        seed=seed,
        repeats=tuple(repeats),
        report=report_compared(directory, material),
        tuned=tuned_compared(directory, material),
    )


def _sample(done: Sequence[RunRecord], n_sample: int, seed: int) -> list[RunRecord]:
    """Draw some Runs: one that was confirmed on the test split, one that was not, and then any."""
    draw = random.Random(seed)
    phases = [[record for record in done if record.run.phase == phase] for phase in ("confirm", "tune")]
    first = [draw.choice(records) for records in phases if records][:n_sample]
    rest = [record for record in done if record not in first]
    return [*first, *draw.sample(rest, min(n_sample - len(first), len(rest)))]


def _other_data(record: RunRecord, tasks: SizedTasks) -> str:
    """Return how the data of a task here differ from those of a record, "" if they do not.

    Raises DataError where there are none.
    """
    node, name = record.run.task, record.run.task_name
    ensure(task_spec(node, f"task.{name}"), tasks.data_dir, announce=say)
    try:
        now = {"train": tasks.task(node).train.digest, "validation": tasks.validation(node).digest}
        if "test" in record.outcome.data_digests:
            now["test"] = tasks.test_digest(node)
    except DataError as error:
        return str(error)
    before = record.outcome.data_digests
    differ = [split for split, digest in now.items() if before.get(split, digest) != digest]
    told = [
        f"split {split} has SHA-256 {now[split][:16]}..., the record says {before[split][:16]}..." for split in differ
    ]
    return f"the data of task `{name}` differ: {'; '.join(told)}" if told else ""


def _retrain(runs: Sequence[Run], data_dir: str | None, tasks: SizedTasks) -> dict[str, RunRecord]:
    with tempfile.TemporaryDirectory(prefix="gatebench-verify-") as folder, listening(for_keyboard=True) as stop:
        sweep = sweep_of(runs, Site(Path(folder), data_dir), Local(usable_cores()), tasks)
        run_waiting(sweep, stop)
        if stop:
            raise SystemExit(stop.exit_code)
        return {record.key: record for record in results.read(Path(folder)).records}


def _elsewhere(record: RunRecord, found: RunRecord) -> str:
    """Return how the machine of a record differs from this one; if it does not, bits are expected to repeat."""
    before = machine_of(record.provenance, record.outcome.kernel)
    now = machine_of(found.provenance, found.outcome.kernel)
    return ", ".join(f"{name} {value}" for name, value in before.items() if now.get(name) != value)


def _allowed(record: RunRecord, done: Sequence[RunRecord]) -> float:
    """Return the accepted distance of a score: a few standard deviations over the seeds of the same settings."""
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
