"""How each cell was tuned: sampler, pruner, space and budget, the states of its trials, and the best trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.core.endings import TRIAL_STATUSES
from bench.core.metrics import METRICS
from bench.core.settings.search_space import Dimension
from bench.core.wording import NO_NUMBER, better, count, listed, plain, quantity
from bench.report.section import Entry, Section, Table
from bench.results.study import EDGE, StudyRecord, at_edge, shown
from bench.results.trial_frames import Tuned

SAMPLERS = {
    "random": "random search",
    "qmc": "quasi-random sequence",
    "grid": "grid",
    "tpe": "TPE",
    "gp": "Gaussian process",
    "cmaes": "CMA-ES",
}

PRUNERS = {"halving": "successive halving"}

SAID_ONCE = ("Sampler", "Pruner", "Space", "Seeds per trial", "At the edge")
"""Columns that are left out where they say the same in every row; the caption says it instead."""

NO_EDGE = "none"


def studies(tuned: Tuned, heading: str) -> Section:
    """Return the table of one task's studies, one row each."""
    rows = [_fields(name, study, _trials_of(tuned, name)) for name, study in tuned.studies.items()]
    once = [name for name in SAID_ONCE if len({fields[name].text for fields in rows}) == 1]
    entries = tuple(tuple(entry for name, entry in fields.items() if name not in once) for fields in rows)
    headers = tuple(name for name in rows[0] if name not in once)
    said = [f"{name}: {rows[0][name].text}." for name in once if name != "At the edge"]
    return Section(heading, _text(tuned), Table(headers, entries, " ".join([*said, _caption(tuned)])))


def space_in_words(study: StudyRecord) -> str:
    """Return the range of each searched setting, in words."""
    return "; ".join(f"{path} {_range(dimension)}" for path, dimension in study.space.items())


def _range(dimension: Dimension) -> str:
    if dimension.choices:
        return f"one of {', '.join(_value(choice) for choice in dimension.choices)}"
    low, high = dimension.bounds
    notes = ["log"] * dimension.log + ["whole"] * dimension.whole
    notes += ["of 1 − value"] * dimension.complement
    notes += [f"steps of {dimension.step:g}"] if dimension.step else []
    return f"{low:g} to {high:g}" + (f" ({', '.join(notes)})" if notes else "")


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _name_with_arguments(node: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """Return a sampler or a pruner by name, with its arguments."""
    arguments = [f"{key} {_value(value)}" for key, value in node.items() if key != "name" and value is not None]
    name = str(node.get("name", "unknown"))
    return words.get(name, name) + (f" ({', '.join(arguments)})" if arguments else "")


def _trials_of(tuned: Tuned, name: str) -> pd.DataFrame:
    return tuned.trials[tuned.trials["study"] == name]


def _fields(name: str, study: StudyRecord, trials: pd.DataFrame) -> dict[str, Entry]:
    best = trials[trials["is_best"]]
    number, score = (int(best["number"].iloc[0]), float(best["score"].iloc[0])) if len(best) else (-1, float("nan"))
    params = study.trials[number].params if len(best) else {}
    edges = at_edge(study.space, params)
    saved = trials["epochs_saved"].sum(skipna=False)
    return {
        "Study": Entry(name),
        "Trials": Entry(_trial_count(study, trials), len(trials)),
        "Outcomes": Entry(_state_counts(trials)),
        "Best trial": Entry(f"{number}" if len(best) else NO_NUMBER, number),
        "Its settings": Entry(plain(shown(params), 200) if len(best) else NO_NUMBER),
        "Its validation score": Entry(f"{score:.4g}" if len(best) else NO_NUMBER, score),
        "Epochs trained": Entry(count(trials["n_epochs"].sum()), trials["n_epochs"].sum()),
        "Epochs saved by pruning": Entry(count(saved), saved),
        "At the edge": Entry(
            plain(listed([f"{path} ({end})" for path, end in edges.items()]) if edges else NO_EDGE, 120)
        ),
        "Seeds per trial": Entry(str(study.seeds_per_trial), study.seeds_per_trial),
        "Sampler": Entry(plain(_name_with_arguments(study.sampler, SAMPLERS), 300)),
        "Pruner": Entry(plain(_name_with_arguments(study.pruner, PRUNERS), 300)),
        "Space": Entry(plain(space_in_words(study), 600)),
    }


def _trial_count(study: StudyRecord, trials: pd.DataFrame) -> str:
    return f"{len(trials)}" if len(trials) >= study.n_trials else f"{len(trials)} of {study.n_trials}"


def _state_counts(trials: pd.DataFrame) -> str:
    counts = trials["state"].value_counts()
    return ", ".join(f"{counts[state]} {state}" for state in TRIAL_STATUSES if state in counts)


def _text(tuned: Tuned) -> tuple[str, ...]:
    n_waiting = int((tuned.trials["state"] == "waiting").sum())
    is_are = "is" if n_waiting == 1 else "are"
    waiting = (f"{quantity(n_waiting, 'trial')} {is_are} not over yet.",) if n_waiting else ()
    return _budget(tuned), *waiting, *_warnings(tuned)


def _budget(tuned: Tuned) -> str:
    if len(tuned.studies) == 1:
        return "There is one study, so nothing is said of an equal budget."
    each = tuned.studies.values()
    compared: dict[str, set[object]] = {
        "budget": {study.n_trials * study.seeds_per_trial for study in each},
        "space": {space_in_words(study) for study in each},
        "sampler": {_name_with_arguments(study.sampler, SAMPLERS) for study in each},
        "pruner": {_name_with_arguments(study.pruner, PRUNERS) for study in each},
    }
    differing = [what for what, found in compared.items() if len(found) > 1]
    if differing:
        return f"The studies differ in {listed(differing)}, so a comparison of their cells is not fair to each."
    return f"{len(tuned.studies)} studies with the same budget, space, sampler and pruner."


def _warnings(tuned: Tuned) -> list[str]:
    best = tuned.trials[tuned.trials["is_best"]]
    found = []
    for name, number in zip(best["study"], best["number"], strict=True):
        study = tuned.studies[name]
        params = study.trials[number].params
        found += [
            f"Warning: in the best trial of {name}, {shown({path: params[path]})} is at the {end} edge of what was "
            f"searched ({_range(study.space[path])}): the best may lie beyond."
            for path, end in at_edge(study.space, params).items()
        ]
    if len(best) and not found:
        return [f"No best trial lies at an edge of its space, within {100 * EDGE:.0f} % of the end of a range."]
    return [plain(text, 400) for text in found]


def _caption(tuned: Tuned) -> str:
    label, direction = METRICS[tuned.first.metric].label, tuned.first.direction
    return (
        f"{quantity(len(tuned.trials), 'trial')}, numbered from 0. Score: {label} on validation, {better(direction)}, "
        "the mean over the seeds of a trial; only a trial whose runs are all done can be the best. Epochs trained: of "
        "all trials. Epochs saved by pruning, at most: for each pruned trial its seeds times train.max_epochs, less "
        "the epochs that it trained."
    )
