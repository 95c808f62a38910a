"""What a sweep shows while it runs: a bar with an ETA on a terminal, a line for each Run that ends anywhere."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tqdm import tqdm

from bench.core.endings import RUN_STATUSES
from bench.core.metrics import METRICS
from bench.results.run import Run, RunRecord
from bench.sweep.executors.base import Advanced, Ended, Retried
from bench.sweep.names import RunNames
from bench.sweep.time_left import TimeLeft

SHOWN_SECONDS = 0.5
"""How seldom the bar is drawn again while nothing ends."""


class Board:
    """Progress of a number of Runs on stderr; `clock` gives seconds."""

    def __init__(
        self, n_runs: int, names: RunNames, left: TimeLeft, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._n_runs, self._names, self._left, self._clock = n_runs, names, left, clock
        self._endings: Counter[str] = Counter()
        self._progress: dict[str, float] = {}
        self._shown = -math.inf
        layout = "{desc} |{bar}| {percentage:3.0f} %"
        self._bar = tqdm(
            total=float(n_runs), bar_format=layout, desc=self._state(), disable=None, leave=False, dynamic_ncols=True
        )

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
            _print(f"{self._names.of(event.run)}  retried: {event.reason}")
            return
        self._left.advance(event.run, event.progress, self._clock())
        self._advance(event.run, event.progress)

    def end(self, event: Ended, record: RunRecord | None, problem: str, note: str = "") -> None:
        """Print the line of a Run that has ended; `note` follows its name."""
        is_stopped = event.delivery in ("interrupted", "unsaved")
        self._endings["stopped" if is_stopped else record.outcome.status if record and not problem else "failed"] += 1
        self._left.end(event.run, record.cost.seconds if record and not is_stopped else None, self._clock())
        self._shown = -math.inf
        self._advance(event.run, 1.0)
        if is_stopped:
            outcome = event.reason or "stopped, continues from its checkpoint"
        else:
            outcome = _outcome(record) if record is not None and not event.reason else f"failed: {problem}"
        n_ended = self._endings.total()
        count = f"[{n_ended:>{len(str(self._n_runs))}}/{self._n_runs}]"
        name = f"{self._names.of(event.run)}  {note}" if note else self._names.of(event.run)
        until = "finished" if n_ended == self._n_runs else self._eta()
        _print(f"{count} {name}  {outcome}" + f"  ({until})" * bool(until))

    def _advance(self, run: Run, progress: float) -> None:
        self._progress[run.key] = progress
        if self._clock() - self._shown >= SHOWN_SECONDS:
            self._shown = self._clock()
            self._bar.n = sum(self._progress.values())
            self._bar.set_description_str(self._state())

    def _state(self) -> str:
        """Return what stands before the bar: Runs over and in all, in which states they are, the rate and the ETA."""
        states = [(self._left.n_running, "running")]
        states += [(self._endings[state], state) for state in (*RUN_STATUSES, "stopped")]
        parts = [f"{self._endings.total()}/{self._n_runs} runs", *(f"{n} {state}" for n, state in states if n)]
        return ", ".join([*parts, *filter(None, (self._rate(), self._eta()))])

    def _rate(self) -> str:
        rate = self._left.per_second(self._endings.total(), self._clock())
        if not rate:
            return ""
        return f"{60 * rate:.3g}/min" if 60 * rate >= 1 else f"{3600 * rate:.2g}/h"

    def _eta(self) -> str:
        seconds = self._left.seconds(self._clock())
        return "" if seconds is None else f"eta {clock_time(seconds)}"


def clock_time(seconds: float) -> str:
    """Return a duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _print(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


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
