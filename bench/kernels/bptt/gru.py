"""The gated recurrent unit, differentiated, with the reset gate after or before the recurrent product."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cells.base import Parameters
from bench.kernels.bptt.equations import (
    Equations,
    Gradients,
    Layer,
    Product,
    Saved,
    after,
    before,
    blocks,
    scan,
    scan_back,
    slope_of_sigmoid,
    slope_of_tanh,
)


class GRUAfterEquations(Equations):
    """n = tanh(a_n + r q), q = U_n h + b'_n; h' = (1 - z) n + z h.

    da_z = (h - n) z (1 - z) dh',  da_n = (1 - z) (1 - n^2) dh'
    da_r = q r (1 - r) da_n,       dq   = r da_n
    dh   = z dh' + U^T (da_r, da_z, dq)
    """

    def input_bias(self, params: Parameters) -> Tensor:
        """Return both biases for r and z; b'_n is inside the reset."""
        n = slice(2 * params["U"].shape[-1], None)
        bias = super().input_bias(params).clone()
        bias[:, n] = params["b"][:, n]
        return bias

    def forward(self, layer: Layer, gates: Tensor) -> Saved:
        """Fill the states; keep r, z, q and n."""
        (h,), U = layer.states, layer.params["U"].mT
        rzq = gates.clone()
        r, z, q = rzq.chunk(3, -1)
        bias = layer.params.get("b_recurrent")
        if bias is None:
            q.zero_()
        else:
            q.copy_(bias[:, None, None, 2 * layer.hidden_size :])
        rz, n = rzq[..., : 2 * layer.hidden_size], gates.chunk(3, -1)[2]

        def step(*slices: Tensor) -> None:
            rzq, rz, r, z, q, n, h, next_h = slices
            rzq.baddbmm_(h, U)
            rz.sigmoid_()
            torch.lerp(n.addcmul_(r, q).tanh_(), h, z, out=next_h)

        scan(step, rzq, rz, r, z, q, n, before(h), after(h))
        return rzq, n

    def backward(self, layer: Layer, saved: Saved, grads: tuple[Tensor, ...]) -> Gradients:
        """Return the gradients of the gates."""
        (h,), (dh,), U = layer.states, grads, layer.params["U"]
        rzq, n = saved
        r, z, q = rzq.chunk(3, -1)
        to_z, to_n = _factors(before(h), z, n)
        d_rzq = torch.cat((slope_of_sigmoid(r).mul_(q).mul_(to_n), to_z, r * to_n), -1)

        def step(d_rzq: Tensor, d_blocks: Tensor, next_block: Tensor, next_dh: Tensor, z: Tensor, dh: Tensor) -> None:
            d_blocks.mul_(next_block)
            dh.addcmul_(next_dh, z).baddbmm_(d_rzq, U)

        scan_back(step, d_rzq, blocks(d_rzq, 3), after(dh).unsqueeze(-2), after(dh), z, before(dh))
        da = torch.cat((d_rzq[..., : 2 * layer.hidden_size], to_n.mul_(after(dh))), -1)
        return Gradients(da, (Product(before(h), d_rzq),))


class GRUBeforeEquations(Equations):
    """n = tanh(a_n + U_n (r h)); h' = (1 - z) n + z h.

    da_z = (h - n) z (1 - z) dh',  da_n = (1 - z) (1 - n^2) dh'
    d(r h) = U_n^T da_n,           da_r = h r (1 - r) d(r h)
    dh   = z dh' + r d(r h) + U_rz^T (da_r, da_z)
    """

    def forward(self, layer: Layer, gates: Tensor) -> Saved:
        """Fill the states; keep the gates and r h."""
        (h,) = layer.states
        rows, U = 2 * layer.hidden_size, layer.params["U"]
        U_rz, U_n = U[:, :rows].mT, U[:, rows:].mT
        r, z, n = gates.chunk(3, -1)
        rh = layer.buffer(n)

        def step(*slices: Tensor) -> None:
            rz, r, z, n, h, rh, next_h = slices
            rz.baddbmm_(h, U_rz).sigmoid_()
            n.baddbmm_(torch.mul(r, h, out=rh), U_n).tanh_()
            torch.lerp(n, h, z, out=next_h)

        scan(step, gates[..., :rows], r, z, n, before(h), rh, after(h))
        return gates, rh

    def backward(self, layer: Layer, saved: Saved, grads: tuple[Tensor, ...]) -> Gradients:
        """Return the gradients of the gates."""
        (h,), (dh,), (gates, rh) = layer.states, grads, saved
        rows, U = 2 * layer.hidden_size, layer.params["U"]
        U_rz, U_n = U[:, :rows], U[:, rows:]
        r, z, n = gates.chunk(3, -1)
        da = torch.cat((slope_of_sigmoid(r).mul_(before(h)), *_factors(before(h), z, n)), -1)
        da_rz, da_zn = da[..., :rows], blocks(da, 3)[..., 1:, :]
        d_rh = torch.empty_like(dh[:, 0])

        def step(*slices: Tensor) -> None:
            next_dh, next_block, r, z, da_rz, da_r, da_n, da_zn, dh = slices
            da_zn.mul_(next_block)
            da_r.mul_(torch.bmm(da_n, U_n, out=d_rh))
            dh.addcmul_(next_dh, z).addcmul_(d_rh, r).baddbmm_(da_rz, U_rz)

        da_r, _, da_n = da.chunk(3, -1)
        scan_back(step, after(dh), after(dh).unsqueeze(-2), r, z, da_rz, da_r, da_n, da_zn, before(dh))
        first, second = Product(before(h), da_rz), Product(rh, da_n)
        return Gradients(da, (first, second))


def _factors(h: Tensor, z: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """Return what dh' is multiplied by for da_z and for da_n."""
    return slope_of_sigmoid(z).mul_(h - n), slope_of_tanh(n).mul_(1 - z)
