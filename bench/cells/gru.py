"""The gated recurrent unit, with the reset gate after or before the recurrent product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bench.cells.base import Biases, Parameters, Source, State, Weight, gate_weights, recurrent_product
from bench.core.typing import Float


@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit.

    r = sigmoid(W_r x_t + U_r h_{t-1} + b_r)
    z = sigmoid(W_z x_t + U_z h_{t-1} + b_z)
    n = tanh(W_n x_t + b_n + r * (U_n h_{t-1} + b'_n))   with `reset: after`
    n = tanh(W_n x_t + b_n + U_n (r * h_{t-1}) + b'_n)   with `reset: before`
    h_t = (1 - z) * n + z * h_{t-1}

    The two forms are different models, not two ways to compute one.
    Source: `before` is Chung et al. 2014, arXiv 1412.3555, equations 5-8, and Cho et al. 2014, arXiv 1406.1078v3;
    `after` is 1406.1078v1, torch.nn.GRU and cuDNN. Deviation: z here multiplies the old state as in torch.nn;
    Chung's z multiplies the new one, which exchanges z and 1 - z.
    """

    name: str = "gru"
    kind: Literal["gru"] = "gru"
    reset: Literal["after", "before"] = "after"
    biases: Biases = "double"

    gates = ("r", "z", "n")
    states = ("h",)
    source = Source("Chung et al. 2014, arXiv 1412.3555; Cho et al. 2014, arXiv 1406.1078", "equations 5-8")

    def weights(self, n_inputs: int, hidden_size: int) -> dict[str, Weight]:
        """Return W (3H, I), U (3H, H) and the bias vectors."""
        return gate_weights(3, n_inputs, hidden_size, self.biases)

    def bias_offsets(self) -> dict[str, float]:
        return {}

    def step(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> State:
        (h,) = state
        n = self._candidate_after if self.reset == "after" else self._candidate_before
        z, candidate = n(h, wx, params)
        return (candidate + z * (h - candidate),)

    def _candidate_after(self, h: Tensor, wx: Tensor, params: Parameters) -> tuple[Tensor, Tensor]:
        H = h.shape[-1]
        uh = recurrent_product(h, params["U"], params.get("b_recurrent"))
        r, z = (wx[..., : 2 * H] + uh[..., : 2 * H]).sigmoid().chunk(2, dim=-1)
        return z, (wx[..., 2 * H :] + r * uh[..., 2 * H :]).tanh()

    def _candidate_before(self, h: Tensor, wx: Tensor, params: Parameters) -> tuple[Tensor, Tensor]:
        H, U, bias = h.shape[-1], params["U"], params.get("b_recurrent")
        bias_rz, bias_n = (None, None) if bias is None else (bias[..., : 2 * H], bias[..., 2 * H :])
        r, z = (wx[..., : 2 * H] + recurrent_product(h, U[:, : 2 * H], bias_rz)).sigmoid().chunk(2, dim=-1)
        return z, (wx[..., 2 * H :] + recurrent_product(r * h, U[:, 2 * H :], bias_n)).tanh()
