"""Families of studies: those of one task that are to be compared, as their sizes and their data are made alike."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.results.frames import TASK
from bench.results.groups import differing
from bench.results.labels import budget_label
from bench.results.study import StudyRecord

SIZES = "sizes"
"""The name of what is told by its value alone."""

Place = Mapping[str, str]
"""The columns that say where a study belongs: its task's, and its family, "" where its task has one family alone."""


def with_families(studies: Sequence[StudyRecord], runs: Mapping[str, pd.DataFrame]) -> dict[str, Place]:
    """Return where each study belongs, by its key, given the Runs that are known of it."""
    tasks = {study.key: _task_of(study, runs[study.key]) for study in studies}
    kinds = {study.key: _kind(runs[study.key]) for study in studies}
    of_task: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for key, kind in kinds.items():
        of_task[json.dumps(tasks[key])][key] = kind
    told = {key: text for siblings in of_task.values() for key, text in _told(siblings).items()}
    return {study.key: {**tasks[study.key], "family": told[study.key]} for study in studies}


def _task_of(study: StudyRecord, runs: pd.DataFrame) -> dict[str, str]:
    if runs.empty:
        return {"task": study.task, "task_version": "", "data": "", "task_label": study.task}
    return {name: str(runs[name].iloc[0]) for name in (*TASK, "task_label")}


def _kind(runs: pd.DataFrame) -> dict[str, str]:
    """Return what makes studies comparable, by how it is called."""
    if runs.empty:
        return {}
    budget, share = budget_label(runs.iloc[0]), f"{runs['train_fraction'].iloc[0]:g}"
    return {
        SIZES: f"sizes for {budget}" if budget else "no size budget",
        "train.fraction": share,
    }


def _told(kinds: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {key: text.replace(f"{SIZES}=", "", 1) for key, text in differing(kinds).items()}
