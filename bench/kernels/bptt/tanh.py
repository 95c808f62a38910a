"""The simple recurrent network, differentiated."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.kernels.bptt.equations import (
    Equations,
    Gradients,
    Layer,
    Product,
    Saved,
    after,
    before,
    scan,
    scan_back,
    slope_of_tanh,
)


class TanhEquations(Equations):
    """h' = tanh(a), a = W x + U h; da = (1 - h'^2) dh', dh = U^T da."""

    def forward(self, layer: Layer, gates: Tensor) -> Saved:
        """Fill the states; the outputs are all that `backward` needs."""
        (h,) = layer.states
        U = layer.params["U"].mT

        def step(a: Tensor, h: Tensor, next_h: Tensor) -> None:
            torch.tanh(a.baddbmm_(h, U), out=next_h)

        scan(step, gates, before(h), after(h))
        return ()

    def backward(self, layer: Layer, saved: Saved, grads: tuple[Tensor, ...]) -> Gradients:
        """Return the gradients of the gates."""
        (h,), (dh,) = layer.states, grads
        U = layer.params["U"]
        da = slope_of_tanh(after(h))

        def step(da: Tensor, next_dh: Tensor, dh: Tensor) -> None:
            dh.baddbmm_(da.mul_(next_dh), U)

        scan_back(step, da, after(dh), before(dh))
        return Gradients(da, (Product(before(h), da),))
