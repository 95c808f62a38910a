"""Records: immutable once written; a damaged record is reported and does not prevent reading the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.core.endings import FINAL, RunStatus
from bench.core.errors import DataError, UsageError
from bench.results import archive
from bench.results.files import make_folder, refuse_links, rename_free, set_aside, write_whole
from bench.results.paths import ARCHIVE, RECORD, RUNS, Label, folder_of, folders_in
from bench.results.run import Run, RunRecord


def is_final(status: RunStatus, *, is_pruning: bool) -> bool:
    """Return whether an ending stands; that of a Run that was pruned does only where Runs are judged under way."""
    return status in FINAL and (is_pruning or status != "pruned")


@dataclass(frozen=True)
class Results:
    """What a results directory holds: readable records, and a message for each damaged one."""

    records: tuple[RunRecord, ...]
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """The content of one folder: a record, or a message on its damage, or neither if the Run has not ended."""

    folder: Path
    record: RunRecord | None = None
    damage: str = ""


def read(directory: Path, *, curves: bool = True) -> Results:
    """Read every record under a results directory, in the order of their names, with or without learning curves."""
    found = list(scan(directory, curves=curves))
    records = tuple(each.record for each in found if each.record is not None)
    return Results(records, tuple(each.damage for each in found if each.damage))


def scan(directory: Path, *, curves: bool = True) -> Iterator[Found]:
    """Yield the content of every Run's folder, plain or archived, ordered by name.

    Raises DataError for an unreadable directory, and LinkError where a link is in it.
    """
    refuse_links(directory)
    if damaged := archive.damage(directory):
        yield Found(directory / ARCHIVE, damage=damaged)
    for name in sorted({folder.name for folder in folders_in(directory)} | archive.below(directory, RUNS)):
        yield look(directory / RUNS / name, curves=curves)


def look(folder: Path, *, curves: bool = True) -> Found:
    """Return what is in the folder of one Run."""
    path = folder / RECORD
    try:
        text = archive.text_of(folder.parents[1], path)
        record = RunRecord.from_json(text, str(path), curves=curves)
        label = Label.of(folder.name)
        if label is None or label.key != record.key:
            raise DataError(str(path), f"the record of another run, {record.key}")
    except FileNotFoundError:
        return Found(folder)
    except DataError as error:
        return Found(folder, damage=str(error))
    return Found(folder, record)


def find(directory: Path, run: Run) -> RunRecord | None:
    """Return the record of a Run if it exists and is intact; `damage` describes one that is not."""
    return look(folder_of(directory, run)).record


def record_at(path: Path) -> tuple[Path, RunRecord]:
    """Return the results directory and the record of a finished Run, by its folder or as `DIRECTORY/KEY`.

    Raises UsageError where there is none, and DataError where it is damaged.
    """
    directory = path.parent.parent if path.parent.name == RUNS else path.parent
    for name in sorted({folder.name for folder in folders_in(directory)} | archive.below(directory, RUNS)):
        label = Label.of(name)
        if label is not None and path.name in (name, label.key):
            refuse_links(directory)
            return directory, _with_weights(look(directory / RUNS / name))
    raise UsageError(f"no run at {path}: must be results/NAME/runs/LABEL, or results/NAME/KEY")


def _with_weights(found: Found) -> RunRecord:
    if found.damage:
        raise UsageError(found.damage)
    if found.record is None or not found.record.outcome.weights_digest:
        status = f"ended as {found.record.outcome.status}" if found.record else "has not ended"
        raise UsageError(f"run {found.folder.name} has no trained model: it {status}")
    return found.record


def is_there(directory: Path, run: Run) -> bool:
    """Return whether a Run has a record, plain or archived, without reading it."""
    path = folder_of(directory, run) / RECORD
    return path.is_file() or path.parent.name in archive.below(directory, RUNS)


def damage(directory: Path, run: Run) -> str:
    """Return what is wrong with the record of a Run, "" if it is whole or not there."""
    return look(folder_of(directory, run), curves=False).damage


def write(directory: Path, record: RunRecord) -> Path:
    """Write the record of a Run. Raises StorageError.

    An earlier record is kept under another name: `record.N.json` where it can be read, `record.json.damaged-N`
    where it cannot.
    """
    folder = make_folder(directory, RUNS, record.run.label)
    path, earlier = folder / RECORD, look(folder, curves=False)
    if earlier.damage and path.exists():
        set_aside(path)
    if earlier.record is not None and path.exists():
        rename_free(path, "record.{}.json")
    write_whole(path, record.to_json())
    return path


def write_log(directory: Path, run: Run, text: str) -> Path:
    """Write the traceback of a failed Run. Raises StorageError."""
    path = make_folder(directory, RUNS, run.label) / "log.txt"
    write_whole(path, text)
    return path


def results_of(directory: Path) -> Results:
    """Read a results directory. Raises UsageError if there is nothing in it."""
    found = read(directory)
    if not found.records and not found.damaged:
        raise UsageError(f"no run records in {directory}; a sweep leaves them in results/NAME")
    return found
