"""The long short-term memory, with and without peepholes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from bench.cells.base import Biases, Parameters, Source, State, Weight, gate_weights, recurrent_product
from bench.core.schema import Range
from bench.core.typing import Float


@dataclass(frozen=True)
class LSTM:
    """Long short-term memory with a forget gate.

    i = sigmoid(W_i x_t + U_i h_{t-1} + p_i * c_{t-1} + b_i)
    f = sigmoid(W_f x_t + U_f h_{t-1} + p_f * c_{t-1} + b_f)
    g = tanh(W_g x_t + U_g h_{t-1} + b_g)
    c_t = f * c_{t-1} + i * g
    o = sigmoid(W_o x_t + U_o h_{t-1} + p_o * c_t + b_o)
    h_t = o * tanh(c_t)

    The peephole terms p are there with `peepholes: true`; `forget_bias` is added to the initial b_f.
    Source: Greff et al. 2017, arXiv 1503.04069, section III A (the candidate is z there, g here); Gers et al.
    2000 for the forget gate; without peepholes as torch.nn.LSTM.
    """

    name: str = "lstm"
    kind: Literal["lstm"] = "lstm"
    peepholes: bool = False
    forget_bias: Annotated[float, Range(-100, 100)] = 0.0
    biases: Biases = "double"

    gates = ("i", "f", "g", "o")
    states = ("h", "c")
    source = Source("Greff et al. 2017, arXiv 1503.04069", "section III A")

    def weights(self, n_inputs: int, hidden_size: int) -> dict[str, Weight]:
        """Return W (4H, I), U (4H, H), the bias vectors, and P (3, H) with rows p_i, p_f, p_o."""
        weights = gate_weights(4, n_inputs, hidden_size, self.biases)
        if self.peepholes:
            weights["P"] = Weight((3, hidden_size), "peephole")
        return weights

    def bias_offsets(self) -> dict[str, float]:
        return {"f": self.forget_bias}

    def step(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> State:
        h, c = state
        a = wx + recurrent_product(h, params["U"], params.get("b_recurrent"))
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        if not self.peepholes:
            c = a_f.sigmoid() * c + a_i.sigmoid() * a_g.tanh()
            return a_o.sigmoid() * torch.tanh(c), c
        p_i, p_f, p_o = params["P"].unsqueeze(2).unbind(1)  # each (K, 1, H)
        i = (a_i + p_i * c).sigmoid()
        f = (a_f + p_f * c).sigmoid()
        c = f * c + i * a_g.tanh()
        return (a_o + p_o * c).sigmoid() * c.tanh(), c
