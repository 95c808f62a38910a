"""Diff: which Runs of two result sets differ, by how much, and whether the means of their groups do."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.core.digest import digest_of
from bench.core.interval import ENOUGH, Interval
from bench.results.columns import metric_of
from bench.results.groups import Settings, differing, settings_of
from bench.results.replications import replications_of
from bench.results.run import Outcome, Run, RunRecord, differing_parts
from bench.results.study import StudyRecord
from bench.stats.paired import paired_interval
from bench.stats.unpaired import welch_interval

Condition = tuple[str, str, int, int]
"""Task, cell, hidden size, number of layers."""


@dataclass(frozen=True)
class Pair:
    """Two records of one Run, or of two Runs of equal task, cell, size and seed.

    `fields` are the parts of the outcome that are not equal to the last bit; a score is None where there is none.
    """

    left: RunRecord
    right: RunRecord
    metric: str
    scores: tuple[float | None, float | None]
    fields: tuple[str, ...]

    @property
    def relative(self) -> float | None:
        """Difference of the second score from the first, relative to the first."""
        first, second = self.scores
        return None if first is None or second is None or first == 0 else (second - first) / abs(first)


@dataclass(frozen=True)
class GroupDifference:
    """The mean of the second set, B, minus that of the first, A, for one task, cell and size.

    `label` has the settings that tell the group from others of its condition, where there are others; `settings` holds
    those of A and of B that differ; `conclusion` is `different`, `not told apart`, or why neither;
    `sides` are the scores of the seeds of A and of B that finished, on the split that `metric` names.
    """

    condition: Condition
    label: str
    settings: Mapping[str, str]
    metric: str
    interval: Interval | None
    conclusion: str
    sides: tuple[Mapping[int, float], Mapping[int, float]] = ({}, {})


@dataclass(frozen=True)
class Diff:
    """The Runs that two result sets share, those of one set alone, and the differences of their groups."""

    only_left: tuple[RunRecord, ...]
    only_right: tuple[RunRecord, ...]
    identical: tuple[RunRecord, ...]
    different: tuple[Pair, ...]
    rematched: tuple[Pair, ...]
    groups: tuple[GroupDifference, ...]


Studies = Sequence[StudyRecord]


@dataclass(frozen=True)
class _Group:
    """The records of equal settings; what replications of a search chose is none of these."""

    settings: Settings
    records: list[RunRecord]


def compare(left: Sequence[RunRecord], right: Sequence[RunRecord], studies: tuple[Studies, Studies] = ((), ())) -> Diff:
    """Compare two result sets: Runs by key, then by task, cell, size and seed where the keys differ, then groups.

    By the `studies` of both, the replications of a search are one group, whatever each chose.
    """
    first, second = ({record.key: record for record in records} for records in (left, right))
    both = [_pair(first[key], second[key]) for key in sorted(first.keys() & second.keys())]
    only_left, only_right = _records_only_in(first, second), _records_only_in(second, first)
    return Diff(
        only_left=only_left,
        only_right=only_right,
        identical=tuple(pair.left for pair in both if not pair.fields),
        different=tuple(pair for pair in both if pair.fields),
        rematched=_pairs_matched_by_seed(only_left, only_right),
        groups=tuple(_group_differences(_side(first, studies[0]), _side(second, studies[1]))),
    )


def _records_only_in(records: Mapping[str, RunRecord], others: Mapping[str, RunRecord]) -> tuple[RunRecord, ...]:
    return tuple(sorted((records[key] for key in records.keys() - others.keys()), key=lambda record: record.run.label))


def _pairs_matched_by_seed(left: Sequence[RunRecord], right: Sequence[RunRecord]) -> tuple[Pair, ...]:
    """Pair Runs of different keys that are the only ones of their task, cell, size and seed in either set."""
    first, second = _records_by_seed(left), _records_by_seed(right)
    shared = [seed for seed in first if len(first[seed]) == len(second.get(seed, ())) == 1]
    return tuple(_pair(first[seed][0], second[seed][0]) for seed in sorted(shared))


def _records_by_seed(records: Sequence[RunRecord]) -> dict[tuple[Condition, int], list[RunRecord]]:
    found = defaultdict(list)
    for record in records:
        found[_condition_of(record.run), record.run.seed].append(record)
    return found


def _pair(left: RunRecord, right: RunRecord) -> Pair:
    metric, split = metric_of(left), _split([left, right])
    scores = (_score(left, split), _score(right, split))
    return Pair(left, right, f"{split} {metric}", scores, differing_parts(left.outcome, right.outcome))


def _side(records: Mapping[str, RunRecord], studies: Studies) -> dict[Condition, dict[str, _Group]]:
    """Return the groups of one result set, by condition and by a digest of their settings."""
    replications = replications_of(studies, list(records.values()))
    found: dict[Condition, dict[str, _Group]] = defaultdict(dict)
    for record in _confirmed_records(each for key, each in records.items() if key not in replications.superseded):
        chosen = replications.chosen.get(record.key, ())
        settings = {name: value for name, value in settings_of(record.run).items() if name not in chosen}
        group = found[_condition_of(record.run)].setdefault(digest_of(settings), _Group(settings, []))
        group.records.append(record)
    return found


def _group_differences(
    first: Mapping[Condition, Mapping[str, _Group]], second: Mapping[Condition, Mapping[str, _Group]]
) -> Iterator[GroupDifference]:
    for condition in sorted(first.keys() & second.keys()):
        ours, theirs = first[condition], second[condition]
        shared = ours.keys() & theirs.keys()
        rests = [sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())]
        labels = differing({group: ours[group].settings for group in shared})
        for group in sorted(shared, key=lambda group: (labels[group], group)):
            yield _difference(condition, labels[group], ours[group], theirs[group])
        if len(rests[0]) == len(rests[1]) == 1:
            yield _difference(condition, "", ours[rests[0][0]], theirs[rests[1][0]])
        elif all(rests):
            counts = f"{len(rests[0])} and {len(rests[1])}"
            yield GroupDifference(condition, "", {}, "", None, f"{counts} other settings: not matched")


def _confirmed_records(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the records that speak for their task, as in a report: trials of a search only where none is confirmed."""
    records = list(records)
    confirmed = {record.run.task_name for record in records if record.run.phase == "confirm"}
    return [record for record in records if record.run.phase == "confirm" or record.run.task_name not in confirmed]


