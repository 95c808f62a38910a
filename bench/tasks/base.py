"""The Task contract: data, loss and score, independent of any model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor

from bench.core.typing import Bool, Float
from bench.tasks.spec import TaskSpec

Head = Literal["bernoulli", "softmax"]
"""The distribution of a prediction: independent keys, or one of many tokens."""

Sums = dict[str, Tensor]
"""Totals over a split, each (K,) in float64: `nats`, `units` and what else a family's scores need."""


@dataclass(frozen=True)
class Sequences:
    """Independent sequences of frames: one (T, O) tensor of zeros and ones each.

    The first `n_given` frames of each, none or one, are inputs alone; all others are predicted.
    """

    frames: tuple[Tensor, ...]
    digest: str
    n_given: Literal[0, 1] = 0

    @cached_property
    def targets(self) -> tuple[Tensor, ...]:
        """The frames of each sequence that are predicted."""
        return tuple(frames[self.n_given :] for frames in self.frames)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Number of predicted frames of each sequence."""
        return tuple(len(targets) for targets in self.targets)

    @property
    def n_units(self) -> int:
        """Number of predicted frames."""
        return sum(self.lengths)


@dataclass(frozen=True)
class Stream:
    """One long text as token numbers; `before` is the token that stands before the first.

    `start` is the place of the first token in the text that a piece was cut from.
    """

    tokens: Tensor
    before: int
    digest: str
    start: int = 0

    @property
    def n_units(self) -> int:
        """Number of tokens, all of which are scored."""
        return len(self.tokens)


Split = Sequences | Stream


@runtime_checkable
class Task(Protocol):
    """A task with its training split read: the model's inputs and outputs, the loss, the scores."""

    @property
    def spec(self) -> TaskSpec: ...

    @property
    def unit(self) -> str:
        """What one prediction is: `frame`, `word` or `character`."""
        ...

    @property
    def head(self) -> Head:
        """The distribution of a prediction."""
        ...

    @property
    def n_inputs(self) -> int:
        """Size of an input frame; 0 when the input is a token."""
        ...

    @property
    def n_outputs(self) -> int:
        """Size of the readout: keys or vocabulary."""
        ...

    @property
    def tracks(self) -> int:
        """The number of pieces in which evaluation reads a text; 1 for sequences."""
        ...

    @property
    def train(self) -> Split: ...

    def with_train(self, train: Any) -> Task:
        """Return the task with another training split of its kind, and the symbol frequencies of that."""
        ...

    def read(self, split: str) -> Split:
        """Read another split, checked against the task's statistics."""
        ...

    def output_bias(self) -> Float[Tensor, "O"]:
        """Return the readout bias at which an untrained model predicts the training marginals."""
        ...

    def nats(self, logits: Tensor, targets: Tensor, mask: Bool[Tensor, "K B T"]) -> Float[Tensor, "K"]:
        """Return each member's total negative log-likelihood, padding excluded."""
        ...

    def tally(self, logits: Tensor, targets: Tensor, mask: Bool[Tensor, "K B T"]) -> Sums:
        """Return each member's totals for `scores`."""
        ...

    def scores(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Return the scores of a split from one member's totals: mean `nats`, the task's metric, and others."""
        ...

    def baseline(self, split: Any) -> dict[str, float]:
        """Return the scores of the unigram model of the training split on a split of this task's kind."""
        ...


def unigram_nats(task: Task, split: Split) -> float:
    """Return the loss per unit of the unigram model as print has it: of all units, the first of a sequence too."""
    if isinstance(split, Sequences) and isinstance(task.train, Sequences):
        task, split = task.with_train(replace(task.train, n_given=0)), replace(split, n_given=0)
    return task.baseline(split)["nats"]


def blind_nats(task: Task) -> float:
    """Return the loss per unit of the uniform distribution over outcomes."""
    return task.n_outputs * math.log(2) if task.head == "bernoulli" else math.log(task.n_outputs)


def add(left: Sums, right: Sums) -> Sums:
    """Return the totals of two parts of a split."""
    return {name: left[name] + right[name] for name in right} if left else right


def ratio(numerator: float, denominator: float) -> float:
    """Return a quotient that is 0 where nothing was counted."""
    return numerator / denominator if denominator else 0.0
