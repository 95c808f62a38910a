"""Optimiser and learning-rate schedule of one member, on its flat row of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from ctypes import CDLL
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.core.settings import OptimSettings
from bench.core.typing import Float
from bench.kernels.fused import interface


class Optimiser(Protocol):
    """Changes one row of weights by its gradient."""

    def step(self, grad: Float[Tensor, "P"], lr: float) -> float:
        """Clip the gradient, step, and return its norm before clipping; a norm that is not finite changes nothing."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return the state that later steps depend on besides the row."""
        ...

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load what `state` returned."""
        ...


class TorchOptimiser:
    """torch.optim on a row."""

    def __init__(self, row: Float[Tensor, "P"], settings: OptimSettings, clip_norm: float) -> None:
        self._row, self._clip_norm = row, clip_norm or math.inf
        self._optimiser = _torch_optimiser(row, settings)

    def step(self, grad: Float[Tensor, "P"], lr: float) -> float:
        """Clip with torch.nn.utils and step with torch.optim."""
        self._row.grad = grad
        norm = float(torch.nn.utils.clip_grad_norm_([self._row], self._clip_norm, foreach=False))
        if math.isfinite(norm):
            self._optimiser.param_groups[0]["lr"] = lr
            self._step()
        return norm

    def _step(self) -> None:
        """Step; one too large for the row's numbers leaves none that is finite, as it does in C++ and on a GPU."""
        try:
            self._optimiser.step()
        except RuntimeError as error:
            if "without overflow" not in str(error):
                raise
            self._row.detach().fill_(math.nan)

    def state(self) -> dict[str, Tensor]:
        """Return torch.optim's tensors."""
        return {name: part for name, part in self._optimiser.state[self._row].items() if isinstance(part, Tensor)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load torch.optim's tensors; there are none before the first step."""
        self._optimiser.state[self._row].update(state)


class FusedOptimiser:
    """The same rules in C++, in one pass over the row; `first` and `second` are the moments."""

    def __init__(self, row: Float[Tensor, "P"], settings: OptimSettings, clip_norm: float, library: CDLL) -> None:
        self._row, self._library = row, library
        self.first, self.second, self.n_steps = torch.zeros_like(row), torch.zeros_like(row), 0
        names = ("momentum", "beta1", "beta2", "alpha", "eps", "weight_decay", "clip_velocity")
        self.rule = interface.Rule(name=NUMBERS[settings.name], nesterov=settings.nesterov, clip_norm=clip_norm)
        self.rule.has_largest_eps = settings.eps_rule == "max"
        for name in names:
            setattr(self.rule, name, getattr(settings, name))

    def step(self, grad: Float[Tensor, "P"], lr: float) -> float:
        """Clip and step."""
        self.n_steps += 1
        self.rule.lr = lr
        return interface.update(self._library, self.rule, self.n_steps, self._row, grad, self.first, self.second)

    def state(self) -> dict[str, Tensor]:
        """Return the moments and the number of steps."""
        return {"first": self.first, "second": self.second, "count": torch.tensor(self.n_steps)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load moments and number of steps."""
        self.first.copy_(state["first"])
        self.second.copy_(state["second"])
        self.n_steps = int(state["count"])


NUMBERS = {"sgd": 0, "rmsprop": 1, "adam": 2, "adamw": 3}


def _torch_optimiser(row: Tensor, settings: OptimSettings) -> torch.optim.Optimizer:
    lr, decay = settings.lr, settings.weight_decay
    betas = (settings.beta1, settings.beta2)
    match settings.name:
        case "sgd":
            momentum, nesterov = settings.momentum, settings.nesterov
            return torch.optim.SGD([row], lr, momentum=momentum, nesterov=nesterov, weight_decay=decay, foreach=False)
        case "rmsprop":
            if settings.eps_rule == "max" or settings.clip_velocity:
                return _RMSProp(row, settings)
            alpha, eps, momentum = settings.alpha, settings.eps, settings.momentum
            return torch.optim.RMSprop([row], lr, alpha, eps, decay, momentum, foreach=False)
        case "adam":
            return torch.optim.Adam([row], lr, betas, settings.eps, decay, foreach=False)
        case "adamw":
            return torch.optim.AdamW([row], lr, betas, settings.eps, decay, foreach=False)


class _RMSProp(torch.optim.Optimizer):
    """RMSProp with `eps_rule` and `clip_velocity`, which torch.optim has not (see `OptimSettings`)."""

    def __init__(self, row: Tensor, settings: OptimSettings) -> None:
        super().__init__([row], {"lr": settings.lr})
        self._settings = settings

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Step the row by its gradient."""
        of, (group,) = self._settings, self.param_groups
        (row,), lr = group["params"], group["lr"]
        square, velocity = (
            self.state[row].setdefault(name, torch.zeros_like(row)) for name in ("square_avg", "momentum_buffer")
        )
        grad = row.grad + of.weight_decay * row
        square.mul_(of.alpha).addcmul_(grad, grad, value=1 - of.alpha)
        rms = square.sqrt()
        direction = grad / (rms.clamp(min=of.eps) if of.eps_rule == "max" else rms + of.eps)
        if of.clip_velocity:
            velocity.mul_(of.momentum).add_(lr * direction)
            row -= velocity * (of.clip_velocity / velocity.norm().clamp(min=of.clip_velocity))
        else:
            row -= lr * velocity.mul_(of.momentum).add_(direction)


@dataclass
class Schedule:
    """The learning rate as training goes on."""

    settings: OptimSettings
    best: float = float("inf")
    n_stale: int = 0
    scale: float = 1.0

    def lr(self, *, progress: float, epoch: int, at_end_of_epoch: float) -> float:
        """Return the learning rate at a fraction of the budget and an epoch, both counted from 0.

        `at_end_of_epoch` is the fraction of the budget that will be spent when the epoch is over.
        """
        settings = self.settings
        first = settings.lr * (1 - settings.momentum) if settings.momentum_scales_lr else settings.lr
        match settings.schedule:
            case "linear" | "linear_by_epoch":
                spent = progress if settings.schedule == "linear" else at_end_of_epoch
                return first * (1 - (1 - settings.final_fraction) * min(spent, 1.0))
            case "zaremba":
                return first * settings.factor ** max(0, epoch + 1 - settings.constant_epochs)
            case _:
                return first * self.scale

    def observe(self, validation_nats: float) -> None:
        """Observe an evaluation; `plateau` lowers the rate if the last few brought no improvement."""
        if validation_nats < self.best:
            self.best, self.n_stale = validation_nats, 0
            return
        self.n_stale += 1
        if self.settings.schedule == "plateau" and self.n_stale >= self.settings.plateau_patience:
            self.scale, self.n_stale = self.scale * self.settings.factor, 0
