"""What a sweep shows while it runs: a bar with an ETA on a terminal, a line for each Run that ends anywhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from bench.metrics import METRICS
from bench.records import Run, RunRecord


class Board:
    """Progress of a number of Runs on stderr."""

    def __init__(self, n_runs: int) -> None:
        self._shares: dict[str, float] = {}
        self._n_runs = n_runs
        self._n_ended = 0
        self._started = time.monotonic()
        layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining}"
        self._bar = tqdm(total=float(n_runs), bar_format=layout, desc="training", disable=None, leave=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, run: Run, share: float) -> None:
        """Note how far a Run has come."""
        self._bar.update(share - self._shares.get(run.key, 0.0))
        self._shares[run.key] = share

    def end(self, run: Run, record: RunRecord | None, problem: str) -> None:
        """Print the line of a Run that has ended."""
        self._n_ended += 1
        self.advance(run, 1.0)
        outcome = _outcome(record) if record is not None else f"failed: {problem}"
        line = f"[{self._n_ended:>{len(str(self._n_runs))}}/{self._n_runs}] {_name(run)}  {outcome}  ({self._eta()})"
        tqdm.write(line, file=sys.stderr)

    def _eta(self) -> str:
        spent = time.monotonic() - self._started
        behind = sum(self._shares.values())
        left = max(self._n_runs - behind, 0) * spent / behind
        return "finished" if self._n_ended == self._n_runs else f"eta {int(left) // 60:d}:{int(left) % 60:02d}"


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
