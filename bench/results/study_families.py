"""Families of studies: the studies of one task with the same size budget and training fraction are comparable."""

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
"""A setting that a family name shows by its value alone, without this name."""

FamilyColumns = Mapping[str, str]
"""Columns that identify a study's task and family; the family is "" if the task has only one."""


def with_families(studies: Sequence[StudyRecord], runs: Mapping[str, pd.DataFrame]) -> dict[str, FamilyColumns]:
    """Return the task and family of each study by its key, given the known Runs of each."""
    tasks = {study.key: _task_of(study, runs[study.key]) for study in studies}
    kinds = {study.key: _comparable_settings(runs[study.key]) for study in studies}
    of_task: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for key, kind in kinds.items():
        of_task[json.dumps(tasks[key])][key] = kind
    families = {key: name for siblings in of_task.values() for key, name in _family_names(siblings).items()}
    return {study.key: {**tasks[study.key], "family": families[study.key]} for study in studies}


def _task_of(study: StudyRecord, runs: pd.DataFrame) -> dict[str, str]:
    if runs.empty:
        return {"task": study.task, "task_version": "", "data": "", "task_label": study.task}
    return {name: str(runs[name].iloc[0]) for name in (*TASK, "task_label")}


def _comparable_settings(runs: pd.DataFrame) -> dict[str, str]:
    """Return the settings in which comparable studies agree, by name."""
    if runs.empty:
        return {}
    budget, fraction = budget_label(runs.iloc[0]), f"{runs['train_fraction'].iloc[0]:g}"
    return {
        SIZES: f"sizes for {budget}" if budget else "no size budget",
        "train.fraction": fraction,
    }


def _family_names(kinds: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {key: text.replace(f"{SIZES}=", "", 1) for key, text in differing(kinds).items()}
