"""A cell: a definition at given values of its fields, and what is derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from bench.cells.base import Biases, Parameters, State, Weight
from bench.cells.conditions import Value
from bench.cells.derivation import Derivation
from bench.cells.program import Program
from bench.cells.reading import Values, values_of
from bench.cells.starts import Start
from bench.core.typing import Float


@dataclass(frozen=True)
class Cell:
    """One recurrent step: equations, fields, and how weights start.

    Two cells are equal if all that decides their numbers is; what is derived from the equations is computed once.
    `choices` are the words that fields may be.
    """

    name: str
    kind: str
    title: str = field(compare=False)
    source: str = field(compare=False)
    states: tuple[str, ...]
    fields: tuple[tuple[str, Value], ...]
    biases: Biases
    equations: str
    start: tuple[Start, ...]
    program: Program = field(compare=False, repr=False)
    choices: Mapping[str, tuple[str, ...]] = field(compare=False, repr=False)

    @cached_property
    def derivation(self) -> Derivation:
        """The stages of a step and its derivative."""
        return Derivation(self.program)

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the blocks of rows of W and b: the gates with an input preactivation."""
        return self.program.inputs

    @property
    def products(self) -> tuple[str, ...]:
        """Names of the blocks of rows of U and of the recurrent bias."""
        return tuple(self.program.products)

    @property
    def node(self) -> dict[str, Any]:
        """What builds the cell again: plain numbers and words."""
        words = {name: list(each) for name, each in self.choices.items()}
        own = {name: getattr(self, name) for name in ("name", "kind", "title", "source", "biases", "equations")}
        start = {each.target: each.text for each in self.start}
        return {**own, **dict(self.fields), "states": list(self.states), "fields": words, "start": start}

    def weights(self, n_inputs: int, hidden_size: int) -> dict[str, Weight]:
        """Return the weights of one layer, G gates, R products and V own vectors of H units.

        W (G H, I), U (R H, H), unless `biases` is none b (G H), with `biases: double` b_recurrent (R H), and P (V, H);
        what has no rows is left out.
        """
        H, rows, n_own = hidden_size, len(self.products) * hidden_size, len(self.program.own)
        weights = {"W": Weight((len(self.gates) * H, n_inputs), "input")}
        if rows:
            weights["U"] = Weight((rows, H), "recurrent")
        if self.biases != "none":
            weights["b"] = Weight((len(self.gates) * H,), "bias")
        if rows and self.biases == "double":
            weights["b_recurrent"] = Weight((rows,), "bias")
        if n_own:
            weights["P"] = Weight((n_own, H), "peephole")
        return weights

    def step(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> State:
        """Return the state after one step, given the input preactivations `wx = W x`, plus b where there is one."""
        return self.values_at(state, wx, params).outputs

    def values_at(self, state: State, wx: Float[Tensor, "K B G"], params: Parameters) -> Values:
        """Return all values of one step."""
        return values_of(self.derivation, state, wx, params)
