"""The loops over time, forward and backward. Shapes: K members, T steps, B sequences, H units; time comes before B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cells.base import Parameters, State
from bench.cells.derivation import gradient_of
from bench.cells.expressions import Symbol
from bench.cells.reading import FUNCTIONS, value_of, whole
from bench.kernels.bptt.plan import Plan, Stage

Kept = dict[Symbol, Tensor]
"""What the backward pass needs of the forward pass, by symbol: (K, T, B, H) each."""


@dataclass(frozen=True)
class Gradients:
    """The gradients of a layer's input, where asked for, of its initial state and of its weights."""

    x: Tensor | None
    state: tuple[Tensor, ...]
    params: Mapping[str, Tensor]


def forward(plan: Plan, x: Tensor, state: State, params: Parameters, *, keep: bool) -> tuple[Tensor, State, Kept]:
    """Return the outputs (K, T, B, H), the last state, and what is kept."""
    K, T, B, _ = x.shape
    derivation, H = plan.derivation, state[0].shape[-1]
    program = derivation.program
    wx = params["b"].unsqueeze(1).baddbmm(x.flatten(1, 2), params["W"].mT).view(K, T, B, -1)
    steps = [dict(zip(program.inputs, step.split(H, -1), strict=True)) for step in wx.unbind(1)]
    products = _products(plan, params, H)
    own = params["P"].unsqueeze(2).unbind(1) if program.own else ()
    constant: Kept = {Symbol("own", name): each for name, each in zip(program.own, own, strict=True)}
    operands = [operand.symbol for operand in derivation.operands if operand.symbol.kind == "value"]
    symbols = [*(Symbol("state", name) for name in program.states), *plan.kept, *operands] if keep else []
    symbols += [Symbol("input", gate) for gate in program.inputs] if keep and plan.keeps_inputs else []
    histories: dict[Symbol, list[Tensor]] = {symbol: [] for symbol in symbols}
    outputs: list[Tensor] = []
    for step in steps:
        known = {Symbol("state", name): part for name, part in zip(program.states, state, strict=True)}
        known |= {Symbol("input", gate): block for gate, block in step.items()}
        known |= constant
        for stage, nodes in enumerate(plan.forward):
            for product in products:
                if product.stage == stage:
                    product.multiply(known)
            for node in nodes:
                known[node.symbol] = FUNCTIONS[node.function](*(value_of(each, known) for each in node.arguments))
        for symbol, history in histories.items():
            history.append(known[symbol])
        state = tuple(whole(value_of(each, known), state[0]) for each in plan.outputs)
        outputs.append(state[0])
    kept = {symbol: torch.stack(history, 1) for symbol, history in histories.items()}
    return torch.stack(outputs, 1), state, kept


@dataclass(frozen=True)
class _Product:
    """Some products of one operand: added to input preactivations, or a value of their own."""

    operand: Symbol
    gates: tuple[str, ...]
    stage: int
    is_added: bool
    rows: Tensor
    bias: Tensor | None

    def multiply(self, known: Kept) -> None:
        """Add the products to what is known."""
        x = known[self.operand]
        found = x @ self.rows if self.bias is None else self.bias.baddbmm(x, self.rows)
        for gate, block in zip(self.gates, found.split(x.shape[-1], -1), strict=True):
            if self.is_added:
                known[Symbol("input", gate)] = known[Symbol("input", gate)] + block
            else:
                known[Symbol("product", gate)] = block


def _products(plan: Plan, params: Parameters, H: int) -> list[_Product]:
    if "U" not in params:
        return []
    order = list(plan.derivation.program.products)
    U, bias = params["U"].unflatten(1, (-1, H)), params.get("b_recurrent")
    found = []
    for operand in plan.derivation.operands:
        for is_added in (True, False):
            gates = tuple(gate for gate in operand.gates if (gate in plan.added) == is_added)
            if not gates:
                continue
            places = [order.index(gate) for gate in gates]
            of_gates = None if bias is None else bias.unflatten(1, (-1, H))[:, places].flatten(1, 2).unsqueeze(1)
            rows = U[:, places].flatten(1, 2).mT
            found.append(_Product(operand.symbol, gates, operand.stage, is_added, rows, of_gates))
    return found


