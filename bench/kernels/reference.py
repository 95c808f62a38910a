"""The reference kernel: a plain loop over time under autograd, for any cell, device and dtype.

It is the oracle that every faster kernel is tested against.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cells import Cell
from bench.cells.base import Parameters, State
from bench.cells.reading import affine
from bench.core.typing import Float


class Reference:
    """Autograd loop over time."""

    name = "reference"

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return True."""
        return True

    def run(
        self, cell: Cell, x: Float[Tensor, "K B T I"], state: State, params: Parameters
    ) -> tuple[Float[Tensor, "K B T H"], State]:
        """Return the outputs at every step and the last state."""
        outputs = []
        for wx_t in _project(x, params).unbind(0):
            state = cell.step(state, wx_t, params)
            outputs.append(state[0])
        return torch.stack(outputs, dim=2), state


def _project(x: Tensor, params: Parameters) -> Tensor:
    """Return `W x_t`, plus b where there is one, for all steps, time first: (T, K, B, G)."""
    K, B, T, I = x.shape  # noqa: E741
    flat = x.transpose(1, 2).reshape(K, T * B, I)
    wx = affine(flat, params["W"], params.get("b"))  # (K, T B, G)
    return wx.view(K, T, B, -1).transpose(0, 1)
