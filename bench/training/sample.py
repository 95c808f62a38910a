"""Sampling: a model goes on from what it is given, each frame or token drawn from what it predicts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.tasks.base import Head


@torch.no_grad()
def continuation(
    model: nn.Module, head: Head, first: Tensor, *, n: int, temperature: float, generator: torch.Generator
) -> Tensor:
    """Return what a model draws after its first inputs: `n` tokens (n,) or frames (n, O).

    Logits are divided by the temperature: below 1 the probable becomes more so, above 1 less.
    Shapes: `first` (T,) token numbers or (T, I) frames.
    """
    drawn: list[Tensor] = []
    inputs, state = first.unsqueeze(0), None
    for _ in range(n):
        logits, state = model(inputs, state)
        drawn.append(_draw(logits[0, -1].double() / temperature, head, generator).to(first.dtype))
        inputs = drawn[-1].view(1, 1, *first.shape[1:])
    return torch.stack(drawn)


def _draw(logits: Tensor, head: Head, generator: torch.Generator) -> Tensor:
    """Draw one token, or each key of a frame by itself."""
    if head == "softmax":
        return torch.multinomial(logits.softmax(0), 1, generator=generator)[0]
    return torch.rand(logits.shape, generator=generator, dtype=logits.dtype) < logits.sigmoid()
