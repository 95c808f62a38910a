"""Subsets: the fraction of a training split that a Run is trained on, the same for every cell and size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.seeds import stream
from bench.tasks.base import Sequences, Split, Stream, Task


def subset(task: Task, fraction: float, seed: int) -> Task:
    """Return the task with that fraction of its training split; symbol frequencies are recomputed from the subset.

    What is kept depends on (task, seed) alone, and the smaller fraction lies in the larger one. Of sequences it is
    that share of their number, rounded, at least one; of a text one contiguous piece of that share of its tokens. The
    vocabulary, validation and test stay what they are.
    """
    if fraction == 1:
        return task
    draw = stream("subset", task=task.spec.name, seed=seed)
    if isinstance(task.train, Stream):
        return task.with_train(_piece(task.train, fraction, draw))
    return task.with_train(_sequences(task.train, fraction, draw))


def n_kept(split: Split, fraction: float) -> int:
    """Return how many sequences of a split, or tokens of a text, make up a fraction of it."""
    n = len(split.frames) if isinstance(split, Sequences) else split.n_units
    return max(1, round(fraction * n))


def _sequences(split: Sequences, fraction: float, draw: int) -> Sequences:
    """Return the first sequences of an order that is drawn, as they follow one another in the split."""
    drawn = np.random.default_rng(draw).permutation(len(split.frames))
    kept = sorted(drawn[: n_kept(split, fraction)].tolist())
    return replace(split, frames=tuple(split.frames[i] for i in kept))


def _piece(split: Stream, fraction: float, draw: int) -> Stream:
    """Return the piece that has a drawn share of what is left out before it, and the rest behind it.

    With u in [0, 1) it starts at floor(u (N - n)). One token more moves that start back by one or not at all, so a
    piece grows at one end or the other until it is the whole text: the shorter lies in the longer, and none goes
    around the end. The arithmetic is that of whole numbers; in floats u (N - n) could fall by more than one.
    """
    n = n_kept(split, fraction)
    start = draw * (split.n_units - n) >> 63
    before = int(split.tokens[start - 1]) if start else split.before
    return replace(split, tokens=split.tokens[start : start + n], before=before, start=split.start + start)
