"""Tidy frames from run records: one row per Run, and one row per point of a learning curve."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.metrics import METRICS
from bench.records import RunRecord
from bench.report.groups import Settings, data_names, differing, group_of, settings_of

TASK = ["task", "task_version", "data"]
"""Columns that name a task: numbers of another version or of other data are never averaged with these."""

SHAPE = ["cell", "hidden_size", "num_layers"]

Value = str | int | float | bool

RUN_COLUMNS = tuple(
    [
        "key",
        "task",
        "task_version",
        "data",
        "title",
        "task_label",
        "kind",
        "level",
        "metric",
        "unit",
        "direction",
        "cell",
        "hidden_size",
        "num_layers",
        "num_params_recurrent",
        "num_params_total",
        "size_mode",
        "size_budget",
        "size_count",
        "seed",
        "phase",
        "group",
        "settings",
        "status",
        "reason",
        "kernel",
        "n_updates",
        "n_epochs",
        "best_update",
        "validation",
        "test",
        "train",
        "accuracy",
        "baseline_test",
        "baseline_validation",
        "seconds",
        "train_seconds",
        "data_seconds",
        "evaluation_seconds",
        "units_per_second",
        "peak_memory_mb",
        "cpu",
        "device",
        "threads",
        "platform",
        "versions",
        "git_commit",
        "git_dirty",
        "started",
    ]
)

CURVE_COLUMNS = (
    *("key", "task", "cell", "seed", "hidden_size", "num_layers", "group"),
    *("update", "epoch", "seconds", "train", "validation"),
)


def runs_frame(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return one row per Run, in an order that does not depend on the order of the records.

    Units: scores in the task's metric, `peak_memory_mb` in 10**6 bytes, `units_per_second` in training units
    (`unit`) per second of forward, backward and update.
    """
    data = data_names(records)
    settings = {record.key: settings_of(record.run) for record in records}
    rows = [_row(record, data[record.key], settings[record.key]) for record in records]
    runs = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    runs = runs.sort_values([*TASK, *SHAPE, "phase", "group", "seed", "key"], ignore_index=True)
    by_group = dict(zip(runs["group"], (settings[key] for key in runs["key"]), strict=True))
    runs["settings"] = _differing_settings(runs, by_group)
    runs["task_label"] = _task_labels(runs)
    return runs


def curves_frame(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return one row per evaluation of each Run.

    Units: losses in the task's metric, `seconds` of training with evaluation excluded.
    """
    data = data_names(records)
    columns: dict[str, list[Value]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.key):
        for name, values in _curve(record, data[record.key]).items():
            columns[name] += values
    return pd.DataFrame({name: columns[name] for name in CURVE_COLUMNS})


def _row(record: RunRecord, data: str, settings: Settings) -> dict[str, Value]:
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


def _task_columns(record: RunRecord) -> dict[str, Value]:
    task = record.run.task
    return {
        "task": record.run.task_name,
        "task_version": str(task.get("version", "")),
        "title": str(task.get("title") or record.run.task_name),
        "kind": str(task.get("kind", "")),
        "level": str(task.get("level", "")),
        "metric": metric_of(record),
        "unit": record.cost.unit,
        "direction": str(task.get("direction", "minimise")),
    }


def _shape_columns(record: RunRecord) -> dict[str, Value]:
    run, num_params = record.run, record.outcome.num_params
    return {
        "cell": run.cell_name,
        "hidden_size": run.hidden_size,
        "num_layers": run.num_layers,
        "num_params_recurrent": num_params.get("recurrent", math.nan),
        "num_params_total": num_params.get("total", math.nan),
        "size_mode": run.size.mode,
        "size_budget": math.nan if run.size.num_params is None else run.size.num_params,
        "size_count": run.size.count,
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
    }


def metric_of(record: RunRecord) -> str:
    """Return the name of the metric that a Run's task is scored by."""
    return str(record.run.task.get("metric", "nll"))


def _score(scores: Mapping[str, Mapping[str, float]], split: str, metric: str) -> float:
    return float(scores.get(split, {}).get(metric, math.nan))


def _curve(record: RunRecord, data: str) -> dict[str, list[Value]]:
    run, curve, seconds = record.run, record.outcome.curve, record.cost.curve_seconds
    fixed: dict[str, Value] = {
        "key": record.key,
        "task": run.task_name,
        "cell": run.cell_name,
        "seed": run.seed,
        "hidden_size": run.hidden_size,
        "num_layers": run.num_layers,
        "group": group_of(settings_of(run), data),
    }
    metric = METRICS.get(metric_of(record), METRICS["nll"])
    return {
        **{name: [value] * len(curve) for name, value in fixed.items()},
        "update": [point.update for point in curve],
        "epoch": [point.epoch for point in curve],
        "seconds": [seconds[i] if i < len(seconds) else math.nan for i in range(len(curve))],
        "train": [metric.from_nats(point.train_nats) for point in curve],
        "validation": [metric.from_nats(point.validation_nats) for point in curve],
    }


def _differing_settings(runs: pd.DataFrame, by_group: Mapping[str, Settings]) -> pd.Series[str]:
    texts: dict[str, str] = {}
    for _, rows in runs.groupby([*TASK, *SHAPE, "phase"]):
        texts |= differing({group: by_group[group] for group in rows["group"].unique()})
    return runs["group"].map(texts).astype(str)


def _task_labels(runs: pd.DataFrame) -> pd.Series[str]:
    tasks = runs[[*TASK, "title"]].drop_duplicates(TASK)
    labels: dict[tuple[str, ...], str] = {}
    for name, version, data, title in tasks.itertuples(index=False):
        siblings = tasks[tasks["task"] == name]
        parts = [f"version {version}"] * (siblings["task_version"].nunique() > 1)
        parts += [f"data {data or 'unknown'}"] * (siblings["data"].nunique() > 1)
        parts += [name] * bool((tasks["title"] == title).sum() > len(siblings))
        labels[name, version, data] = f"{title} ({', '.join(parts)})" if parts else str(title)
    return pd.Series([labels[row] for row in runs[TASK].itertuples(index=False, name=None)], runs.index, dtype=str)
