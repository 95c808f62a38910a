"""Run records made up for tests: round numbers from simple formulas, measured nowhere."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from bench.core.metrics import METRICS
from bench.core.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.results.run import Cost, CurvePoint, Outcome, Provenance, Run, RunRecord

LOSSES = {"gru": 8.50, "lstm": 8.62, "tanh": 9.05}
GATES = {"gru": 3, "lstm": 4, "tanh": 1}
HIDDEN = {"gru": 46, "lstm": 36, "tanh": 100}


def task(name: str = "made_up_music", **changes: Any) -> dict[str, Any]:
    node = {
        "name": name,
        "kind": "piano_roll",
        "version": 1,
        "title": "Made-up Music",
        "licence": "none",
        "metric": "nll",
        "direction": "minimise",
        "sources": [],
    }
    return {**node, **changes}


def cell(name: str = "gru", **fields: Any) -> dict[str, Any]:
    return {"name": name, "kind": name, **fields}


def run(cell_name: str = "gru", seed: int = 0, **changes: Any) -> Run:
    settings: dict[str, Any] = {
        "task": task(),
        "cell": cell(cell_name),
        "hidden_size": HIDDEN.get(cell_name, 50),
        "num_layers": 1,
        "embedding_size": 0,
        "size": SizeSettings(),
        "init": InitSettings(),
        "optim": OptimSettings(),
        "train": TrainSettings(),
        "kernel": "auto",
        "device": "cpu",
        "seed": seed,
        "phase": "confirm",
    }
    return Run(**{**settings, **changes})


def nats_of(run: Run) -> float:
    """The made-up final loss: a cell's level, a wobble by seed, less with size and layers."""
    wobble = 0.04 * math.sin(1.7 * run.seed + 2.3 * len(run.cell_name))
    shrink = 0.25 * math.log(run.hidden_size / HIDDEN.get(run.cell_name, 50)) + 0.03 * (run.num_layers - 1)
    return LOSSES.get(run.cell_name, 8.8) + wobble - shrink


def curve(run: Run, n_points: int = 40) -> tuple[CurvePoint, ...]:
    end = nats_of(run)
    points = []
    for i in range(n_points):
        fall = 22 * math.exp(-0.9 * i) + 1.6 * math.exp(-0.12 * i) + 0.01 * math.sin(3.1 * i + run.seed)
        points.append(CurvePoint(0.5 * (i + 1), 50 * (i + 1), end - 0.3 + fall, end + fall, 1e-3))
    return tuple(points)


def splits_of(run: Run) -> tuple[str, ...]:
    return ("train", "validation", "test") if run.phase == "confirm" else ("train", "validation")


def scores(run: Run, nats: float) -> dict[str, dict[str, float]]:
    offset = {"train": -0.3, "validation": 0.0, "test": 0.05}
    metric = run.task["metric"]
    return {
        split: {
            "nats": nats + offset[split],
            metric: METRICS[metric].from_nats(nats + offset[split]),
            "accuracy": 0.3,
        }
        for split in splits_of(run)
    }


def num_params(run: Run) -> dict[str, int]:
    hidden, gates = run.hidden_size, GATES.get(run.cell_name, 3)
    recurrent = gates * (hidden * (88 + hidden) + hidden)
    recurrent += (run.num_layers - 1) * gates * (hidden * 2 * hidden + hidden)
    readout = 89 * hidden
    return {"recurrent": recurrent, "embedding": 0, "readout": readout, "total": recurrent + readout}


def outcome(run: Run) -> Outcome:
    return Outcome(
        status="done",
        reason="budget spent",
        kernel="made-up-kernel",
        n_updates=2000,
        n_epochs=20.0,
        best_update=1950,
        curve=curve(run),
        scores=scores(run, nats_of(run)),
        baseline={split: {"nats": 11.06, run.task["metric"]: 11.06} for split in splits_of(run)},
        num_params=num_params(run),
        data_digests={split: f"{split}-digest" for split in splits_of(run)},
        weights_digest="0" * 64,
    )


def cost(run: Run) -> Cost:
    train_seconds = 20.0 + GATES.get(run.cell_name, 3) * (1 + 0.05 * math.sin(run.seed)) + run.hidden_size / 20
    return Cost(
        seconds=train_seconds + 3,
        data_seconds=0.5,
        train_seconds=train_seconds,
        evaluation_seconds=2.0,
        curve_seconds=tuple(train_seconds * (i + 1) / 40 for i in range(40)),
        units_trained=276_140,
        unit="frame",
        peak_memory_bytes=400_000_000,
    )


PROVENANCE = Provenance(
    started="2030-01-01T00:00:00+00:00",
    git_commit="f" * 40,
    git_dirty=False,
    versions={"torch": "0.0.0", "numpy": "0.0.0", "python": "0.0.0"},
    platform="Made-up OS",
    cpu="Made-up CPU",
    device="cpu",
    threads=1,
)


def record(run: Run, *, provenance: Provenance = PROVENANCE, **changes: Any) -> RunRecord:
    """The record of a Run that ended as done, some fields of its outcome replaced."""
    ending = dataclasses.replace(outcome(run), **changes)
    return RunRecord(run.key, run, ending, cost(run), provenance)


def failure(run: Run, status: str = "failed", reason: str = "ValueError: made up") -> RunRecord:
    """The record of a Run that came to nothing."""
    ending = Outcome(status, reason, "none", 0, 0.0, 0, (), {}, {}, {}, {}, "")  # type: ignore[arg-type]
    return RunRecord(run.key, run, ending, Cost(0.0, 0.0, 0.0, 0.0, (), 0, "", 0), PROVENANCE)


def sweep(n_seeds: int, cells: tuple[str, ...] = ("gru", "lstm", "tanh"), **changes: Any) -> list[RunRecord]:
    """Done Runs of some cells over some seeds, all other settings equal."""
    return [record(run(name, seed, **changes)) for name in cells for seed in range(n_seeds)]
