"""Methods: hyperparameter search, and the retraining of its best trials."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bench.core.endings import TRIAL_STATUSES
from bench.core.metrics import METRICS
from bench.core.settings.search_space import Value
from bench.core.wording import listed, plain, quantity, spanned
from bench.report.inputs import ReportData
from bench.report.methods.subject import Subject
from bench.report.sections.best_trials import settings_of_replications
from bench.report.sections.studies import PRUNERS, extensions_in_words, sampler_in_words, space_in_words
from bench.results.study import StudyRecord, shown
from bench.results.trial_frames import Tuned, are_paired

REPLICATED = (
    "Each replication is the whole procedure anew: other draws, other seeds of the trials, the best of its own trials, "
    "and another seed for the run that confirms it; so the settings, the initial weights and the order of the data "
    "vary from one to the next."
)


def search(found: ReportData, subjects: Sequence[Subject]) -> list[str]:
    """Return how the cells were tuned, or that they were not; tasks tuned alike share one description."""
    n_tuning = int((found.runs["phase"] == "tune").sum())
    if not found.tuned and not n_tuning:
        return ["No setting was tuned: every run had the settings given above."]
    if not found.tuned:
        return [f"{quantity(n_tuning, 'run')} served to choose settings; how they were searched is not on record."]
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Tuned]] = defaultdict(list)
    for tuned in found.tuned:
        alike[_search_sentences(tuned), _confirmation_sentence(tuned, subjects)].append(tuned)
    sentences = [text for shared, those in alike.items() for text in _sentences_of(those, *shared)]
    bare = list(dict.fromkeys(f"{each.cell} on {each.task}" for each in subjects if each.study is None))
    return [*sentences, *([f"Given settings, not tuned ones, had {listed(bare)}."] if bare else [])]


def _sentences_of(those: Sequence[Tuned], searched: Sequence[str], confirmed: Sequence[str]) -> list[str]:
    """Return the search common to some tasks, then its results on each."""
    where = f"In each of the {len(those)} cases below, " if len(those) > 1 else f"On {those[0].label}, "
    return [where + searched[0], *searched[1:], _endings(those), *_best_settings(those), *confirmed]


def _search_sentences(tuned: Tuned) -> tuple[str, ...]:
    by_words: dict[str, list[str]] = defaultdict(list)
    for name, study in tuned.studies.items():
        n_trials = int((tuned.trials["study"] == name).sum())
        by_words[_search_phrase(study, len(tuned.replications[name]), n_trials)].append(name)
    hows = "; ".join(f"{listed(names)} {_were(names)} tuned {how}" for how, names in by_words.items())
    label = METRICS[tuned.first.metric].label
    sentences = [f"{hows}.", f"Trials were judged by their mean best validation score ({label}) alone."]
    sentences += extensions_in_words(tuned)
    studies = list(tuned.studies.values())
    if tuned.first.replication:
        sentences.append(REPLICATED)
    if len(studies) > 1 and are_paired(studies):
        where = " in one replication" if tuned.first.replication else ""
        sentences.append(f"Trials of one number{where} had the same settings in each study.")
    return tuple(sentences)


def _were(names: Sequence[str]) -> str:
    return "were each" if len(names) > 1 else "was"


def _search_phrase(study: StudyRecord, n_times: int, n_trials: int) -> str:
    wanted = study.n_wanted * n_times
    asked = f"{n_trials}" if n_trials >= wanted else f"{n_trials} of {wanted}"
    if study.replication:
        asked = f"{quantity(n_times, 'replication')} of {study.n_wanted}" + f" ({asked})" * (n_trials < wanted)
    pruner = str(study.pruner.get("name", "unknown"))
    pruned = "no trial being pruned" if pruner == "none" else f"pruned by {_name_with_arguments(study.pruner, PRUNERS)}"
    trials = f"{asked} {'trial' if study.n_wanted == 1 else 'trials'} of {quantity(study.seeds_per_trial, 'seed')}"
    return plain(f"by {sampler_in_words(study)} over {space_in_words(study)}, in {trials}, {pruned}", 900)


def _name_with_arguments(node: Mapping[str, object], words: Mapping[str, str]) -> str:
    name = str(node.get("name", "unknown"))
    arguments = [f"{key} {value}" for key, value in node.items() if key != "name" and value is not None]
    return words.get(name, name) + (f" ({', '.join(arguments)})" if arguments else "")


def _endings(those: Sequence[Tuned]) -> str:
    counts = Counter(state for tuned in those for state in tuned.trials["state"])
    states = [
        f"{counts[state]:,} {'is' if counts[state] == 1 else 'are'} {state}"
        for state in TRIAL_STATUSES
        if counts[state]
    ]
    return f"Of {quantity(counts.total(), 'trial')} {listed(states)}."


def _best_settings(those: Sequence[Tuned]) -> list[str]:
    """Return the settings of the best trials, a sentence for each task."""
    sentences = []
    for tuned in those:
        each = [f"{plain(text, 300)} for {name}" for name, text in _chosen(tuned).items()]
        where = f"On {tuned.label}, the" if len(those) > 1 else "The"
        trials = "best trials, one of each replication, had (median and range)" if tuned.first.replication else ""
        sentences += [f"{where} {trials or 'best trial had'} {'; '.join(each)}."] if each else []
    return sentences


def _chosen(tuned: Tuned) -> dict[str, str]:
    """Return the settings of the best trial of each study, or those of its replications."""
    chosen: dict[str, list[Mapping[str, Value]]] = defaultdict(list)
    for name, _, trial in tuned.best:
        chosen[name].append(trial.params)
    return {
        name: settings_of_replications(study.space, chosen[name]) if study.replication else shown(chosen[name][0])
        for name, study in tuned.studies.items()
        if name in chosen
    }


def _confirmation_sentence(tuned: Tuned, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """Return on how many seeds the best trials' settings were retrained, or how many replications confirmed theirs."""
    if not tuned.best:
        return ("No trial is done, so there is none that is best.",)
    keys = {study.key for records in tuned.replications.values() for study in records}
    runs = [subject for subject in subjects if subject.study is not None and subject.study.key in keys]
    confirmed = [subject for subject in runs if subject.run.phase == "confirm"]
    if not confirmed:
        return ("The settings of the best were not trained again on other seeds.",)
    seeds: dict[str, set[int]] = defaultdict(set)
    for subject in confirmed:
        seeds[subject.study.search_key if subject.study else ""].add(subject.run.seed)
    n_runs = [len(found) for found in seeds.values()]
    if tuned.first.replication:
        n = spanned(n_runs, "replication")
        return (
            f"The best trial of each replication was then trained again, once, on a fresh seed that the cells share; "
            f"these runs alone are scored here, from {n} for each cell.",
        )
    n = spanned(n_runs, "seed")
    return (f"The settings of the best were then trained again on {n}, and these runs alone are scored here.",)