def _difference(condition: Condition, label: str, first: _Group, second: _Group) -> GroupDifference:
    settings = differing({"A": first.settings, "B": second.settings})
    left, right = first.records, second.records
    split = _split([*left, *right])
    sides = _scores(left, split), _scores(right, split)
    found = GroupDifference(condition, label, settings, f"{split} {metric_of(left[0])}", None, "", sides)
    if _versions(left) != _versions(right):
        return dataclasses.replace(found, conclusion="other task versions: not compared")
    if not _is_same_data(left[0].outcome, right[0].outcome):
        return dataclasses.replace(found, conclusion="made on other data: not compared")
    interval = _interval(*sides)
    if interval is None:
        n = min(map(len, sides))
        return dataclasses.replace(found, conclusion=f"too few runs ({n}) to judge; it takes {ENOUGH}")
    is_apart = not interval.low <= 0 <= interval.high
    return dataclasses.replace(found, interval=interval, conclusion="different" if is_apart else "not told apart")


def _interval(first: Mapping[int, float], second: Mapping[int, float]) -> Interval | None:
    """Return the interval of second minus first: over the seeds both have, else over all; None over too few."""
    seeds = sorted(first.keys() & second.keys())
    if len(seeds) >= ENOUGH:
        return paired_interval([second[seed] - first[seed] for seed in seeds])
    if min(len(first), len(second)) >= ENOUGH:
        return welch_interval(list(second.values()), list(first.values()))
    return None


def _scores(records: Sequence[RunRecord], split: str) -> dict[int, float]:
    """Return the score of each seed that finished."""
    scores = {record.run.seed: _score(record, split) for record in records if record.outcome.status == "done"}
    return {seed: score for seed, score in sorted(scores.items()) if score is not None}


def _score(record: RunRecord, split: str) -> float | None:
    return record.outcome.scores.get(split, {}).get(metric_of(record))


def _split(records: Sequence[RunRecord]) -> str:
    """Return the split that all records which ended as done are judged by: test where each has a test score."""
    ended = [record for record in records if record.outcome.status == "done"]
    return "test" if ended and all("test" in record.outcome.scores for record in ended) else "validation"


def _versions(records: Sequence[RunRecord]) -> set[str]:
    return {str(record.run.task.get("version")) for record in records}


def _is_same_data(left: Outcome, right: Outcome) -> bool:
    shared = left.data_digests.keys() & right.data_digests.keys()
    return all(left.data_digests[split] == right.data_digests[split] for split in shared)


def _condition_of(run: Run) -> Condition:
    return run.task_name, run.cell_name, run.hidden_size, run.num_layers
