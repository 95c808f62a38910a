"""Where a task's data come from: its first source that is available locally, else the first that can be fetched."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from bench.core.disk import cache_dir
from bench.core.errors import BenchError, DataError
from bench.tasks import packaged, remote
from bench.tasks.local_files import Files
from bench.tasks.packaged import read_scripture
from bench.tasks.rolls import Roll, read_matlab, rolls_of
from bench.tasks.source_spec import (
    HubSource,
    LocalSource,
    PackageSource,
    Source,
    UrlSource,
    format_of,
    names_of,
    source_of,
)
from bench.tasks.spec import LanguageModelSpec, PianoRollSpec, TaskSpec
from bench.tasks.tables import cut, parse_cell, read_split, text_of

Announce = Callable[[str], None]


@dataclass(frozen=True)
class SourceState:
    """Whether a task's data are at hand, and where from, in words."""

    kind: Literal["local", "cached", "package", "to fetch", "missing"]
    text: str


def read_rolls(spec: PianoRollSpec, split: str, data_dir: str | None) -> list[Roll]:
    """Return the rolls of one split, in the order of the source, and of no other.

    Shapes: one (T, 88) array of zeros and ones for each sequence; column = MIDI pitch - 21.
    Raises DataError, naming file, split, sequence and step (counted from 0), for data that are missing or bad.
    """
    found = _choose(spec, data_dir, _tell)
    if isinstance(found, PackageSource):
        return packaged.read_chorales(split)
    path = found.path(split)
    if found.format == "mat":
        return read_matlab(path, split)
    rows = read_split(found, split, spec.column)
    if found.format == "csv":
        rows = [parse_cell(cell, str(path), f"split {split}, sequence {i}") for i, cell in enumerate(rows)]
    return rolls_of(rows, str(path), split)


def read_text(spec: LanguageModelSpec, split: str, data_dir: str | None) -> str:
    """Return the raw text of one split, before the task's normalisation.

    Raises DataError, naming the file and the place, for data that are missing or no text.
    """
    found = _choose(spec, data_dir, _tell)
    if isinstance(found, PackageSource):
        return cut(read_scripture(), split, spec.fractions, found.package)
    return text_of(found, split, spec.column, spec.fractions)


def origin(spec: TaskSpec, split: str, data_dir: str | None) -> str:
    """Return where a split is read from, for a message about it: the file or package, the task and the split."""
    found = _choose(spec, data_dir, _tell)
    place = f"package {found.package}" if isinstance(found, PackageSource) else str(found.path(split))
    return f"{place}, task `{spec.name}`, split {split}"


def ensure(spec: TaskSpec, data_dir: str | None, *, announce: Announce) -> None:
    """Ensure that a task's data are on this machine; `announce` is called before anything is fetched.

    Raises DataError, naming every way to get the data, if there is none at hand and none can be fetched.
    """
    found = _choose(spec, data_dir, announce)
    if isinstance(found, PackageSource) and found.package == "music21" and not packaged.is_prepared():
        announce(
            f"task `{spec.name}`: converting the Bach scores of music21 {version('music21')}, once\n"
            f"  licence: {spec.licence}\n  into {cache_dir()}"
        )
        packaged.prepare_chorales()


def state(spec: TaskSpec, data_dir: str | None) -> SourceState:
    """Return where a task's data would come from, without reading them or touching the network."""
    try:
        for source in _sources(spec):
            found = _at_hand(source, spec, data_dir)
            if found is not None:
                return _state_at_hand(source, found)
    except BenchError as error:
        return SourceState("missing", str(error))
    for source in _sources(spec):
        if isinstance(source, (UrlSource, HubSource)):
            return SourceState("to fetch", f"to fetch: {_size(source.bytes)} from {remote.host(source)}")
    return SourceState("missing", f"missing: {'; '.join(_ways(spec, data_dir))}")


