"""A training split on the device, and where in it each batch lies.

A batch of K members is then one gather by (first unit, length) of B sequences or windows each: what goes to the
device for an update is K B pairs of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.core.typing import Bool, Int
from bench.tasks.base import Split, Stream, Task
from bench.training.member import Member

Places = NDArray[Any]
"""First units and lengths (2, B) of a batch; with an axis of positions before them, those of an epoch."""

STEP = 16
"""Batches of sequences are padded to multiples of this, or of an eighth of their octave: few lengths occur."""


@dataclass(frozen=True)
class Resident:
    """A split as one tensor: an empty frame and all frames, or the token before the text and all tokens.

    Unit n of the split, those that are given counted too, is entry n + 1, and what a step sees of the unit before it is
    entry n; with `is_first_blind` the first step of a sequence sees nothing.
    """

    values: Tensor
    is_text: bool
    longest: int
    is_first_blind: bool

    @staticmethod
    def of(split: Split, device: torch.device) -> Resident:
        """Put a split on a device: frames as bytes (N + 1, O), tokens (N + 1)."""
        if isinstance(split, Stream):
            values = torch.cat([split.tokens.new_tensor([split.before]), split.tokens])
            return Resident(values.to(device), True, split.n_units, is_first_blind=False)
        values = torch.cat([torch.zeros_like(split.frames[0][:1]), *split.frames])
        return Resident(values.to(device), False, max(split.lengths), is_first_blind=split.n_given == 0)

    def gathered(
        self, places: Int[Tensor, "2 K B"], length: int, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, Bool[Tensor, "K B T"]]:
        """Return inputs, targets and mask of the batches at those places, padded to a length."""
        first, lengths = places.unsqueeze(-1)  # (K, B, 1)
        t = torch.arange(length, device=places.device)
        mask = t < lengths
        has_input = mask & (t > 0) if self.is_first_blind else mask
        inputs = self.values[torch.where(has_input, first + t, 0)]
        targets = self.values[torch.where(mask, first + t + 1, 0)]
        return (inputs, targets, mask) if self.is_text else (inputs.to(dtype), targets.to(dtype), mask)

    def longest_of(self, window: int) -> int:
        """Return the largest length of a batch whose windows, in a text, are of that length."""
        return min(window, self.longest) if self.is_text else self.longest

    def padded(self, length: int) -> int:
        """Return the length that batches of such a length are padded to.

        A text's are not: its last state is carried on, and is not to come from padding.
        """
        if self.is_text:
            return length
        step = max(STEP, 1 << length.bit_length() >> 4)
        return min(-(-length // step) * step, self.longest)


class Timetable:
    """The places of the members' batches, computed once for each epoch; members of one seed share them."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._epochs: dict[tuple[int, ...], Places] = {}

    def places(self, member: Member) -> Places:
        """Return first units and lengths (2, B) of the member's next batch."""
        place: Places = self._epoch(member)[member.n_updates % member.batches.n_per_epoch]
        return place

    def _epoch(self, member: Member) -> Places:
        """Return the places of the member's epoch; those of one piece of a text are the same in all epochs."""
        split, settings = member.batches.split, (member.run.train.batch_size, member.run.train.window)
        share = (split.start, split.n_units) if isinstance(split, Stream) else (member.run.seed, len(split.frames))
        epoch = 0 if isinstance(split, Stream) else member.epoch
        if (*settings, *share, epoch) not in self._epochs:
            places = _windows(split, *settings) if isinstance(split, Stream) else self._sequences(member)
            self._epochs[*settings, *share, epoch] = places
            self._epochs.pop((*settings, *share, epoch - 1), None)
        return self._epochs[*settings, *share, epoch]

    def _sequences(self, member: Member) -> Places:
        batches = member.batches
        places = np.zeros((batches.n_per_epoch, 2, member.run.train.batch_size), np.int64)
        for position, place in enumerate(places):
            batch = batches.ragged(member.epoch, position)
            if batch is not None:
                place[:, : len(batch.lengths)] = [self._first[id(frames)] for frames in batch.frames], batch.lengths
        return places

    @cached_property
    def _first(self) -> Mapping[int, int]:
        """The first unit to predict of each sequence, by the identity of the tensor that batches hand out."""
        split = self._task.train
        if isinstance(split, Stream):
            return {}
        firsts = accumulate(map(len, split.frames), initial=split.n_given)
        return {id(frames): first for frames, first in zip(split.frames, firsts, strict=False)}


def _windows(split: Stream, batch_size: int, window: int) -> Places:
    """Return the places in the whole text of all windows of a piece of it that is cut into B tracks of equal length."""
    track = split.n_units // batch_size
    starts = np.arange(0, track, window)[:, None]
    firsts = split.start + starts + track * np.arange(batch_size)
    return np.stack([firsts, np.broadcast_to(np.minimum(window, track - starts), firsts.shape)], axis=1)
