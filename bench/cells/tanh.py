"""The simple recurrent network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bench.cells.base import Biases, Parameters, Source, State, Weight, gate_weights, recurrent_product
from bench.core.typing import Float


@dataclass(frozen=True)
class Tanh:
    """Simple recurrent network: `h_t = tanh(W x_t + U h_{t-1} + b)`.

    Source: Elman 1990; Chung et al. 2014, arXiv 1412.3555, section 2 with g = tanh.
    """

    name: str = "tanh"
    kind: Literal["tanh"] = "tanh"
    biases: Biases = "double"

    gates = ("h",)
    states = ("h",)
    source = Source("Chung et al. 2014, arXiv 1412.3555", "section 2, g = tanh")

    def weights(self, n_inputs: int, hidden_size: int) -> dict[str, Weight]:
        """Return W (H, I), U (H, H) and the bias vectors."""
        return gate_weights(1, n_inputs, hidden_size, self.biases)

    def bias_offsets(self) -> dict[str, float]:
        return {}

    def step(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> State:
        (h,) = state
        return ((wx + recurrent_product(h, params["U"], params.get("b_recurrent"))).tanh(),)
