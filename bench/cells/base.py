"""The Cell contract: the equations of one recurrent step, and what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from bench.core.typing import Float

State = tuple[Tensor, ...]
"""One tensor (K, B, H) for each of the cell's states; the first is the output h."""

Parameters = Mapping[str, Tensor]
"""A layer's weights by name, each with a leading member axis K."""

Role = Literal["input", "recurrent", "bias", "peephole", "embedding", "readout", "readout_bias"]

Biases = Literal["double", "single"]
"""`double` keeps an input and a recurrent bias vector as torch.nn does; `single` keeps the input one."""


@dataclass(frozen=True)
class Weight:
    """Shape of one member's weight and the role that decides how it starts and whether noise acts on it."""

    shape: tuple[int, ...]
    role: Role

    @property
    def size(self) -> int:
        total = 1
        for length in self.shape:
            total *= length
        return total


@dataclass(frozen=True)
class Source:
    """The paper a cell's equations are from."""

    paper: str
    equations: str


@runtime_checkable
class Cell(Protocol):
    """One recurrent step.

    The kernel computes the input projection `wx = x W^T + b` for all steps at once; the cell does its own
    recurrent product, which is what lets one contract hold the LSTM and both GRUs.
    """

    @property
    def name(self) -> str: ...

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the gate blocks, in the order of the rows of W, U and b."""
        ...

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states; the first is the output."""
        ...

    @property
    def source(self) -> Source:
        """Where the equations are from."""
        ...

    def weights(self, n_inputs: int, hidden_size: int) -> dict[str, Weight]:
        """Return the weights of one layer: W (G, I), U (G, H), b (G), and the cell's own."""
        ...

    def bias_offsets(self) -> dict[str, float]:
        """Return what is added to a gate's initial bias, by gate name."""
        ...

    def step(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> State:
        """Return the state after one step."""
        ...


def gate_weights(n_gates: int, n_inputs: int, hidden_size: int, biases: Biases) -> dict[str, Weight]:
    """Return the weights that every cell with `n_gates` gate blocks has: W, U, b and perhaps b_recurrent."""
    rows = n_gates * hidden_size
    weights = {
        "W": Weight((rows, n_inputs), "input"),
        "U": Weight((rows, hidden_size), "recurrent"),
        "b": Weight((rows,), "bias"),
    }
    if biases == "double":
        weights["b_recurrent"] = Weight((rows,), "bias")
    return weights


def recurrent_product(
    h: Float[Tensor, "K B H"], U: Float[Tensor, "K G H"], bias: Float[Tensor, "K G"] | None
) -> Float[Tensor, "K B G"]:
    """Return `U h + bias` for each member."""
    if bias is None:
        return h @ U.mT
    return bias.unsqueeze(1).baddbmm(h, U.mT)
