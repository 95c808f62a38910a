"""The long short-term memory, differentiated, with and without peepholes."""

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
    blocks,
    scan,
    scan_back,
    slope_of_sigmoid,
    slope_of_tanh,
)


class LSTMEquations(Equations):
    """c' = f c + i g, h' = o tanh(c').

    da_o = tanh(c') o (1 - o) dh'
    dc'  = dc' + o (1 - tanh(c')^2) dh' + p_o da_o
    da_i = g i (1 - i) dc',  da_f = c f (1 - f) dc',  da_g = i (1 - g^2) dc'
    dc   = f dc' + p_i da_i + p_f da_f
    dh   = U^T da
    All factors of dh' and dc' are known before the first step back.
    """

    def forward(self, layer: Layer, gates: Tensor) -> Saved:
        """Fill the states; keep the gates and tanh(c')."""
        (h, c), U = layer.states, layer.params["U"].mT
        peepholes = _peepholes(layer)
        i, f, g, o = gates.chunk(4, -1)
        i_f = gates[..., : 2 * layer.hidden_size]
        tanh_c = layer.buffer(g)

        def step(*slices: Tensor) -> None:
            a, i_f, i, f, g, o, h, c, next_h, next_c, tanh_c = slices
            a.baddbmm_(h, U)
            if peepholes is not None:
                i.addcmul_(peepholes[0], c)
                f.addcmul_(peepholes[1], c)
            i_f.sigmoid_()
            torch.mul(f, c, out=next_c).addcmul_(i, g.tanh_())
            if peepholes is not None:
                o.addcmul_(peepholes[2], next_c)
            torch.mul(o.sigmoid_(), torch.tanh(next_c, out=tanh_c), out=next_h)

        scan(step, gates, i_f, i, f, g, o, before(h), before(c), after(h), after(c), tanh_c)
        return gates, tanh_c

    def backward(self, layer: Layer, saved: Saved, grads: tuple[Tensor, ...]) -> Gradients:
        """Return the gradients of the gates and the peepholes."""
        (h, c), (dh, dc), U = layer.states, grads, layer.params["U"]
        to_o, to_c, to_ifg, back = _factors(layer, *saved)
        da = torch.empty_like(saved[0])
        da_ifg, da_o = blocks(da, 4)[..., :3, :], blocks(da, 4)[..., 3, :]

        def step(*slices: Tensor) -> None:
            dh, dc, next_dh, next_dc, next_dc_block, to_o, to_c, to_ifg, back, da, da_ifg, da_o = slices
            torch.mul(next_dh, to_o, out=da_o)
            next_dc.addcmul_(next_dh, to_c)
            torch.mul(next_dc_block, to_ifg, out=da_ifg)
            dc.addcmul_(next_dc, back)
            dh.baddbmm_(da, U)

        around = before(dh), before(dc), after(dh), after(dc), after(dc).unsqueeze(-2)
        scan_back(step, *around, to_o, to_c, to_ifg, back, da, da_ifg, da_o)
        own = {"P": _peephole_gradient(da, c)} if "P" in layer.params else {}
        return Gradients(da, (Product(before(h), da),), own)


def _peepholes(layer: Layer) -> tuple[Tensor, ...] | None:
    """Return p_i, p_f, p_o, each (K, 1, H), if the cell has them."""
    P = layer.params.get("P")
    return None if P is None else P.unsqueeze(2).unbind(1)


def _factors(layer: Layer, gates: Tensor, tanh_c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what dh' and dc' are multiplied by: dh' for da_o and dc', dc' for da_i, da_f, da_g and for dc."""
    i, f, g, o = gates.chunk(4, -1)
    to_o = slope_of_sigmoid(o).mul_(tanh_c)
    to_c = slope_of_tanh(tanh_c).mul_(o)
    to_i = slope_of_sigmoid(i).mul_(g)
    to_f = slope_of_sigmoid(f).mul_(before(layer.states[1]))
    to_g = slope_of_tanh(g).mul_(i)
    back, peepholes = f, _peepholes(layer)
    if peepholes is not None:
        p_i, p_f, p_o = (p.unsqueeze(1) for p in peepholes)
        to_c.addcmul_(to_o, p_o)
        back = torch.addcmul(f, to_i, p_i).addcmul_(to_f, p_f)
    return to_o, to_c, torch.stack((to_i, to_f, to_g), -2), back


def _peephole_gradient(da: Tensor, c: Tensor) -> Tensor:
    """Return dP (K, 3, H)."""
    da_i, da_f, _, da_o = da.chunk(4, -1)
    pairs = ((da_i, before(c)), (da_f, before(c)), (da_o, after(c)))
    return torch.stack([(gradient * cell).sum((1, 2)) for gradient, cell in pairs], 1)
