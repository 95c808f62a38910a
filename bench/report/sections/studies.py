"""How each cell was tuned: sampler, pruner, space and budget, the states of its trials, and the best trial."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.core.endings import TRIAL_STATUSES
from bench.core.metrics import METRICS
from bench.core.settings.search_space import Dimension
from bench.core.wording import better, count, listed, plain, quantity
from bench.report.section import Entry, Section, Table
from bench.report.sections.best_trials import best_of_study
from bench.results.edges import EDGE
from bench.results.study import Extension, StudyRecord
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

REPLICATED = (
    " n × k: n replications of k trials, each with a best trial of its own, of whose settings and scores the table has "
    "the median and the range."
)


MAJORITY = ", in more than half of the replications"


def studies(tuned: Tuned, heading: str) -> Section:
    """Return the table of one task's studies, one row each."""
    rows = [_fields(tuned, name) for name in tuned.studies]
    once = [name for name in SAID_ONCE if len({fields[name].text for fields in rows}) == 1]
    entries = tuple(tuple(entry for name, entry in fields.items() if name not in once) for fields in rows)
    headers = tuple(name for name in rows[0] if name not in once)
    said = [f"{name}: {rows[0][name].text}." for name in once if name != "At the edge"]
    return Section(heading, _text(tuned), Table(headers, entries, " ".join([*said, _caption(tuned)])))


def space_in_words(study: StudyRecord) -> str:
    """Return the range of each searched setting, in words."""
    return "; ".join(f"{path} {_range(dimension)}" for path, dimension in study.space.items())


def extensions_in_words(tuned: Tuned) -> list[str]:
    """Return a sentence for each setting whose range was widened: to what, for which studies, and why."""
    longest = max(tuned.studies.values(), key=lambda study: len(study.extensions))
    shared = [name for name, study in tuned.studies.items() if study.extensions == longest.extensions]
    whose = "every cell" if len(shared) == len(tuned.studies) else listed(shared)
    by_path: dict[str, list[Extension]] = defaultdict(list)
    for each in longest.extensions:
        by_path[each.path].append(each)
    return [
        f"{path} was widened to [{', '.join(f'{bound:.4g}' for bound in longest.space[path].bounds)}] for {whose}, by "
        f"{quantity(sum(each.n_trials for each in found), 'trial')} of each study in the new part, as "
        f"{listed(_reasons(tuned, found))}."
        for path, found in by_path.items()
    ]


def _reasons(tuned: Tuned, extensions: Sequence[Extension]) -> list[str]:
    """Return whose best trials lay at which end, in words."""
    cells: dict[str, set[str]] = defaultdict(set)
    for each in extensions:
        cells[each.end] |= set(each.cells)
    names = {
        end: [name for name, study in tuned.studies.items() if study.cell in found] or sorted(found)
        for end, found in cells.items()
    }
    return [f"the best of {listed(found)} lay at its {end} end" for end, found in names.items()]


def sampler_in_words(study: StudyRecord) -> str:
    """Return a study's sampler by name, with its arguments."""
    if study.sampler.get("sequence") == "lattice":
        return "a lattice shifted at random"
    return _name_with_arguments(study.sampler, SAMPLERS)


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


def _fields(tuned: Tuned, name: str) -> dict[str, Entry]:
    study, trials = tuned.studies[name], tuned.trials[tuned.trials["study"] == name]
    best = best_of_study(tuned, name)
    saved = trials["epochs_saved"].sum(skipna=False)
    return {
        "Study": Entry(name),
        "Trials": Entry(_trial_count(tuned.replications[name], len(trials)), len(trials)),
        "Outcomes": Entry(_state_counts(trials)),
        "Best trial": Entry(best.which, best.number),
        "Its settings": Entry(plain(best.settings, 200)),
        "Its validation score": Entry(best.score_text, best.score),
        "Epochs trained": Entry(count(trials["n_epochs"].sum()), trials["n_epochs"].sum()),
        "Epochs saved by pruning": Entry(count(saved), saved),
        "At the edge": Entry(plain(best.edges, 120)),
        "Seeds per trial": Entry(str(study.seeds_per_trial), study.seeds_per_trial),
        "Sampler": Entry(plain(sampler_in_words(study), 300)),
        "Pruner": Entry(plain(_name_with_arguments(study.pruner, PRUNERS), 300)),
        "Space": Entry(plain(space_in_words(study), 600)),
    }


def _trial_count(replications: Sequence[StudyRecord], n_trials: int) -> str:
    n_each = max(study.n_wanted for study in replications)
    wanted = f"{len(replications)} × {n_each}" if replications[0].replication else f"{n_each}"
    return wanted if n_trials == len(replications) * n_each else f"{n_trials} of {wanted}"


def _state_counts(trials: pd.DataFrame) -> str:
    counts = trials["state"].value_counts()
    return ", ".join(f"{counts[state]} {state}" for state in TRIAL_STATUSES if state in counts)


def _text(tuned: Tuned) -> tuple[str, ...]:
    n_waiting = int((tuned.trials["state"] == "waiting").sum())
    is_are = "is" if n_waiting == 1 else "are"
    waiting = (f"{quantity(n_waiting, 'trial')} {is_are} not over yet.",) if n_waiting else ()
    return _budget(tuned), *extensions_in_words(tuned), *waiting, *_warnings(tuned)


def _budget(tuned: Tuned) -> str:
    if len(tuned.studies) == 1:
        return "There is one study, so nothing is said of an equal budget."
    each = tuned.studies.values()
    compared: dict[str, set[object]] = {
        "budget": {study.n_wanted * study.seeds_per_trial for study in each},
        "number of replications": {len(records) for records in tuned.replications.values()},
        "space": {space_in_words(study) for study in each},
        "sampler": {sampler_in_words(study) for study in each},
        "pruner": {_name_with_arguments(study.pruner, PRUNERS) for study in each},
    }
    differing = [what for what, found in compared.items() if len(found) > 1]
    if differing:
        return f"The studies differ in {listed(differing)}, so a comparison of their cells is not fair to each."
    n_replications = compared["number of replications"].pop()
    often = f", each carried out {n_replications} times" if tuned.first.replication else ""
    return f"{len(tuned.studies)} studies with the same budget, space, sampler and pruner{often}."


def _warnings(tuned: Tuned) -> list[str]:
    found = [
        f"Warning: {edge.said(name)} ({edge.path} {_range(study.space[edge.path])})."
        for name, study in tuned.studies.items()
        for edge in tuned.edges(name)
    ]
    if tuned.best and not found:
        where = MAJORITY if tuned.first.replication else ""
        return [
            "No best trial has the largest or the smallest value drawn of a setting, or lies within "
            f"{100 * EDGE:.0f} % of an end of its range where it could go further{where}."
        ]
    return [plain(text, 400) for text in found]


def _caption(tuned: Tuned) -> str:
    label, direction = METRICS[tuned.first.metric].label, tuned.first.direction
    replicated = REPLICATED if tuned.first.replication else ""
    return (
        f"{quantity(len(tuned.trials), 'trial')}, numbered from 0.{replicated} Score: {label} on validation, "
        f"{better(direction)}, "
        "the mean over the seeds of a trial; only a trial whose runs are all done can be the best. Epochs trained: of "
        "all trials. Epochs saved by pruning, at most: for each pruned trial its seeds times train.max_epochs, less "
        "the epochs that it trained."
    )
