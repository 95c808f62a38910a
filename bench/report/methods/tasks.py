"""Methods: the tasks, the sizes of their splits, and the definition of their scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.core.metrics import METRICS
from bench.core.wording import better, listed, plain, quantity
from bench.report.inputs import ReportData
from bench.report.methods.subject import Subject
from bench.results.columns import metric_of

SPLITS = {"train": "training", "validation": "validation", "test": "test"}

FIRST_GIVEN = (
    "the negative log-likelihood in nats per frame: its sum over all frames of a split but the first of each sequence, "
    "which is given as an input and neither trained on nor scored, divided by the number of these frames"
)

DEFINITIONS = {
    "nll": "the negative log-likelihood in nats per frame: its sum over all frames of a split, the first of a sequence "
    "predicted from nothing, divided by the number of frames",
    "bits_per_char": "bits per character: the mean negative log-likelihood to base 2 over all characters of a split, "
    "each counted once, the state carried from window to window",
    "perplexity": "the perplexity per word: the exponential of the mean negative log-likelihood over all words of a "
    "split, each counted once, the state carried from window to window",
}


def tasks(found: ReportData, subjects: Sequence[Subject]) -> list[str]:
    """Return which cells were compared on which tasks, and by which score."""
    by_task: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects:
        by_task[subject.task].append(subject)
    names = [look.name for cell, look in found.looks.items() if any(cell == each.run.cell_name for each in subjects)]
    what = listed(names) + (" were compared" if len(names) > 1 else " was trained")
    told = [f"{task} ({_about(of_task)})" for task, of_task in by_task.items()]
    return [f"{what} on {listed(told)}.", *_scores(by_task), *_split(found)]


def _about(subjects: Sequence[Subject]) -> str:
    task = subjects[0].run.task
    named = f"task {plain(str(task.get('name')), 60)}, version {plain(str(task.get('version', 'unknown')), 20)}"
    return "; ".join([named, *_sizes(subjects)])


def _sizes(subjects: Sequence[Subject]) -> list[str]:
    """Return the sizes of the splits, as stated by the task for data of the digests that the Runs recorded."""
    seen: dict[str, str] = {}
    for subject in subjects:
        seen |= subject.record.outcome.data_digests
    statistics = subjects[0].run.task.get("statistics")
    stated = statistics if isinstance(statistics, Mapping) else {}
    known = {split: stated[split] for split in SPLITS if _is_of(stated.get(split), seen.get(split))}
    units = {split: node["units"] for split, node in known.items() if isinstance(node.get("units"), int)}
    if not units:
        return []
    unit = subjects[0].record.cost.unit or next((each.record.cost.unit for each in subjects), "") or "unit"
    sequences = [node.get("sequences") for node in known.values()]
    in_sequences = subjects[0].kind == "piano_roll" and all(isinstance(n, int) for n in sequences)
    where = {split: f" in {quantity(known[split]['sequences'], 'sequence')}" if in_sequences else "" for split in units}
    each = [f"{n:,}{where[split]} for {SPLITS[split]}" for split, n in units.items()]
    return [f"{plain(unit, 20)}s: {listed(each)}"]


def _is_of(stated: object, seen: str | None) -> bool:
    return isinstance(stated, Mapping) and seen is not None and stated.get("digest", seen) == seen


def _scores(by_task: Mapping[str, Sequence[Subject]]) -> list[str]:
    by_score: dict[tuple[str, str], list[str]] = defaultdict(list)
    for task, subjects in by_task.items():
        direction = str(subjects[0].run.task.get("direction", "minimise"))
        by_score[_definition(subjects[0]), direction].append(task)
    sentences = []
    for (definition, direction), names in by_score.items():
        where = f" on {listed(names)}" if len(by_score) > 1 else ""
        sentences.append(f"The score{where} is {definition}; {better(direction)}.")
    return sentences


def _definition(subject: Subject) -> str:
    if subject.run.first_step == "given":
        return FIRST_GIVEN
    metric = metric_of(subject.record)
    return DEFINITIONS.get(metric, METRICS[metric].label if metric in METRICS else plain(metric, 40))


def _split(found: ReportData) -> list[str]:
    """Return which splits were scored, "" if no Run has a score."""
    splits = set(found.summary.loc[found.summary["n"] > 0, "split"])
    weights = "The weights of the evaluation with the lowest validation loss were scored."
    if splits == {"test"}:
        return [weights, "Scores are on the test split, which each run opened once, after training."]
    if splits == {"validation"}:
        return [weights, "Scores are on the validation split; the test split was not scored."]
    both = "Scores are on the test split where settings were confirmed, elsewhere on the validation split."
    return [weights, both] if splits else []
