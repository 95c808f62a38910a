"""Tidy tables to hand out: one row for each Run, trial or evaluation, each setting that was varied in a column.

The column of a setting has its name on the command line (`optim.lr`, `cell.forget_bias`). A setting of a task or a cell
counts as varied where Runs of one task or of one cell differ in it: what tells two cells apart is not a setting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from bench.core.settings.added_later import LATER
from bench.core.settings.search_space import Value
from bench.results.columns import RUN_COLUMNS
from bench.results.groups import values, values_of
from bench.results.replications import trials_of_runs
from bench.results.run import RunRecord
from bench.results.study import StudyRecord
from bench.results.trial_frames import TRIAL_COLUMNS

STUDY_COLUMNS = ("study", "study_key", "replication", "trial")

OF_A_TRIAL = ("hidden_size", "num_layers", "num_params_recurrent", "num_params_total")
"""Columns that all Runs of a trial have in common."""

OF_A_CURVE = ("phase", *STUDY_COLUMNS)

Varied = Mapping[str, Mapping[str, Value]]
"""Name of a setting to its values by the keys of Runs."""


def varied_settings(records: Iterable[RunRecord]) -> Varied:
    """Return the settings in which Runs differ and that no other column has, in the order of their names."""
    scopes: dict[str, dict[str, dict[str, Value]]] = defaultdict(lambda: defaultdict(dict))
    keys: dict[str, list[str]] = defaultdict(list)
    for record in records:
        run = record.run
        for scope in (own := {"task": f"task {run.task_name}", "cell": f"cell {run.cell_name}"}).values():
            keys[scope].append(record.key)
        for name, value in values_of(run).items():
            scopes[name][own.get(name.split(".")[0], "all")][record.key] = value
    found: dict[str, Mapping[str, Value]] = {}
    for name in sorted(scopes.keys() - set(RUN_COLUMNS)):
        complete = [_with_earlier(name, known, keys[scope]) for scope, known in scopes[name].items()]
        if any(len(set(map(repr, known.values()))) > 1 for known in complete):
            found[name] = {key: value for known in complete for key, value in known.items()}
    return found


def _with_earlier(name: str, known: Mapping[str, Value], keys: Iterable[str]) -> Mapping[str, Value]:
    """Return the values of a setting with those implied by records that were made before there was one."""
    before = LATER.get(name)
    return known if not isinstance(before, Value) else {**dict.fromkeys(keys, before), **known}


def run_table(
    runs: pd.DataFrame, records: Sequence[RunRecord], studies: Sequence[StudyRecord], trials: pd.DataFrame
) -> pd.DataFrame:
    """Return a frame of Runs with their studies and the settings that were varied; `trials` is their frame.

    `study`, `study_key`, `replication` and `trial` (its number) say which trial a Run trains or, in the phase
    `confirm`, trains again on a fresh seed.
    """
    names = dict(zip(trials["study_key"], trials["study"], strict=True))
    replications = {study.key: study.replication for study in studies}
    trained = trials_of_runs(studies, records)
    rows = [
        (names[study], study, replications[study], number) if study else ("", "", None, None)
        for study, number in (trained.get(key, ("", 0)) for key in runs["key"])
    ]
    of_study = pd.DataFrame(rows, runs.index, list(STUDY_COLUMNS)).astype({"replication": "Int64", "trial": "Int64"})
    settings = {name: runs["key"].map(by_key) for name, by_key in varied_settings(records).items()}
    return pd.concat([runs, of_study], axis=1).assign(**settings)


def trial_table(trials: pd.DataFrame, runs: pd.DataFrame, studies: Sequence[StudyRecord]) -> pd.DataFrame:
    """Return a frame of trials with what their Runs, as in `run_table`, have in common, and every setting varied.

    Units: `seconds` are those of all its Runs together. A setting that its study did not search has its value too.
    """
    keys = trials["runs"].str.split().explode()
    keys = keys[keys.isin(runs["key"])]
    of_runs = runs.set_index("key").loc[list(keys)].set_index(keys.index)
    first = of_runs[~of_runs.index.duplicated()].reindex(trials.index)
    fixed = {study.key: dict(values(study.settings, "")) for study in studies}
    table = trials[list(TRIAL_COLUMNS)].astype({"is_best": bool})
    table["seconds"] = of_runs["seconds"].groupby(level=0).sum()
    for name in dict.fromkeys([*OF_A_TRIAL, *trials.columns[len(TRIAL_COLUMNS) :], *_settings_in(runs)]):
        given = trials["study_key"].map({key: known.get(name) for key, known in fixed.items()})
        found = first[name].where(trials.index.isin(of_runs.index), given) if name in first else given
        table[name] = trials[name].where(trials[name].notna(), found) if name in trials else found
    return table


def curve_table(points: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of evaluations with the phase, the trial and the varied settings of their Runs, in `run_table`."""
    of_runs = runs.set_index("key")[[*OF_A_CURVE, *_settings_in(runs)]]
    return pd.concat([points, of_runs.reindex(points["key"]).set_index(points.index)], axis=1)


def _settings_in(runs: pd.DataFrame) -> list[str]:
    return [str(name) for name in runs.columns if name not in (*RUN_COLUMNS, *STUDY_COLUMNS)]
