"""What a sweep shows while it runs: a bar with an ETA on a terminal, a line for each Run that ends anywhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from bench.core.metrics import METRICS
from bench.results.run import Run, RunRecord
from bench.sweep.executors.base import Advanced, Ended, Retried


class Board:
    """Progress of a number of Runs on stderr."""

    def __init__(self, n_runs: int) -> None:
        self._progress: dict[str, float] = {}
        self._n_runs, self._n_ended, self._n_failed = n_runs, 0, 0
        self._started = time.monotonic()
        layout = "{desc} |{bar}| {percentage:3.0f}% {elapsed} < {remaining}{postfix}"
        self._bar = tqdm(total=float(n_runs), bar_format=layout, desc=self._counts(), disable=None, leave=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        _print(line)

    def note(self, event: Advanced | Retried) -> None:
        """Show the progress of a Run, or that it is retried."""
        if isinstance(event, Retried):
            _print(f"{_name(event.run)}  retried: {event.reason}")
            return
        self._advance(event.run, event.progress)

    def end(self, event: Ended, record: RunRecord | None, problem: str, note: str = "") -> None:
        """Print the line of a Run that has ended; `note` follows its name."""
        self._n_ended += 1
        self._n_failed += bool(problem)
        self._advance(event.run, 1.0)
        if event.delivery in ("interrupted", "unsaved"):
            outcome = event.reason or "stopped, continues from its checkpoint"
        else:
            outcome = _outcome(record) if record is not None and not event.reason else f"failed: {problem}"
        count = f"[{self._n_ended:>{len(str(self._n_runs))}}/{self._n_runs}]"
        name = f"{_name(event.run)}  {note}" if note else _name(event.run)
        _print(f"{count} {name}  {outcome}  ({self._eta()})")

    def _advance(self, run: Run, progress: float) -> None:
        self._bar.update(progress - self._progress.get(run.key, 0.0))
        self._progress[run.key] = progress
        self._bar.set_description_str(self._counts(), refresh=False)

    def _counts(self) -> str:
        n_running = sum(progress < 1 for progress in self._progress.values())
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        per_minute = 60 * self._n_ended / max(time.monotonic() - self._started, 1e-9)
        rate = f", {per_minute:.3g} per minute" if self._n_ended else ""
        return f"{self._n_ended} of {self._n_runs} runs done, {n_running} running{failed}{rate}"

    def _eta(self) -> str:
        if self._n_ended == self._n_runs:
            return "finished"
        behind = sum(self._progress.values())
        return f"eta {clock_time((self._n_runs - behind) * (time.monotonic() - self._started) / behind)}"


def clock_time(seconds: float) -> str:
    """Return a duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _print(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _name(run: Run) -> str:
    layers = f"x{run.num_layers}" if run.num_layers > 1 else ""
    return f"{run.task_name} {run.cell_name} h={run.hidden_size}{layers} seed={run.seed}"


def _outcome(record: RunRecord) -> str:
    outcome = record.outcome
    if outcome.status != "done":
        return f"{outcome.status}: {outcome.reason}"
    metric = METRICS[str(record.run.task["metric"])]
    parts = [
        f"{split} {outcome.scores[split][metric.name]:.4g}"
        for split in ("validation", "test")
        if split in outcome.scores
    ]
    return f"{metric.label}: {', '.join(parts)}  {record.cost.seconds:.1f} s"
