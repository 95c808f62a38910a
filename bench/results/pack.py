"""Move the files of a results directory into its archive.

A file is removed only after its content was read back from the archive; other files stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.core.endings import FINAL
from bench.core.errors import DataError, UsageError
from bench.results import archive, files
from bench.results.files import storing
from bench.results.locks import HeldError, locked
from bench.results.paths import LOCK, PROBES, RUNS, STUDIES, STUDY, WEIGHTS
from bench.results.probes import read_probes
from bench.results.records import Found, scan
from bench.results.studies import read_studies, read_study, trials_in
from bench.results.study import StudyRecord
from bench.results.weights import kept_weights


@dataclass(frozen=True)
class Archived:
    """How many Runs were put into an archive, and the folders of those and of studies that stay in their place."""

    path: Path
    n_runs: int
    left: tuple[Path, ...]


def archive_all(directory: Path) -> Archived:
    """Archive every finished Run with its kept weights, every study and every probe, and remove the plain files.

    What was archived before stays. Raises UsageError where something is damaged or there is nothing, HeldError where a
    process works on a study, and StorageError.
    """
    found = list(scan(directory, curves=False))
    studies, probes = read_studies(directory), read_probes(directory)
    damaged = [*(each.damage for each in found if each.damage), *studies.damaged, *probes.damaged]
    damaged += kept_weights(directory, [each.record for each in found if each.record is not None]).damaged
    if damaged:
        raise UsageError(f"nothing is archived from {directory} while something in it is damaged: {damaged[0]}")
    kept = {name: archive.bytes_of(directory, directory / name) for name in archive.names(directory)}
    probed = {path: files.bytes_of(path) for path in (directory / PROBES).glob("*.json")}
    with ExitStack() as stack:
        runs = _folders_of_final_runs(directory, found, stack)
        tuned = {folder: _lock_study(directory, folder, stack) for folder in sorted((directory / STUDIES).glob("*/"))}
        in_place = {path: content for each in (probed, *runs.values()) for path, content in each.items()}
        kept |= {path.relative_to(directory).as_posix(): content for path, content in in_place.items()}
        texts = {f"{STUDIES}/{folder.name}/{STUDY}": study.to_json() for folder, study in tuned.items() if study}
        kept |= {name: text.encode() for name, text in texts.items()}
        if not kept:
            raise UsageError(f"nothing to archive in {directory}")
        path = archive.write(directory, kept)
        for folder, study in tuned.items():
            in_place |= _archived_files(folder, study) if study else {}
        _remove(in_place)
        left = [folder for folder in (*runs, *tuned) if not _remove_folder(folder)]
    for folder in (directory / RUNS, directory / STUDIES, directory / PROBES):
        _remove_folder(folder)
    left += [each.folder for each in found if each.folder.is_dir() and each.folder not in runs]
    return Archived(path, len(runs), tuple(sorted(left)))


def _folders_of_final_runs(directory: Path, found: list[Found], stack: ExitStack) -> dict[Path, Mapping[Path, bytes]]:
    """Return the folders of the Runs that have ended, held as long as the stack, and the files in each."""
    runs: dict[Path, Mapping[Path, bytes]] = {}
    for each in found:
        is_over = each.record is not None and each.record.outcome.status in FINAL
        if each.folder.is_dir() and is_over:
            with suppress(DataError, HeldError):
                stack.enter_context(locked(directory, RUNS, each.folder.name, what=f"run {each.folder.name}"))
                runs[each.folder] = _files_of(each.folder)
    return runs


def _files_of(folder: Path) -> dict[Path, bytes]:
    """Return the files of a Run. Raises DataError where there is anything else than texts and weights."""
    found = {path: files.bytes_of(path) for path in sorted(folder.iterdir()) if path.name != LOCK}
    for path, content in found.items():
        if path.name != WEIGHTS:
            files.decoded(content, str(path))
    return found


def _lock_study(directory: Path, folder: Path, stack: ExitStack) -> StudyRecord | None:
    """Return the study in a folder, held as long as the stack."""
    stack.enter_context(locked(directory, STUDIES, folder.name, what=f"study {folder.name}"))
    return read_study(directory, folder.name)


def _archived_files(folder: Path, study: StudyRecord) -> dict[Path, bytes]:
    """Return the files in a study's folder whose content the archived study has, in the order in which they may go.

    A study without trials that were asked for later would stand before the archived one, which has them.
    """
    trials = [path for path, asked in trials_in(folder) if asked.trial in study.trials]
    return {path: files.bytes_of(path) for path in (folder / STUDY, *trials) if path.exists()}


def _remove(in_place: Mapping[Path, bytes]) -> None:
    """Remove archived files, unless they have changed since."""
    for path, content in in_place.items():
        with storing(path), suppress(FileNotFoundError, DataError):
            if files.bytes_of(path) == content:
                path.unlink()


def _remove_folder(folder: Path) -> bool:
    """Remove a folder in which there is nothing any more but the lock that is held; return whether it is gone."""
    with storing(folder), suppress(FileNotFoundError):
        if any(path.name != LOCK for path in folder.iterdir()):
            return False
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()
    return True
