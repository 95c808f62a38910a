"""Runs in somebody else's hands, watched by their files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import checkpoint, store
from bench.records import Run, RunRecord

Stamps = Mapping[str, tuple[int, int]]
"""Files by name, with what changes when they are written."""


@dataclass
class Watched:
    """A Run in a job, and what there was of it before."""

    run: Run
    folder: Path
    before: Stamps
    record: RunRecord | None
    has_begun: bool = False
    has_advanced: bool = False

    def look(self) -> None:
        """See how far the Run has come since it was handed over."""
        now = stamps(self.folder)
        self.has_begun = self.has_begun or now != self.before
        newest = checkpoint.GENERATIONS[0]
        self.has_advanced = self.has_advanced or (newest in now and now[newest] != self.before.get(newest))

    def is_recorded(self, directory: Path) -> bool:
        """Return whether there is a record that was not there before."""
        record = store.find(directory, self.run)
        return record is not None and record != self.record


def stamps(folder: Path) -> Stamps:
    """Look into a folder anew: on a shared file system what was seen before may be kept for a minute."""
    found = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found[entry.name] = (entry.inode(), entry.stat().st_mtime_ns)
    return found
