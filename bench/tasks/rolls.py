"""Convert lists of MIDI pitches to piano rolls; errors name sequence and step, both counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import DataError

Roll = NDArray[np.uint8]
"""Zeros and ones, (T, 88): column = MIDI pitch - 21."""

KEYS = 88
LOWEST = 21
HIGHEST = LOWEST + KEYS - 1


def rolls_of(sequences: Sequence[object], where: str, split: str) -> list[Roll]:
    """Return the rolls of a split. Raises DataError for an empty split or a bad sequence, step or pitch."""
    if not len(sequences):
        raise DataError(where, f"split {split} is empty, must hold at least one sequence")
    return [roll_of(steps, where, f"split {split}, sequence {i}") for i, steps in enumerate(sequences)]


def roll_of(steps: object, where: str, what: str) -> Roll:
    """Return the roll of one sequence: a list, for each step, of the MIDI pitches that sound.

    Raises DataError, naming the step, for anything else than a non-empty list of lists of pitches 21 to 108.
    """
    if not isinstance(steps, list):
        raise DataError(where, f"{what}: must be a list of steps, got {show(steps)}")
    if not steps:
        raise DataError(where, f"{what}: is empty, must hold at least one step")
    for t, pitches in enumerate(steps):
        if not isinstance(pitches, list):
            raise DataError(where, f"{what}, step {t}: must be a list of pitches, got {show(pitches)}")
        # A whole step at once: a function called for each pitch would be most of the time of reading a split.
        if not ({*map(type, pitches)} <= _NUMBERS and _PITCHES.issuperset(pitches)):
            bad = next(pitch for pitch in pitches if not _is_pitch(pitch))
            allowed = f"{LOWEST} to {HIGHEST}"
            raise DataError(where, f"{what}, step {t}: pitch must be a whole number {allowed}, got {show(bad)}")
    roll = np.zeros((len(steps), KEYS), dtype=np.uint8)
    times = np.repeat(np.arange(len(steps)), [len(pitches) for pitches in steps])
    roll[times, np.fromiter(chain.from_iterable(steps), dtype=np.intp) - LOWEST] = 1
    return roll


def show(value: object) -> str:
    """Return a value as a message quotes it."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_pitch(value: object) -> bool:
    return type(value) in _NUMBERS and value in _PITCHES


_NUMBERS = frozenset({int, float})
_PITCHES = frozenset(range(LOWEST, HIGHEST + 1))


VARIABLES = {"train": "traindata", "validation": "validdata", "test": "testdata"}


def read_matlab(path: Path, split: str) -> list[Roll]:
    """Return the rolls of a split: the variable `traindata`, `validdata` or `testdata`, a cell array of T x 88.

    Raises DataError for a damaged file, or rolls that are not zeros and ones.
    """
    cells = np.asarray(_variable(path, VARIABLES[split]))
    if cells.dtype != object:
        raise DataError(str(path), f"`{VARIABLES[split]}` must be a cell array of rolls, got numbers {cells.shape}")
    if not cells.size:
        raise DataError(str(path), f"split {split} is empty, must hold at least one sequence")
    return [_roll(cell, str(path), f"split {split}, sequence {i}") for i, cell in enumerate(cells.flatten())]


def _variable(path: Path, name: str) -> object:
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=[name])
    except Exception as error:  # a damaged header makes scipy raise many classes
        raise DataError(str(path), f"cannot be read as a MATLAB file: {error}") from error
    if name not in content:
        raise DataError(str(path), f"must hold a variable `{name}`, got none of that name")
    return content[name]


def _roll(cell: object, where: str, what: str) -> Roll:
    roll = np.asarray(cell)
    if roll.ndim != 2 or roll.shape[1] != KEYS or roll.dtype.kind not in "buif":
        raise DataError(where, f"{what}: must be T x {KEYS} numbers, got {roll.shape} of {roll.dtype}")
    if not len(roll):
        raise DataError(where, f"{what}: is empty, must hold at least one step")
    bad = np.argwhere(~((roll == 0) | (roll == 1)))
    if len(bad):
        t, key = bad[0]
        got = show(roll[t, key].item())
        raise DataError(where, f"{what}, step {t}: key {key} must be 0 or 1, got {got}")
    return roll.astype(np.uint8)
