"""Digests of content: equal data have equal digests, whatever file format they came in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bench.tasks.spec import LanguageModelSpec

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
