"""Member: one model of a Population in training, with its own optimiser, learning rate, budget and clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from bench.cells.base import State
from bench.core.endings import RunStatus
from bench.core.errors import DivergedError
from bench.core.typing import Float
from bench.results.run import CurvePoint, Run
from bench.training.batches import Batches
from bench.training.optim import Optimiser, Schedule

WORST = 10
"""A Run has diverged if its last validation loss is more than this many times that of a blind guess.

The last evaluation counts, however good an earlier one was. A blind guess takes every outcome as equally likely:
88 ln 2 = 61.0 nats per frame, ln V per word or character. Over-fitting stays below the bound, and so does every Run of
the results that come with the project, at most 0.65 times a blind guess.
"""


@dataclass
class Clock:
    """Seconds of one member by activity, and the units trained in them."""

    data: float = 0.0
    train: float = 0.0
    evaluation: float = 0.0
    units: int = 0

    @property
    def seconds(self) -> float:
        """Seconds in all."""
        return self.data + self.train + self.evaluation


@dataclass
class Member:
    """One model in training."""

    run: Run
    row: Float[Tensor, "P"]
    batches: Batches
    optimiser: Optimiser
    schedule: Schedule
    blind_nats: float
    state: tuple[State, ...] = ()
    n_updates: int = 0
    last_lr: float = 0.0
    status: RunStatus | None = None
    reason: str = ""
    best_nats: float = math.inf
    best_update: int = 0
    best_row: Tensor | None = None
    n_stale: int = 0
    curve: list[CurvePoint] = field(default_factory=list)
    curve_seconds: list[float] = field(default_factory=list)
    recent_nats: float = 0.0
    recent_units: int = 0
    clock: Clock = field(default_factory=Clock)

    @property
    def epoch(self) -> int:
        """Number of completed epochs."""
        return self.n_updates // self.batches.n_per_epoch

    @property
    def n_epochs(self) -> float:
        """Number of epochs, with the completed fraction of the current one."""
        return self.n_updates / self.batches.n_per_epoch

    @property
    def progress(self) -> float:
        """Fraction of the budget that is spent: the largest over the limits set."""
        return self._progress_after(self.n_updates)

    def _progress_after(self, n_updates: int) -> float:
        settings = self.run.train
        limits = (
            (settings.max_epochs * self.batches.n_per_epoch, n_updates),
            (settings.max_updates, n_updates),
            (settings.max_seconds, self.clock.train + self.clock.data),
        )
        return max(spent / limit for limit, spent in limits if limit > 0)

    @property
    def is_evaluation_due(self) -> bool:
        """Whether an evaluation follows the last update."""
        every = self.run.train.evaluate_every or self.batches.n_per_epoch
        return self.n_updates % every == 0 or self.progress >= 1

    @property
    def n_until_event(self) -> int:
        """How many updates there are to the next evaluation, the end of the epoch or that of the budget; at least 1.

        With a budget of seconds it is 1: when that is spent depends on the time of each update.
        """
        settings, n_per_epoch = self.run.train, self.batches.n_per_epoch
        if settings.max_seconds:
            return 1
        every = settings.evaluate_every or n_per_epoch
        left = [every - self.n_updates % every, n_per_epoch - self.n_updates % n_per_epoch]
        if settings.max_updates:
            left.append(settings.max_updates - self.n_updates)
        return max(1, min(left))

    def rates(self, n: int) -> list[float]:
        """Return the learning rate of each of the next n updates of this epoch, by the budget spent before it."""
        epoch, after, lr = self.epoch, self._progress_after, self.schedule.lr
        end = after((epoch + 1) * self.batches.n_per_epoch)
        return [lr(progress=after(self.n_updates + i), epoch=epoch, at_end_of_epoch=end) for i in range(n)]

    def begin(self) -> float:
        """Count an update and return its learning rate."""
        (self.last_lr,) = self.rates(1)
        self.n_updates += 1
        return self.last_lr

    def add_loss(self, nats: float, norm: float, n_units: int) -> None:
        """Add an update's loss to the running mean; if it or the gradient's norm is not finite, end as diverged."""
        self.clock.units += n_units
        for value, what in ((nats, "the training loss"), (norm, "the gradient's norm")):
            if not math.isfinite(value):
                self.status, self.reason = "diverged", str(DivergedError(self.n_updates, what))
                return
        self.recent_nats += nats
        self.recent_units += n_units

    def record_evaluation(self, validation_nats: float) -> None:
        """Add a point to the curve, keep the weights if they are the best so far."""
        if not math.isfinite(validation_nats):
            self.status, self.reason = "diverged", str(DivergedError(self.n_updates, "the validation loss"))
            return
        train_nats = self.recent_nats / self.recent_units
        self.curve.append(CurvePoint(self.n_epochs, self.n_updates, train_nats, validation_nats, self.last_lr))
        self.curve_seconds.append(self.clock.train + self.clock.data)
        self.recent_nats, self.recent_units = 0.0, 0
        self.schedule.observe(validation_nats)
        if validation_nats < self.best_nats:
            self.best_nats, self.best_update, self.n_stale = validation_nats, self.n_updates, 0
            self.best_row = self.row.detach().clone()
        else:
            self.n_stale += 1

    def stop_if_over(self) -> None:
        """End if the budget is spent or the validation loss has stopped falling: as done, or diverged (`WORST`)."""
        reason = self._reason_to_end()
        if self.status is not None or not reason:
            return
        nats = self.curve[-1].validation_nats
        if nats > WORST * self.blind_nats:
            number = f"the validation loss of {nats:.2g} nats after {self.n_updates} updates"
            reason = f"{number} is more than {WORST} times the {self.blind_nats:.3g} of a blind guess"
            self.status, self.reason = "diverged", reason
        else:
            self.status, self.reason = "done", reason

    def _reason_to_end(self) -> str:
        patience = self.run.train.patience
        if self.progress >= 1:
            return "budget spent"
        return f"no better validation loss in {patience} evaluations" if 0 < patience <= self.n_stale else ""
