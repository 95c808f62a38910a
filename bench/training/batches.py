"""Batches: the same data in the same order for every cell, as a function of (task, seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bench.core.seeds import stream
from bench.core.typing import Bool
from bench.tasks.base import Sequences, Split, Stream, Task

T = TypeVar("T")

LENGTH_NOISE = 0.1
"""Sequences are batched by length times (1 + this much noise): little padding, and batches that differ by epoch."""

EVALUATION_BATCH = 64
EVALUATION_WINDOW = 256

N_BLOCKS = 100
"""About so many blocks of a text are told apart, where it is that long."""


@dataclass(frozen=True)
class Batch:
    """What a model sees at once; inputs are frames (K, B, T, I) or token numbers (K, B, T).

    `is_carried` says that the initial state is the last state of the batch before. In evaluation `pieces` has, for
    each of the B rows, the number of the piece of the split that it belongs to.
    """

    inputs: Tensor
    targets: Tensor
    mask: Bool[Tensor, "K B T"]
    n_units: tuple[int, ...]
    is_carried: bool
    pieces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ragged:
    """A batch of whole sequences before padding: frames (T, O) of zeros and ones, for one member.

    `lengths` are the numbers of frames to predict: all, or all but the first where one is given.
    """

    frames: tuple[Tensor, ...]
    lengths: tuple[int, ...]
    n_given: Literal[0, 1] = 0

    @property
    def n_units(self) -> tuple[int, ...]:
        """Number of frames to predict."""
        return (sum(self.lengths),)

    def padded(self, dtype: torch.dtype) -> Batch:
        """Return the batch padded to its longest sequence."""
        return _pad(self.frames, self.n_given, dtype)


@runtime_checkable
class Batches(Protocol):
    """The training batches of one seed."""

    @property
    def split(self) -> Split:
        """What is trained on."""
        ...

    @property
    def n_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        ...

    def batch(self, epoch: int, position: int) -> Batch:
        """Return a batch with K = 1; it does not depend on earlier calls."""
        ...

    def ragged(self, epoch: int, position: int) -> Ragged | None:
        """Return the same batch before padding; None if padding would save nothing."""
        ...


def training_batches(task: Task, *, seed: int, batch_size: int, window: int, dtype: torch.dtype) -> Batches:
    """Return the training batches of a task for one seed."""
    if isinstance(task.train, Sequences):
        return _SequenceBatches(task.train, task.spec.name, seed, batch_size, dtype)
    return _WindowBatches(task.train, batch_size, window)


def sequence_order(split: Sequences, task_name: str, *, seed: int, epoch: int, batch_size: int) -> list[list[int]]:
    """Return the batches of an epoch as lists of sequence numbers."""
    return _order(split.lengths, batch_size, stream("order", task=task_name, seed=seed, epoch=epoch))


def evaluation_batches(
    split: Split, *, tracks: int, dtype: torch.dtype, batch_size: int = 0, window: int = 0
) -> Iterator[Batch]:
    """Yield batches that hold every unit of a split exactly once; their sizes do not change a score.

    A text is read in `tracks` parts; `batch_size` and `window` are for memory alone. The pieces are the sequences or,
    of a text, blocks of whole windows: each track is cut into about N_BLOCKS / tracks of them, one at least, as equal
    in windows as can be. They are numbered in the order of the data.
    """
    if isinstance(split, Sequences):
        order = np.argsort(split.lengths, kind="stable")
        for chunk in _chunks(order.tolist(), batch_size or EVALUATION_BATCH):
            batch = _pad([split.frames[i] for i in chunk], split.n_given, dtype)
            yield replace(batch, pieces=tuple(chunk))
        return
    window = window or EVALUATION_WINDOW
    every = list(enumerate(_track_bounds(split.n_units, tracks)))
    n_windows = max(-(-(high - low) // window) for _, (low, high) in every)
    n_blocks = min(n_windows, max(1, round(N_BLOCKS / tracks)))
    for chunk in _chunks(every, batch_size or tracks):
        bounds = [each for _, each in chunk]
        for number, batch in enumerate(_windows(split, bounds, window)):
            block = number * n_blocks // n_windows
            yield replace(batch, pieces=tuple(track * n_blocks + block for track, _ in chunk))


def stack(batches: Sequence[Batch]) -> Batch:
    """Join batches of K = 1 along the member axis, padded to the longest."""
    if len(batches) == 1:
        return batches[0]
    length = max(batch.mask.shape[2] for batch in batches)
    width = max(batch.mask.shape[1] for batch in batches)
    return Batch(
        torch.cat([_grow(batch.inputs, width, length) for batch in batches]),
        torch.cat([_grow(batch.targets, width, length) for batch in batches]),
        torch.cat([_grow(batch.mask, width, length) for batch in batches]),
        tuple(n for batch in batches for n in batch.n_units),
        batches[0].is_carried,
    )


@dataclass(frozen=True)
class _SequenceBatches:
    split: Sequences
    task_name: str
    seed: int
    batch_size: int
    dtype: torch.dtype

    @property
    def n_per_epoch(self) -> int:
        return -(-len(self.split.frames) // self.batch_size)

    def batch(self, epoch: int, position: int) -> Batch:
        return self.ragged(epoch, position).padded(self.dtype)

    def ragged(self, epoch: int, position: int) -> Ragged:
        order = sequence_order(self.split, self.task_name, seed=self.seed, epoch=epoch, batch_size=self.batch_size)
        chosen = order[position]
        frames, lengths = self.split.frames, self.split.lengths
        return Ragged(tuple(frames[i] for i in chosen), tuple(lengths[i] for i in chosen), self.split.n_given)


@dataclass(frozen=True)
class _WindowBatches:
    split: Stream
    batch_size: int
    window: int

    @property
    def track_length(self) -> int:
        """Length of each of the B contiguous pieces; the fewer than B tokens left over are not trained on."""
        return self.split.n_units // self.batch_size

    @property
    def n_per_epoch(self) -> int:
        return -(-self.track_length // self.window)

    def batch(self, epoch: int, position: int) -> Batch:
        length = self.track_length
        bounds = [(b * length, (b + 1) * length) for b in range(self.batch_size)]
        return _window(self.split, bounds, position * self.window, self.window)

    def ragged(self, epoch: int, position: int) -> None:
        return None


@lru_cache(maxsize=64)
def _order(lengths: tuple[int, ...], batch_size: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    noisy = np.asarray(lengths) * (1 + LENGTH_NOISE * random.uniform(-1, 1, len(lengths)))
    batches = _chunks(np.argsort(noisy, kind="stable").tolist(), batch_size)
    return [list(batches[j]) for j in random.permutation(len(batches))]


def _pad(frames: Sequence[Tensor], n_given: int, dtype: torch.dtype) -> Batch:
    """Return sequences whose frames are predicted from the frames before, the first from nothing unless it is given."""
    lengths = torch.tensor([len(sequence) - n_given for sequence in frames])
    targets = pad_sequence([sequence[n_given:] for sequence in frames], batch_first=True).to(dtype)  # (B, T, O)
    inputs = torch.zeros_like(targets)
    inputs[:, 1:] = targets[:, :-1]
    if n_given:
        inputs[:, 0] = torch.stack([sequence[0] for sequence in frames])
    mask = torch.arange(targets.shape[1]) < lengths[:, None]
    return _alone(inputs, targets, mask, is_carried=False)


def _alone(inputs: Tensor, targets: Tensor, mask: Tensor, *, is_carried: bool) -> Batch:
    """Return a batch of one member from tensors (B, T, ...)."""
    return Batch(inputs[None], targets[None], mask[None], (int(mask.sum()),), is_carried)


def _track_bounds(n_units: int, tracks: int) -> list[tuple[int, int]]:
    edges = [n_units * b // tracks for b in range(tracks + 1)]
    return [(low, high) for low, high in pairwise(edges) if high > low]


def _windows(split: Stream, bounds: Sequence[tuple[int, int]], window: int) -> Iterator[Batch]:
    longest = max(high - low for low, high in bounds)
    for start in range(0, longest, window):
        yield _window(split, bounds, start, window)


def _window(split: Stream, bounds: Sequence[tuple[int, int]], start: int, window: int) -> Batch:
    """Return steps `start` to `start + window` of each track, padded to the longest."""
    spans = [(min(low + start, high), min(low + start + window, high)) for low, high in bounds]
    targets = pad_sequence([split.tokens[low:high] for low, high in spans], batch_first=True)
    inputs = pad_sequence([_shifted(split, low, high) for low, high in spans], batch_first=True)
    lengths = torch.tensor([high - low for low, high in spans])
    mask = torch.arange(targets.shape[1]) < lengths[:, None]
    return _alone(inputs, targets, mask, is_carried=start > 0)


def _shifted(split: Stream, low: int, high: int) -> Tensor:
    """Return the token before each of the tokens from low to high."""
    if low == 0 and high > 0:
        return torch.cat([split.tokens.new_tensor([split.before]), split.tokens[: high - 1]])
    return split.tokens[max(low - 1, 0) : max(high - 1, 0)]


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _grow(tensor: Tensor, width: int, length: int) -> Tensor:
    """Pad (1, B, T, ...) with zeros to `width` and `length`."""
    grown = tensor.new_zeros((1, width, length, *tensor.shape[3:]))
    grown[:, : tensor.shape[1], : tensor.shape[2]] = tensor
    return grown
