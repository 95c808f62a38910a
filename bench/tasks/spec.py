"""The schema of a task's YAML: `conf/task/*.yaml` and a user's own `task/*.yaml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.core.errors import ConfigError, did_you_mean
from bench.core.metrics import METRICS, Direction, MetricName
from bench.core.schema import Count, CountOrOff, Fraction, Positive, build, fields_of
from bench.tasks.source_spec import SPLITS as SPLITS
from bench.tasks.source_spec import check_contents, source_of


@dataclass(frozen=True)
class SplitStatistics:
    """What a split must hold, checked before training: `sequences`, and `units` (frames, words, characters) in all.

    `digest` is the SHA-256 of its content, not of a file.
    """

    sequences: Count
    units: Count
    digest: str | None = None


@dataclass(frozen=True)
class PublishedStatistics:
    """Numbers of the literature about the data themselves, for the self-test.

    `unigram_nats` is the loss of a model of frequencies alone, `vocabulary` the number of tokens, `source` the paper.
    """

    unigram_nats: float | None = None
    vocabulary: Count | None = None
    source: str = ""


@dataclass(frozen=True)
class TaskSpec:
    """The fields that the specs of all task families share.

    `kind` is what is predicted: the keys of a music roll or the tokens of a text. `name` is that of the file. `version`
    is raised when numbers are no longer comparable with earlier ones. `title` names the task in print. `description`
    says what the data are. `licence` is theirs. `metric` is the score in print. `direction` says which way is better.
    `sources` say where the data may come from, the first that is there being taken. `settings` are those that a command
    leaves open. `statistics` of each split are checked before training. `published` are numbers of the literature about
    the data.

    `margin` is the largest difference of two scores that does not matter, in the metric's unit, where the rule for all
    tasks (`conf/margin.yaml`) does not fit.
    """

    name: str
    kind: str
    version: Count
    title: str
    licence: str
    metric: MetricName
    direction: Direction
    sources: tuple[Mapping[str, Any], ...]
    description: str = ""
    settings: Mapping[str, Any] | None = None
    statistics: Mapping[str, SplitStatistics] | None = None
    published: PublishedStatistics | None = None
    margin: Positive | None = None


@dataclass(frozen=True)
class PianoRollSpec(TaskSpec):
    """Polyphonic music: 88 keys on or off at each step.

    `column` names the column of the file that lists the MIDI pitches of each step. The first frame of each sequence is,
    by `first_step`, `predicted` from an all-zero input, or `given`: an input alone, neither trained on nor scored, as
    in the code that Chung et al. 2014 released (arXiv 1412.3555).
    """

    column: str = "notes"
    first_step: Literal["predicted", "given"] = "predicted"


@dataclass(frozen=True)
class LanguageModelSpec(TaskSpec):
    """Text: predict each word or character from all before it.

    `level` is what a token is. With `lowercase` capitals are read as small letters. With `strip_lines` spaces at both
    ends of a line do not count. `column` names the column of a table that has the text.
    `vocabulary_size` keeps the most frequent tokens of the training split and reads the rest as `<unk>` (0: all
    tokens). A `closed_vocabulary` has no `<unk>` of ours: a token that training has not seen is an error.
    `punctuation` makes each punctuation mark a token of its own, apostrophes and hyphens inside a word excepted.
    `fractions` are the shares of train, validation and test where one file holds the whole text.
    `tracks` is the number of contiguous pieces, each started from a zero state, in which validation and test are
    scored: a part of the task, so that no score depends on a batch size or a window length.
    """

    level: Literal["word", "character"] = "character"
    lowercase: bool = False
    strip_lines: bool = False
    punctuation: bool = False
    vocabulary_size: CountOrOff = 0
    closed_vocabulary: bool = False
    tracks: Count = 1
    fractions: tuple[Fraction, ...] = (0.9, 0.05, 0.05)
    column: str = "text"


SPECS: dict[str, type[TaskSpec]] = {"piano_roll": PianoRollSpec, "language_model": LanguageModelSpec}


def task_spec(node: Mapping[str, Any], where: str) -> TaskSpec:
    """Build the spec that a task's `kind` names. Raises ConfigError for an unknown kind or key, or a contradiction."""
    kind = node.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        raise ConfigError(f"{where}.kind", f"unknown kind of task {kind!r}; {did_you_mean(str(kind), SPECS)}")
    _check_fields(node, kind, where)
    spec = build(SPECS[kind], node, where)
    _check_score(spec, where)
    for i, node_of_source in enumerate(spec.sources):
        source = source_of(node_of_source, f"{where}.sources[{i}]")
        check_contents(source, kind, f"{where}.sources[{i}]")
    if isinstance(spec, LanguageModelSpec):
        _check_fractions(spec.fractions, f"{where}.fractions")
    return spec


def _check_fields(node: Mapping[str, Any], kind: str, where: str) -> None:
    """Refuse a field that only another kind of task has."""
    for key in node:
        others = [name for name, spec in SPECS.items() if key in fields_of(spec)]
        if others and kind not in others:
            raise ConfigError(f"{where}.{key}", f"is for tasks of kind {' or '.join(others)}, and this is a {kind}")


def _check_score(spec: TaskSpec, where: str) -> None:
    """Refuse a metric of another unit than the task's, and a direction that would turn its conclusions round."""
    metric = METRICS[spec.metric]
    unit = spec.level if isinstance(spec, LanguageModelSpec) else "frame"
    if metric.unit != unit:
        fitting = " or ".join(other.name for other in METRICS.values() if other.unit == unit)
        raise ConfigError(f"{where}.metric", f"must be {fitting} where a {unit} is predicted, got {metric.name}")
    if spec.direction != metric.direction:
        raise ConfigError(f"{where}.direction", f"must be {metric.direction} for {metric.name}, got {spec.direction}")


def _check_fractions(fractions: tuple[float, ...], where: str) -> None:
    if len(fractions) != len(SPLITS) or min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise ConfigError(where, f"must be three numbers above 0 that add up to 1, got {list(fractions)}")
