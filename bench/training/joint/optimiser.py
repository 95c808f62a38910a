"""The optimisers of all members of a group in one: torch.optim's rules, with settings of its own for each member."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from bench.core.typing import Bool, Float
from bench.results.run import Run

CLIP_EPS = 1e-6
"""The constant that torch.nn.utils.clip_grad_norm_ adds to a norm."""

MOMENTS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum_buffer",),
    "rmsprop": ("square_avg", "momentum_buffer"),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
}
"""State that each rule keeps for a row, by torch.optim's names."""


class JointOptimiser:
    """One rule for rows (K, P), whose settings are columns (K, 1).

    Columns are float64, as Python's numbers are, and rounded to the rows' type where they meet them. A member that
    is not alive, or whose loss or norm is not finite, gets the coefficients with which a rule changes nothing.
    """

    def __init__(self, rows: Float[Tensor, "K P"], runs: Sequence[Run]) -> None:
        settings = [run.optim for run in runs]
        self.rows, self._rule = rows, RULES[settings[0].name]
        self.lr = rows.new_zeros((len(rows), 1), dtype=torch.float64)
        self.moments = {name: torch.zeros_like(rows) for name in MOMENTS[settings[0].name]}
        self.n_steps = rows.new_zeros(len(rows), dtype=torch.float64)
        self.clip_norm = self._column([run.train.clip_norm or math.inf for run in runs])
        self.momentum = self._column([each.momentum for each in settings])
        self.is_nesterov = self._column([float(each.nesterov) for each in settings]).bool()
        self.beta1 = self._column([each.beta1 for each in settings])
        self.beta2 = self._column([each.beta2 for each in settings])
        self.alpha = self._column([each.alpha for each in settings])
        self.eps = self._column([each.eps for each in settings])
        self.is_largest_eps = self._column([float(each.eps_rule == "max") for each in settings]).bool()
        self.clip_velocity = self._column([each.clip_velocity for each in settings])
        self.weight_decay = self._column([each.weight_decay for each in settings])

    def step(
        self,
        grads: Float[Tensor, "K P"],
        nats: Float[Tensor, "K"],
        *,
        lr: Float[Tensor, "K"],
        is_alive: Bool[Tensor, "K"],
    ) -> Float[Tensor, "K"]:
        """Clip each member's gradient, step, and return the norms before clipping; nothing waits for the device."""
        self.lr = lr.unsqueeze(1)
        norms: Tensor = torch.linalg.vector_norm(grads, dim=1)
        is_sound = is_alive & norms.isfinite() & nats.isfinite()
        scale = (self.clip_norm / (norms.double().unsqueeze(1) + CLIP_EPS)).clamp(max=1.0)
        self.n_steps += is_sound
        self._rule(self, torch.where(is_sound.unsqueeze(1), grads * self.rounded(scale), 0.0), is_sound.unsqueeze(1))
        return norms

    def state(self, k: int) -> dict[str, Tensor]:
        """Return views of what a member's later steps depend on, as torch.optim names it."""
        return {"step": self.n_steps[k], **{name: moment[k] for name, moment in self.moments.items()}}

    def load(self, k: int, state: Mapping[str, Tensor]) -> None:
        """Load the state of torch.optim for a member, empty before its first step."""
        for name, view in self.state(k).items():
            if name in state:
                view.copy_(state[name])

    def rounded(self, column: Float[Tensor, "K 1"]) -> Float[Tensor, "K 1"]:
        """Return a column in the rows' type."""
        return column.to(self.rows.dtype)

    def _column(self, values: Sequence[float]) -> Float[Tensor, "K 1"]:
        return self.rows.new_tensor(values, dtype=torch.float64).unsqueeze(1)


def _sgd(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    _decay_gradient(of, grads, is_sound)
    momentum = of.rounded(torch.where(is_sound, of.momentum, 1.0))
    buffer = of.moments["momentum_buffer"].mul_(momentum).add_(grads)
    direction = torch.where(of.is_nesterov, torch.addcmul(grads, buffer, momentum), buffer)
    of.rows.addcmul_(direction, of.rounded(-of.lr * is_sound))


def _rmsprop(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    _decay_gradient(of, grads, is_sound)
    square = of.moments["square_avg"].lerp_(grads.square(), of.rounded((1 - of.alpha) * is_sound))
    momentum = of.rounded(torch.where(is_sound, of.momentum, 1.0))
    rms, eps = square.sqrt(), of.rounded(of.eps)
    direction = grads / torch.where(of.is_largest_eps, rms.maximum(eps), rms + eps)
    has_velocity = of.clip_velocity > 0
    buffer = of.moments["momentum_buffer"].mul_(momentum)
    buffer.addcmul_(direction, of.rounded(torch.where(has_velocity, of.lr, 1.0)))
    norms = torch.linalg.vector_norm(buffer, dim=1, keepdim=True).double()
    clipped = of.clip_velocity / norms.maximum(of.clip_velocity.clamp(min=CLIP_EPS))
    of.rows.addcmul_(buffer, of.rounded(-torch.where(has_velocity, clipped, of.lr) * is_sound))


def _adam(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    _decay_gradient(of, grads, is_sound)
    _follow_moments(of, grads, is_sound)


def _adamw(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    of.rows.mul_(of.rounded(1 - of.lr * of.weight_decay * is_sound))
    _follow_moments(of, grads, is_sound)


def _decay_gradient(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    grads.addcmul_(of.rows, of.rounded(of.weight_decay * is_sound))


def _follow_moments(of: JointOptimiser, grads: Tensor, is_sound: Tensor) -> None:
    """Update the moments of the gradient and step along the first over the root of the second."""
    first = of.moments["exp_avg"].lerp_(grads, of.rounded((1 - of.beta1) * is_sound))
    second = of.moments["exp_avg_sq"].lerp_(grads.square(), of.rounded((1 - of.beta2) * is_sound))
    n_steps = of.n_steps.clamp(min=1.0).unsqueeze(1)
    size = of.lr * is_sound / (1 - of.beta1**n_steps)
    root = (1 - of.beta2**n_steps).sqrt()
    spread = second.sqrt().div_(of.rounded(root)).add_(of.rounded(of.eps))
    of.rows.addcmul_(first / spread, of.rounded(-size))


RULES: dict[str, Callable[[JointOptimiser, Tensor, Tensor], None]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
}
