"""Check that a build of the library clips and updates weights by the optimisers' rules."""

from __future__ import annotations

import math
from ctypes import CDLL
from typing import Any

import torch
from torch import Tensor

from bench.kernels.fused import interface as c
from bench.kernels.fused.check_models import error_of

N, N_STEPS, LR = 1003, 3, 0.1
SETTINGS = {"beta1": 0.9, "beta2": 0.99, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "clip_norm": 3.0}
SGD, RMSPROP, ADAM, ADAMW = range(4)
RULES: tuple[dict[str, Any], ...] = (
    *({"name": SGD, "momentum": momentum, "nesterov": i} for momentum, i in ((0.0, 0), (0.9, 0), (0.9, 1))),
    *({"name": name} for name in (ADAM, ADAMW)),
    *({"name": RMSPROP, "momentum": momentum} for momentum in (0.0, 0.9)),
    {"name": RMSPROP, "momentum": 0.9, "has_largest_eps": 1, "eps": 0.2, "clip_velocity": 1.0},
)
ERRORS = {torch.float64: 1e-12, torch.float32: 1e-5}


def wrong_update(library: CDLL, dtype: torch.dtype) -> str:
    """Return in words which rule a library does not follow, empty if it follows all."""
    for settings in RULES:
        rule = c.Rule(**{"lr": LR, **SETTINGS, **settings})
        found, exact = _updated(library, rule, dtype), _by_hand(rule)
        error = error_of(found, exact)
        if not error <= ERRORS[dtype]:
            return f"update by {settings} in {dtype}: weights are {error:.2g} of their size away"
    return _accepts_nonfinite(library, dtype)


def _random_data() -> tuple[Tensor, list[Tensor]]:
    generator = torch.Generator().manual_seed(2)
    row, *gradients = torch.randn(1 + N_STEPS, N, generator=generator, dtype=torch.float64)
    return row, [gradient * 0.1**step for step, gradient in enumerate(gradients)]


def _updated(library: CDLL, rule: c.Rule, dtype: torch.dtype) -> Tensor:
    row, gradients = _random_data()
    row = row.to(dtype)
    first, second = torch.zeros_like(row), torch.zeros_like(row)
    for count, gradient in enumerate(gradients, 1):
        _call(library, rule, count, row, gradient.to(dtype), first, second)
    return row


def _call(library: CDLL, rule: c.Rule, count: int, *tensors: Tensor) -> float:
    update = library.update_weights
    return float(update(rule, count, *(tensor.data_ptr() for tensor in tensors), N))


def _by_hand(rule: c.Rule) -> Tensor:
    """Return the weights after clipped updates, in the formulas of torch.optim and of `OptimSettings`."""
    w, gradients = _random_data()
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for count, each in enumerate(gradients, 1):
        g = each * min(1.0, rule.clip_norm / (float(each.norm()) + 1e-6))
        if rule.name == ADAMW:
            w = w * (1 - rule.lr * rule.weight_decay)
        else:
            g = g + rule.weight_decay * w
        if rule.name in (ADAM, ADAMW):
            m, v = m + (1 - rule.beta1) * (g - m), rule.beta2 * v + (1 - rule.beta2) * g * g
            size = rule.lr / (1 - rule.beta1**count)
            w = w - size * m / (v.sqrt() / math.sqrt(1 - rule.beta2**count) + rule.eps)
            continue
        if rule.name == RMSPROP:
            v = rule.alpha * v + (1 - rule.alpha) * g * g
            g = g / (v.sqrt().clamp(min=rule.eps) if rule.has_largest_eps else v.sqrt() + rule.eps)
        if rule.clip_velocity:
            m = rule.momentum * m + rule.lr * g
            w = w - m * (rule.clip_velocity / max(rule.clip_velocity, float(m.norm())))
            continue
        m = g if count == 1 else rule.momentum * m + g
        w = w - rule.lr * (g + rule.momentum * m if rule.nesterov else m)
    return w


def _accepts_nonfinite(library: CDLL, dtype: torch.dtype) -> str:
    """Return in words whether a gradient that is not finite changes the weights or has a finite norm."""
    for value in (math.nan, math.inf):
        row, (gradient, *_) = _random_data()
        row, gradient = row.to(dtype), gradient.to(dtype)
        gradient[5] = value
        before, moments = row.clone(), [torch.zeros_like(row) for _ in range(2)]
        norm = _call(library, c.Rule(name=SGD, lr=LR, **SETTINGS), 1, row, gradient, *moments)
        if math.isfinite(norm) or not torch.equal(row, before):
            return f"update in {dtype}: a gradient of {value} is not detected"
    return ""
