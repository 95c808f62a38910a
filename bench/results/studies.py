"""Studies: one folder each, with a file of all trials and one more for each trial that was asked for since.

The scores of trials are those of their Runs' records; a study's file says which trials there are, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import DataError
from bench.results import archive
from bench.results.files import make_folder, storing, text_of, write_whole
from bench.results.locks import locked
from bench.results.paths import STUDIES, STUDY
from bench.results.study import Asked, StudyRecord


@dataclass(frozen=True)
class Studies:
    """What a results directory holds of studies: readable ones, and a message for each damaged one."""

    records: tuple[StudyRecord, ...]
    damaged: tuple[str, ...]


def study_folder(directory: Path, name: str) -> Path:
    """Return the folder of a study."""
    return directory / STUDIES / name


def read_study(directory: Path, name: str) -> StudyRecord | None:
    """Return a study, None where there is none yet. Raises DataError if it is damaged."""
    path = study_folder(directory, name) / STUDY
    try:
        study = StudyRecord.from_json(archive.text_of(directory, path), str(path))
    except FileNotFoundError:
        return None
    while (later := _trial_path(path.parent, len(study.trials))).exists():
        study = study.with_asked(Asked.from_json(text_of(later), str(later)))
        if study.trials[-1].number != len(study.trials) - 1:
            raise DataError(str(later), "another trial than its name says")
    return study


def read_studies(directory: Path) -> Studies:
    """Read every study of a results directory, in the order of their names, the replications of a search in theirs."""
    records, damaged = [], []
    for name in sorted(
        {folder.name for folder in (directory / STUDIES).glob("*/")} | archive.below(directory, STUDIES)
    ):
        try:
            found = read_study(directory, name)
        except DataError as error:
            damaged.append(str(error))
            continue
        records += [found] if found is not None else []
    records.sort(key=lambda study: (study.task, study.cell, study.search_key, study.replication))
    return Studies(tuple(records), tuple(damaged))


def write_study(directory: Path, name: str, record: StudyRecord) -> Path:
    """Write a study, replacing an earlier version. Raises StorageError."""
    folder = make_folder(directory, STUDIES, name)
    write_whole(folder / STUDY, record.to_json())
    with storing(folder):
        for path in folder.glob("trial-*.json"):
            path.unlink()
    return folder / STUDY


def write_trial(directory: Path, name: str, asked: Asked) -> Path:
    """Add a trial to a study that is there. Raises StorageError."""
    path = _trial_path(study_folder(directory, name), asked.trial.number)
    write_whole(path, asked.to_json())
    return path


def trials_in(folder: Path) -> Iterator[tuple[Path, Asked]]:
    """Yield the files of single trials in the folder of a study, and what is in each that can be read."""
    for path in sorted(folder.glob("trial-*.json")):
        with suppress(DataError):
            yield path, Asked.from_json(text_of(path), str(path))


def _trial_path(folder: Path, number: int) -> Path:
    return folder / f"trial-{number:06d}.json"


@contextmanager
def held_study(directory: Path, name: str) -> Iterator[None]:
    """Hold a study for this process; see `held`."""
    with locked(directory, STUDIES, name, what=f"study {name}"):
        yield
