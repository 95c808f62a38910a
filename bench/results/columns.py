"""One Run's record as the columns of a tidy frame."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from operator import attrgetter
from typing import get_args

from bench.core.metrics import METRICS
from bench.core.settings.search_space import Value
from bench.core.settings.training import Regulariser
from bench.results.groups import Settings, group_of
from bench.results.run import RunRecord

RUN_COLUMNS = (
    *("key", "task", "task_version", "data", "title", "task_label", "kind", "level", "metric", "unit", "direction"),
    "margin",
    *("cell", "cell_node", "hidden_size", "num_layers", "num_params_recurrent", "num_params_total"),
    *("size_mode", "size_budget", "size_count", "train_fraction", "regularisers", "seed", "phase", "group"),
    *("settings", "repeat"),
    *("status", "reason", "kernel", "n_updates", "n_epochs", "best_update"),
    *("validation", "test", "train", "accuracy", "baseline_test", "baseline_validation"),
    *("seconds", "train_seconds", "data_seconds", "evaluation_seconds", "units_per_second", "peak_memory_mb"),
    *("cpu", "device", "threads", "platform", "versions", "git_commit", "git_dirty", "started", "resumed"),
)

CURVE_COLUMNS = (
    *("key", "task", "cell", "seed", "hidden_size", "num_layers", "train_fraction", "group"),
    *("update", "epoch", "seconds", "train", "validation", "lr"),
)


def run_columns(record: RunRecord, data: str, settings: Settings) -> dict[str, Value]:
    """Return the columns of a Run that its record alone decides."""
    return {
        "key": record.key,
        "data": data,
        "group": group_of(settings, data),
        **_task_columns(record),
        **_shape_columns(record),
        **_ending_columns(record),
        **_score_columns(record),
        **_cost_columns(record),
        **_origin_columns(record),
    }


def curve_columns(record: RunRecord, settings: Settings, data: str) -> dict[str, list[Value]]:
    """Return the columns of a Run's learning curve, one value per evaluation."""
    run, curve, seconds = record.run, record.outcome.curve, record.cost.curve_seconds
    fixed: dict[str, Value] = {
        "key": record.key,
        "task": run.task_name,
        "cell": run.cell_name,
        "seed": run.seed,
        "hidden_size": run.hidden_size,
        "num_layers": run.num_layers,
        "train_fraction": run.train.fraction,
        "group": group_of(settings, data),
    }
    metric = METRICS.get(metric_of(record), METRICS["nll"])
    return {
        **{name: [value] * len(curve) for name, value in fixed.items()},
        "update": [point.update for point in curve],
        "epoch": [point.epoch for point in curve],
        "seconds": [seconds[i] if i < len(seconds) else math.nan for i in range(len(curve))],
        "train": [metric.from_nats(point.train_nats) for point in curve],
        "validation": [metric.from_nats(point.validation_nats) for point in curve],
        "lr": [point.lr for point in curve],
    }


def metric_of(record: RunRecord) -> str:
    """Return the name of the metric that a Run's task is scored by."""
    return str(record.run.task.get("metric", "nll"))


def _task_columns(record: RunRecord) -> dict[str, Value]:
    task, is_given = record.run.task, record.run.first_step == "given"
    return {
        "task": record.run.task_name,
        "task_version": str(task.get("version", "")),
        "title": str(task.get("title") or record.run.task_name) + ", first step given" * is_given,
        "kind": str(task.get("kind", "")),
        "level": str(task.get("level", "")),
        "metric": metric_of(record),
        "unit": record.cost.unit,
        "direction": str(task.get("direction", "minimise")),
        "margin": float(task.get("margin") or math.nan),
    }


def _shape_columns(record: RunRecord) -> dict[str, Value]:
    run, num_params = record.run, record.outcome.num_params
    return {
        "cell": run.cell_name,
        "cell_node": json.dumps(run.cell, sort_keys=True),
        "hidden_size": run.hidden_size,
        "num_layers": run.num_layers,
        "num_params_recurrent": num_params.get("recurrent", math.nan),
        "num_params_total": num_params.get("total", math.nan),
        "size_mode": run.size.mode,
        "size_budget": math.nan if run.size.budget is None else run.size.budget,
        "size_count": run.size.count,
        "train_fraction": run.train.fraction,
        "regularisers": ", ".join(name for name in get_args(Regulariser) if attrgetter(name)(run)),
        "seed": run.seed,
        "phase": run.phase,
    }


def _ending_columns(record: RunRecord) -> dict[str, Value]:
    outcome = record.outcome
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "kernel": outcome.kernel,
        "n_updates": outcome.n_updates,
        "n_epochs": outcome.n_epochs,
        "best_update": outcome.best_update,
    }


def _score_columns(record: RunRecord) -> dict[str, Value]:
    scores, baseline, metric = record.outcome.scores, record.outcome.baseline, metric_of(record)
    columns: dict[str, Value] = {split: _score(scores, split, metric) for split in ("validation", "test", "train")}
    accuracy = [_score(scores, split, "accuracy") for split in ("test", "validation")]
    columns["accuracy"] = accuracy[1] if math.isnan(accuracy[0]) else accuracy[0]
    columns["baseline_test"] = _score(baseline, "test", metric)
    columns["baseline_validation"] = _score(baseline, "validation", metric)
    return columns


def _cost_columns(record: RunRecord) -> dict[str, Value]:
    cost = record.cost
    return {
        "seconds": cost.seconds,
        "train_seconds": cost.train_seconds,
        "data_seconds": cost.data_seconds,
        "evaluation_seconds": cost.evaluation_seconds,
        "units_per_second": cost.units_per_second,
        "peak_memory_mb": cost.peak_memory_bytes / 1e6,
    }


def _origin_columns(record: RunRecord) -> dict[str, Value]:
    origin = record.provenance
    return {
        "cpu": origin.cpu,
        "device": origin.device,
        "threads": origin.threads,
        "platform": origin.platform,
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(origin.versions.items())),
        "git_commit": origin.git_commit,
        "git_dirty": origin.git_dirty,
        "started": origin.started,
        "resumed": "; ".join(origin.resumed),
    }


def _score(scores: Mapping[str, Mapping[str, float]], split: str, metric: str) -> float:
    return float(scores.get(split, {}).get(metric, math.nan))
