"""Piano rolls from the MATLAB files of the four music sets of Boulanger-Lewandowski et al. 2012."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.errors import DataError
from bench.tasks.rolls import KEYS, Roll, show

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
    except Exception as error:  # scipy passes on whatever a damaged header makes it do
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
