"""Both generations of checkpoints of a Run that was killed, damaged one at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.results.run import slug
from bench.training import checkpoint
from bench.training.checkpoint import Checkpoint
from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.damage import interrupted

EVERY = 25
"""One trial in so many goes through a command."""

Judge = Callable[[int, str], str]
"""Looks at the damaged file of a trial and returns `named`, `unchanged`, or what is wrong."""


def generation(folder: Path, name: str) -> tuple[Path, Judge] | None:
    """Interrupt a Run so that it has two generations of checkpoints; return the one of that name and its judge.

    The earlier generation is damaged where it is needed: with the newest one gone.
    """
    reference = _outcome_of_undisturbed(folder)
    words = workplace.single(0, f"name={slug(name)}", workplace.UNREPORTED)
    if not (found := interrupted(folder, words, slug(name))):
        return None
    path = found / name
    key = found.name.rpartition("-")[2]
    wanted = {each.values.n_updates: each for each in _both(found, key)}
    if name != "checkpoint":
        (found / "checkpoint").unlink()

    def judge(number: int, what: str) -> str:
        if number % EVERY == 0:
            return _resumed(folder, words, found, reference)
        loaded, notes = checkpoint.load(found, key)
        if loaded is not None and not _same(wanted[loaded.values.n_updates], loaded):
            return f"silent: {notes}"
        return "named" if any(str(path) in note for note in notes) else f"silent: {notes}"

    return path, judge


def _resumed(folder: Path, words: list[str], found: Path, reference: dict[str, str]) -> str:
    """Go on from damaged checkpoints through a command, and put the directory back as it was."""
    kept = {path.name: path.read_bytes() for path in found.iterdir()}
    end = product.finished(folder, words)
    lines = outcomes.differences(reference, outcomes.outcomes(found.parents[1]))
    for path in found.iterdir():
        path.unlink()
    for name, content in kept.items():
        (found / name).write_bytes(content)
    return "unchanged" if end.status == 0 and not lines else f"the command: exit {end.status}: {lines[:1]}"


def _outcome_of_undisturbed(folder: Path) -> dict[str, str]:
    results = folder / "results" / "undisturbed"
    if not results.exists():
        product.finished(folder, workplace.single(0, "name=undisturbed", workplace.UNREPORTED))
    return outcomes.outcomes(results)


def _both(found: Path, key: str) -> list[Checkpoint]:
    """Return both generations as they were read when whole."""
    newest, aside = found / "checkpoint", found / "aside"
    both = [checkpoint.load(found, key)[0]]
    newest.rename(aside)
    both.append(checkpoint.load(found, key)[0])
    aside.rename(newest)
    return [each for each in both if each is not None]


def _same(a: Checkpoint, b: Checkpoint) -> bool:
    return a.values == b.values and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays | b.arrays)
