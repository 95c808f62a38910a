"""Verdicts on Runs under way where nothing but files goes between the process that judges and the one that trains.

A worker's job leaves the validation losses of a Run in its folder; whoever judges them puts a file beside it where the
Run is to be given up. Both are gone when the Run has its record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench import results
from bench.core.errors import DataError
from bench.core.settings import Site
from bench.results.run import Run
from bench.sweep.executors.base import FixedQueue, Pack, PackQueue

LOSSES = "losses.json"
PRUNED = "given-up"


class JobQueue(FixedQueue):
    """The packs of a job, about whose pruning the process that submitted it decides."""

    def __init__(self, packs: Sequence[Pack], site: Site) -> None:
        super().__init__(packs)
        self._site = site

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """Write the losses for the submitting process; the answer is for these losses or for earlier ones."""
        folder = results.folder_of(self._site.directory, run)
        results.write_whole(folder / LOSSES, json.dumps(nats))
        return (folder / PRUNED).exists()


def judge(runs: Sequence[Run], site: Site, queue: PackQueue) -> None:
    """Decide about pruning Runs with new losses. Raises StorageError if a decision cannot be written."""
    for run in runs:
        folder = results.folder_of(site.directory, run)
        nats = _losses(folder)
        if nats and queue.should_prune(run, nats):
            results.write_whole(folder / PRUNED, "")


def remove(folder: Path) -> None:
    """Remove what was written about a Run that has ended."""
    for name in (LOSSES, PRUNED):
        with suppress(OSError):
            (folder / name).unlink()


def _losses(folder: Path) -> list[float]:
    """Return the losses that a Run has written, none if the file is not valid."""
    try:
        found = json.loads(results.text_of(folder / LOSSES))
    except (FileNotFoundError, DataError, ValueError):
        return []
    is_ours = isinstance(found, list) and all(isinstance(value, float) for value in found)
    return found if is_ours else []