def backward(
    plan: Plan,
    x: Tensor,
    params: Parameters,
    kept: Kept,
    d_outputs: Tensor,
    d_last: Sequence[Tensor],
    *,
    needs_x: bool,
) -> Gradients:
    """Return the gradients, given those of the outputs (K, T, B, H) and of the last state."""
    derivation, H = plan.derivation, d_outputs.shape[-1]
    program = derivation.program
    if program.own:
        kept |= {Symbol("own", n): p for n, p in zip(program.own, params["P"][:, :, None, None].unbind(1), strict=True)}
    factors = [_factors(stage, kept, d_outputs) for stage in plan.backward]
    K, T, B, _ = d_outputs.shape
    D = d_outputs.new_empty((K, T, B, len(plan.blocks), H))
    order = list(program.products)
    matrices = []
    for operand in derivation.operands:
        places = [order.index(gate) for gate in operand.gates]
        matrices.append((operand, plan.span(operand), params["U"].unflatten(1, (-1, H))[:, places].flatten(1, 2)))
    carried = list(d_last)
    d_own = [torch.zeros_like(d_outputs[:, 0]) for _ in program.own]
    for t in reversed(range(T)):
        carried[0] = carried[0] + d_outputs[:, t]
        given = {gradient_of(Symbol("state", name)): each for name, each in zip(program.states, carried, strict=True)}
        carried = [torch.zeros_like(carried[0]) for _ in carried]
        for stage in reversed(range(len(plan.backward))):
            _hand_out(plan.backward[stage], [each[:, t] for each in factors[stage]], given, D[:, t], carried, d_own)
            for operand, (first, last), rows in matrices:
                if operand.stage != stage:
                    continue
                d_operand = D[:, t, :, first:last].flatten(-2) @ rows
                if operand.symbol.kind == "state":
                    place = program.states.index(operand.symbol.name)
                    carried[place] = carried[place] + d_operand
                else:
                    given[gradient_of(operand.symbol)] = d_operand
    return Gradients(
        _d_input(plan, params, D) if needs_x else None, tuple(carried), _d_params(plan, x, params, kept, D, d_own)
    )


def _factors(stage: Stage, kept: Kept, like: Tensor) -> list[Tensor]:
    """Return for each gradient that a stage is given its factors (K, T, B, handed out, H), for all steps at once."""
    return [torch.stack([whole(value_of(each, kept), like) for each in factors], -2) for factors in stage.factors]


def _hand_out(
    stage: Stage,
    factors: Sequence[Tensor],
    given: dict[Symbol, Tensor],
    D: Tensor,
    carried: list[Tensor],
    d_own: list[Tensor],
) -> None:
    """Compute a stage's gradients at one step and put them where they belong."""
    total = factors[0] * given[stage.given[0]].unsqueeze(-2)
    for factor, symbol in zip(factors[1:], stage.given[1:], strict=True):
        total.addcmul_(factor, given[symbol].unsqueeze(-2))
    parts = total.unbind(-2)
    n = len(stage.blocks)
    if n and stage.blocks == tuple(range(stage.blocks[0], stage.blocks[0] + n)):
        D[:, :, stage.blocks[0] : stage.blocks[0] + n] = total[:, :, :n]
    else:
        for place, part in zip(stage.blocks, parts, strict=False):
            D[:, :, place] = part
    for totals, places in ((carried, stage.states), (d_own, stage.own)):
        for place, part in zip(places, parts[n:], strict=False):
            totals[place] = totals[place] + part
        n += len(places)
    for symbol, part in zip(stage.waiting, parts[n:], strict=True):
        given[symbol] = part


def _d_params(
    plan: Plan, x: Tensor, params: Parameters, kept: Kept, D: Tensor, d_own: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Return the gradient of every weight, each one matrix product of all T B rows."""
    program = plan.derivation.program
    d_inputs = D[..., list(plan.input_blocks), :].flatten(-2)
    found = {"W": _outer(d_inputs, x), "b": d_inputs.sum((1, 2))}
    by_gate: dict[str, tuple[Tensor, Tensor]] = {}
    for operand in plan.derivation.operands:
        first, last = plan.span(operand)
        block = D[..., first:last, :].flatten(-2)
        for gate, rows, bias in zip(
            operand.gates,
            _outer(block, kept[operand.symbol]).chunk(last - first, 1),
            block.sum((1, 2)).chunk(last - first, 1),
            strict=True,
        ):
            by_gate[gate] = rows, bias
    if by_gate:
        found["U"] = torch.cat([by_gate[gate][0] for gate in program.products], 1)
        found["b_recurrent"] = torch.cat([by_gate[gate][1] for gate in program.products], 1)
    if program.own:
        found["P"] = torch.stack([each.sum(1) for each in d_own], 1)
    return {name: found[name] for name in params}


def _d_input(plan: Plan, params: Parameters, D: Tensor) -> Tensor:
    K, T, B, _, _ = D.shape
    d_inputs = D[..., list(plan.input_blocks), :].flatten(-2)
    return (d_inputs.flatten(1, 2) @ params["W"]).view(K, T, B, -1).transpose(1, 2)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of the outer products of all steps and sequences: (K, left, right)."""
    return left.flatten(1, 2).mT @ right.flatten(1, 2)
