"""Methods: hyperparameter search, and the retraining of its best trials."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bench.core.endings import TRIAL_STATUSES
from bench.core.metrics import METRICS
from bench.core.wording import listed, plain, quantity, spanned
from bench.report.inputs import ReportData
from bench.report.methods.subject import Subject, best_params
from bench.report.sections.studies import PRUNERS, SAMPLERS, space_in_words
from bench.results.study import StudyRecord, shown
from bench.results.trial_frames import Tuned, are_paired


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
        by_words[_search_phrase(study, int((tuned.trials["study"] == name).sum()))].append(name)
    hows = "; ".join(f"{listed(names)} {_were(names)} tuned {how}" for how, names in by_words.items())
    label = METRICS[tuned.first.metric].label
    sentences = [f"{hows}.", f"Trials were judged by their mean best validation score ({label}) alone."]
    studies = list(tuned.studies.values())
    if len(studies) > 1 and are_paired(studies):
        sentences.append("Trials of one number had the same settings in each study.")
    return tuple(sentences)


def _were(names: Sequence[str]) -> str:
    return "were each" if len(names) > 1 else "was"


def _search_phrase(study: StudyRecord, n_trials: int) -> str:
    asked = f"{n_trials}" if n_trials >= study.n_trials else f"{n_trials} of {study.n_trials}"
    pruner = str(study.pruner.get("name", "unknown"))
    pruned = "no trial being pruned" if pruner == "none" else f"pruned by {_name_with_arguments(study.pruner, PRUNERS)}"
    trials = f"{asked} {'trial' if study.n_trials == 1 else 'trials'} of {quantity(study.seeds_per_trial, 'seed')}"
    return plain(
        f"by {_name_with_arguments(study.sampler, SAMPLERS)} over {space_in_words(study)}, in {trials}, {pruned}", 900
    )


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
        names = {study.key: name for name, study in tuned.studies.items()}
        each = [f"{plain(shown(params), 300)} for {names[study.key]}" for study, params in best_params(tuned)]
        where = f"On {tuned.label}, the" if len(those) > 1 else "The"
        sentences += [f"{where} best trial had {'; '.join(each)}."] if each else []
    return sentences


def _confirmation_sentence(tuned: Tuned, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """Return the number of seeds on which the best trials' settings were retrained."""
    if not best_params(tuned):
        return ("No trial is done, so there is none that is best.",)
    keys = {study.key for study in tuned.studies.values()}
    runs = [subject for subject in subjects if subject.study is not None and subject.study.key in keys]
    confirmed = [subject for subject in runs if subject.run.phase == "confirm"]
    if not confirmed:
        return ("The settings of the best were not trained again on other seeds.",)
    seeds: dict[str, set[int]] = defaultdict(set)
    for subject in confirmed:
        seeds[subject.study.key if subject.study else ""].add(subject.run.seed)
    n = spanned([len(found) for found in seeds.values()], "seed")
    return (f"The settings of the best were then trained again on {n}, and these runs alone are scored here.",)
