"""Digests of content: equal data have equal digests, whatever file format they came in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import DataError
from bench.tasks.spec import LanguageModelSpec, TaskSpec

MARKS = re.compile(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)")
"""A punctuation mark; an apostrophe or a hyphen within a word is none."""


def digest_of_rolls(rolls: Iterable[NDArray[np.uint8]]) -> str:
    """Return the SHA-256 over each sequence's length (4 bytes, little-endian) and its T x 88 bytes, row by row."""
    total = hashlib.sha256()
    for roll in rolls:
        total.update(len(roll).to_bytes(4, "little"))
        total.update(np.ascontiguousarray(roll, dtype=np.uint8).tobytes())
    return total.hexdigest()


def digest_of_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def normalise(text: str, spec: LanguageModelSpec) -> str:
    """Return the text as the task reads it: lower case, marks set apart, stripped lines where the task says so."""
    if spec.lowercase:
        text = text.lower()
    if spec.punctuation:
        text = MARKS.sub(r" \g<0> ", text)
    if not spec.strip_lines:
        return text
    lines = text.split("\n")
    last = lines.pop().strip(" ")
    return "".join(f"{line.strip(' ')}\n" for line in lines) + last


def check(spec: TaskSpec, split: str, *, sequences: int, units: int, digest: str, where: str) -> None:
    """Raise DataError, about the place `where`, if a split's counts or content differ from the task's `statistics`."""
    expected = (spec.statistics or {}).get(split)
    if expected is None:
        return
    for what, found, wanted in (
        ("sequences", sequences, expected.sequences),
        ("units", units, expected.units),
    ):
        if found != wanted:
            raise DataError(where, f"must hold {wanted} {what}, got {found}; these are not the published data")
    if expected.digest is not None and digest != expected.digest:
        raise DataError(
            where, f"content has SHA-256 {digest[:16]}..., must be {expected.digest[:16]}...; the data differ"
        )
