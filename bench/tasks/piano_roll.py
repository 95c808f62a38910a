"""Polyphonic music: predict which of 88 keys sound in the next frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.core.errors import DataError
from bench.core.metrics import METRICS
from bench.core.typing import Bool, Float
from bench.tasks.base import Head, Sequences, Sums, ratio
from bench.tasks.digests import check, digest_of_rolls
from bench.tasks.rolls import KEYS
from bench.tasks.sources import origin, read_rolls
from bench.tasks.spec import PianoRollSpec


@dataclass(frozen=True)
class PianoRoll:
    """88 independent Bernoulli outputs for each frame, given all frames before it.

    The published score is the total NLL in nats over all frames of the split divided by the number of frames;
    the first frame is predicted from an all-zero input and padding is excluded. With `first_step: given` the first
    frame of a sequence is no target and counts nowhere.

    Example: of the frames [C4 E4], [C4], [] the inputs are zeros, [C4 E4], [C4] and the targets the frames; with
    `first_step: given` the inputs are [C4 E4], [C4] and the targets [C4], [].
    Source: Boulanger-Lewandowski et al. 2012, arXiv 1206.6392; Chung et al. 2014, arXiv 1412.3555.
    """

    spec: PianoRollSpec
    train: Sequences
    data_dir: str | None

    unit = "frame"
    head: ClassVar[Head] = "bernoulli"
    n_inputs = KEYS
    n_outputs = KEYS
    tracks = 1

    @staticmethod
    def open(spec: PianoRollSpec, data_dir: str | None) -> PianoRoll:
        """Read the training split. Raises DataError if it is missing or not what the task says."""
        return PianoRoll(spec, _read(spec, "train", data_dir), data_dir)

    def with_train(self, train: Sequences) -> PianoRoll:
        """Return the task with another training split, and its key rates."""
        return replace(self, train=train)

    def read(self, split: str) -> Sequences:
        """Read another split. Raises DataError if it is missing or not what the task says."""
        return _read(self.spec, split, self.data_dir)

    @cached_property
    def key_rates(self) -> Float[Tensor, "O"]:
        """How often each key sounds in what training predicts; half a count on either side keeps it off 0 and 1."""
        counts = torch.stack([targets.sum(0, dtype=torch.float64) for targets in self.train.targets]).sum(0)
        return (counts + 0.5) / (self.train.n_units + 1)

    def output_bias(self) -> Float[Tensor, "O"]:
        """Return the logits of the training marginals, in float64."""
        return torch.logit(self.key_rates)

    def nats(
        self, logits: Float[Tensor, "K B T O"], targets: Float[Tensor, "K B T O"], mask: Bool[Tensor, "K B T"]
    ) -> Float[Tensor, "K"]:
        """Return each member's total NLL in nats, padding excluded."""
        nats = binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)
        return torch.where(mask, nats, 0.0).sum((1, 2))

    def tally(
        self, logits: Float[Tensor, "K B T O"], targets: Float[Tensor, "K B T O"], mask: Bool[Tensor, "K B T"]
    ) -> Sums:
        """Return nats, units, and the counts of true positives, false positives and false negatives."""
        predicted = (logits > 0) & mask.unsqueeze(-1)
        sounding = (targets > 0.5) & mask.unsqueeze(-1)
        axes = (1, 2, 3)
        return {
            "nats": self.nats(logits.double(), targets.double(), mask),
            "units": mask.sum((1, 2)).double(),
            "hits": (predicted & sounding).sum(axes).double(),
            "errors": (predicted ^ sounding).sum(axes).double(),
        }

    def scores(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Return `nats` and `nll` (the same number) and the frame-level `accuracy`.

        Accuracy is TP / (TP + FP + FN) over all keys of all frames, a key being predicted when its probability
        exceeds 1/2 (Bay et al. 2009). Published accuracies take an expectation that is not documented: ours are
        not comparable with print.
        """
        nats = sums["nats"] / sums["units"]
        accuracy = ratio(sums["hits"], sums["hits"] + sums["errors"])
        return {
            "nats": nats,
            self.spec.metric: METRICS[self.spec.metric].from_nats(nats),
            "accuracy": accuracy,
        }

    def baseline(self, split: Sequences) -> dict[str, float]:
        """Return the scores of a model of independent keys at their training rates."""
        targets = torch.cat(split.targets).double()[None, None]  # (1, 1, T, O)
        logits = self.output_bias().expand_as(targets)
        sums = self.tally(logits, targets, torch.ones(targets.shape[:3], dtype=torch.bool))
        return self.scores({name: float(total) for name, total in sums.items()})


def _read(spec: PianoRollSpec, split: str, data_dir: str | None) -> Sequences:
    rolls = read_rolls(spec, split, data_dir)
    digest = digest_of_rolls(rolls)
    where = origin(spec, split, data_dir)
    check(spec, split, sequences=len(rolls), units=sum(map(len, rolls)), digest=digest, where=where)
    frames = tuple(torch.from_numpy(np.ascontiguousarray(roll)) for roll in rolls)
    if spec.first_step == "predicted":
        return Sequences(frames, digest)
    for i, roll in enumerate(rolls):
        if len(roll) < 2:
            raise DataError(where, f"sequence {i} must have 2 steps or more where the first is given, got {len(roll)}")
    return Sequences(frames, digest, n_given=1)