def _choose(spec: TaskSpec, data_dir: str | None, announce: Announce) -> Files | PackageSource:
    """Return the first source available locally, else the first that can be fetched. Raises DataError."""
    sources = _sources(spec)
    for source in sources:
        found = _at_hand(source, spec, data_dir)
        if found is not None:
            return found
    failures = []
    for source in sources:
        if isinstance(source, (UrlSource, HubSource)):
            announce(_announcement(spec, source))
            try:
                return remote.fetch(source, _column(spec))
            except remote.FetchError as error:
                failures.append(f"\n  fetching failed: {error}")
    ways = "".join([*(f"\n  - {way}" for way in _ways(spec, data_dir)), *failures])
    raise DataError(f"task `{spec.name}`", f"no source found; any one of these is enough:{ways}")


def _at_hand(source: Source, spec: TaskSpec, data_dir: str | None) -> Files | PackageSource | None:
    if isinstance(source, LocalSource):
        return _local_files(source, data_dir)
    if isinstance(source, PackageSource):
        return source if find_spec(source.package) else None
    return remote.fetched(source, _column(spec))


def _local_files(source: LocalSource, data_dir: str | None) -> Files | None:
    """Return the files of the first folder that has them, None if none does. Raises DataError for a part of them."""
    for folder in _folders(data_dir):
        paths = {key: folder / name for key, name in names_of(source).items()}
        absent = [path for path in paths.values() if not path.is_file()]
        if not absent:
            return Files(format_of(source), paths)
        if len(absent) < len(paths):
            present = next(path for path in paths.values() if path not in absent)
            raise DataError(str(absent[0]), f"no such file, though {present.name} is there; all splits are needed")
    return None


def _folders(data_dir: str | None) -> list[Path]:
    """Return where local files are looked for: the folder named, then the working directory."""
    chosen = data_dir or os.environ.get("BENCH_DATA")
    if not chosen:
        return [Path.cwd()]
    folder = Path(chosen).expanduser().absolute()
    if not folder.is_dir():
        raise DataError(str(folder), "no such folder; `data_dir` or BENCH_DATA names it")
    return [folder, Path.cwd()]


def _state_at_hand(source: Source, found: Files | PackageSource) -> SourceState:
    if isinstance(found, PackageSource):
        return SourceState("package", f"package {found.package} {version(found.package.replace('_', '-'))}")
    if isinstance(source, LocalSource):
        place = os.path.commonpath([*found.paths.values()])
        return SourceState("local", f"local: {place}")
    return SourceState("cached", "cached")


def _announcement(spec: TaskSpec, source: UrlSource | HubSource) -> str:
    places = "".join(f"\n  from {address}" for address in remote.addresses(source))
    size = f"about {_size(source.bytes)}"
    return f"task `{spec.name}`: fetching {spec.title}, {size}{places}\n  licence: {spec.licence}\n  into {cache_dir()}"


def _ways(spec: TaskSpec, data_dir: str | None) -> list[str]:
    """Return the ways for a user to obtain the data, one sentence each."""
    sources = _sources(spec)
    ways = [way for source in sources for way in _way(source, data_dir)]
    if any(isinstance(source, PackageSource) for source in sources):
        return ways
    return [*ways, "pip install 'gatebench[demo]' and task=music21_bach or task=kjv_char: they need no network"]


def _way(source: Source, data_dir: str | None) -> list[str]:
    if isinstance(source, LocalSource):
        names = ", ".join(names_of(source).values())
        return [f"put {names} into {_folders(data_dir)[0]}, or name their folder by data_dir= or BENCH_DATA"]
    if isinstance(source, UrlSource):
        return [f"{address} (sha256 {source.sha256[key]})" for key, address in names_of(source).items()]
    if isinstance(source, HubSource):
        return remote.addresses(source)
    return [f"pip install 'gatebench[{source.extra}]', which brings {source.package}"]


def _sources(spec: TaskSpec) -> list[Source]:
    return [source_of(node, f"task.{spec.name}.sources[{i}]") for i, node in enumerate(spec.sources)]


def _column(spec: TaskSpec) -> str:
    return spec.column if isinstance(spec, (PianoRollSpec, LanguageModelSpec)) else ""


def _size(n_bytes: int) -> str:
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.{0 if n_bytes >= 10 * scale else 1}f} {unit}"
    return f"{n_bytes} bytes"


def _tell(message: str) -> None:
    print(message, file=sys.stderr)
