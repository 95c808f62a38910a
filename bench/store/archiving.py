"""Put what a results directory holds into its archive, and take it away from its place once it is there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.errors import DataError, UsageError
from bench.store import archive, files
from bench.store.files import storing
from bench.store.locks import HeldError, locked
from bench.store.places import LOCK, PROBES, RECORD, RUNS, STUDIES, STUDY
from bench.store.probes import read_probes
from bench.store.results import FINAL, Found, scan
from bench.store.studies import read_studies, read_study


@dataclass(frozen=True)
class Archived:
    """How many Runs were put into an archive, and the folders of those that stay in their place."""

    path: Path
    n_runs: int
    left: tuple[Path, ...]


def archive_all(directory: Path) -> Archived:
    """Archive every Run that has come to its end, every study and every probe, and remove their own files.

    What was archived before stays. Raises UsageError where something is damaged or there is nothing, HeldError where a
    process works on a study, and StorageError.
    """
    found = list(scan(directory, curves=False))
    studies, probes = read_studies(directory), read_probes(directory)
    damaged = [*(each.damage for each in found if each.damage), *studies.damaged, *probes.damaged]
    if damaged:
        raise UsageError(f"nothing is archived from {directory} while something in it is damaged: {damaged[0]}")
    texts = {name: archive.text_of(directory, directory / name) for name in archive.names(directory)}
    texts |= {f"{PROBES}/{path.name}": files.text_of(path) for path in (directory / PROBES).glob("*.json")}
    with ExitStack() as stack:
        for folder in (directory / STUDIES).glob("*/"):
            stack.enter_context(locked(directory, STUDIES, folder.name, what=f"study {folder.name}"))
            if study := read_study(directory, folder.name):
                texts[f"{STUDIES}/{folder.name}/{STUDY}"] = study.to_json()
        runs, left = _ended(directory, found, stack)
        for texts_of_run in runs.values():
            texts |= texts_of_run
        if not texts:
            raise UsageError(f"nothing to archive in {directory}")
        path = archive.write(directory, texts)
        for folder in (*runs, directory / STUDIES, directory / PROBES):
            with storing(folder):
                shutil.rmtree(folder, ignore_errors=not folder.exists())
    return Archived(path, len(runs), left)


def _ended(
    directory: Path, found: list[Found], stack: ExitStack
) -> tuple[dict[Path, Mapping[str, str]], tuple[Path, ...]]:
    """Return the files of each Run that has ended, held as long as the stack, and the folders of all others."""
    runs: dict[Path, Mapping[str, str]] = {}
    left = []
    for each in found:
        if not each.folder.is_dir():
            continue
        try:
            if each.record is None or each.record.outcome.status not in FINAL:
                raise DataError(str(each.folder), "has not ended")
            stack.enter_context(locked(directory, RUNS, each.folder.name, what=f"run {each.folder.name}"))
            runs[each.folder] = _texts(each.folder)
        except (DataError, HeldError):
            left.append(each.folder)
    return runs, tuple(left)


def _texts(folder: Path) -> dict[str, str]:
    """Return the files of a Run by their archived names. Raises DataError where there is anything else than text."""
    paths = sorted(path for path in folder.iterdir() if path.name != LOCK)
    if not any(path.name == RECORD for path in paths):
        raise DataError(str(folder), "has no record")
    return {f"{RUNS}/{folder.name}/{path.name}": files.text_of(path) for path in paths}
