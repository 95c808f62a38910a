"""Optimiser and learning-rate schedule of one member: torch.optim on its flat row of weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.settings import OptimSettings


def optimiser(row: Tensor, settings: OptimSettings) -> torch.optim.Optimizer:
    """Return torch's optimiser of that name for one row of weights."""
    lr, decay = settings.lr, settings.weight_decay
    betas = (settings.beta1, settings.beta2)
    match settings.name:
        case "sgd":
            momentum, nesterov = settings.momentum, settings.nesterov
            return torch.optim.SGD([row], lr, momentum=momentum, nesterov=nesterov, weight_decay=decay, foreach=False)
        case "rmsprop":
            alpha, eps, momentum = settings.alpha, settings.eps, settings.momentum
            return torch.optim.RMSprop([row], lr, alpha, eps, decay, momentum, foreach=False)
        case "adam":
            return torch.optim.Adam([row], lr, betas, settings.eps, decay, foreach=False)
        case "adamw":
            return torch.optim.AdamW([row], lr, betas, settings.eps, decay, foreach=False)


@dataclass
class Schedule:
    """The learning rate as training goes on."""

    settings: OptimSettings
    best: float = float("inf")
    n_stale: int = 0
    scale: float = 1.0

    def lr(self, *, progress: float, epoch: int) -> float:
        """Return the learning rate at a share of the budget and an epoch, both counted from 0."""
        settings = self.settings
        match settings.schedule:
            case "linear":
                return settings.lr * (1 - (1 - settings.final_fraction) * min(progress, 1.0))
            case "zaremba":
                return settings.lr * settings.factor ** max(0, epoch + 1 - settings.constant_epochs)
            case _:
                return settings.lr * self.scale

    def observe(self, validation_nats: float) -> None:
        """Take note of an evaluation; `plateau` lowers the rate when the last few brought nothing."""
        if validation_nats < self.best:
            self.best, self.n_stale = validation_nats, 0
            return
        self.n_stale += 1
        if self.settings.schedule == "plateau" and self.n_stale >= self.settings.plateau_patience:
            self.scale, self.n_stale = self.scale * self.settings.factor, 0
