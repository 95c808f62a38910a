"""The loops over time, forward and backward. Shapes: K members, T steps, B sequences, H units; time comes before B."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from bench.cells.base import Parameters, State
from bench.cells.expressions import ONE, Symbol
from bench.kernels.bptt.code import BoundCall, Place, Steps, carry_out
from bench.kernels.bptt.forms import AFTER, SLOTS
from bench.kernels.bptt.plan import Plan

Kept = dict[Symbol, Tensor]
"""What the backward pass needs of the forward pass, by symbol: (K, T, B, H), or what broadcasts to it."""


@dataclass(frozen=True)
class Gradients:
    """The gradients of a layer's input, where asked for, of its initial state and of its weights."""

    x: Tensor | None
    state: tuple[Tensor, ...]
    params: Mapping[str, Tensor]


def forward(plan: Plan, x: Tensor, state: State, params: Parameters, *, keep: bool) -> tuple[Tensor, State, Kept]:
    """Return the outputs (K, T, B, H), the last state, and what is kept."""
    (K, T, B, _), H, step = x.shape, state[0].shape[-1], plan.forward
    program = plan.derivation.program
    preactivations = zip(step.preactivations, plan.layout, strict=True)
    rooms = {place.room: _preactivations(plan, symbols, x, params, H) for place, symbols in preactivations}
    steps: dict[Place, Steps] = {
        place: [_of_gates(params["U"], list(program.products), [each.name for each in symbols]).mT] * T
        for place, symbols in zip(step.rows, plan.layout, strict=False)
    }
    own = params["P"].unsqueeze(2).unbind(1) if step.own else ()  # (K, 1, H)
    steps |= {place: [vector] * T for place, vector in zip(step.own, own, strict=True)}
    steps |= {place: [x.new_full((1, 1, 1), value)] * T for place, value in step.code.numbers.items()}
    last: list[Tensor] = []
    for initial, before, after in zip(state, step.before, step.after, strict=True):
        states, places = _room(initial, T, is_whole=keep or not last)  # the first state is the output
        rooms[before.room], rooms[after.room] = states[:, :-1], states[:, 1:]
        steps[before], steps[after] = places[:-1], places[1:]
        last.append(places[-1])
    whole = {place.room for place in step.kept.values()} if keep else set()
    for place in {each for instruction in step.instructions for each in (*instruction.arguments, instruction.out)}:
        if place.room not in rooms and place not in steps:
            n_steps = T if place.room in whole else 1
            shapes = (1, 1, 1, 1), (K, 1, 1, H), (K, n_steps, B, H)
            rooms[place.room] = x.new_empty(shapes[step.code.levels[place.room]])
        if place not in steps:
            found = _blocks(rooms[place.room], place, H).unbind(1)
            steps[place] = found if len(found) == T else found * T
    calls = [(each.function, [steps[a] for a in each.arguments], steps[each.out]) for each in step.instructions]
    carry_out(calls, T)
    kept = {symbol: _blocks(rooms[place.room], place, H) for symbol, place in step.kept.items()} if keep else {}
    outputs = rooms[step.after[0].room]
    return outputs, tuple(each.clone() for each in last), kept


def _preactivations(plan: Plan, symbols: Sequence[Symbol], x: Tensor, params: Parameters, H: int) -> Tensor:
    """Return W x and the biases of inputs, then the biases of products that stand alone: (K, T, B, blocks H).

    A layer without b has no recurrent bias either.
    """
    (K, T, B, _), program, recurrent = x.shape, plan.derivation.program, params.get("b_recurrent")
    inputs = [symbol.name for symbol in symbols if symbol.kind == "input"]
    products = [symbol.name for symbol in symbols if symbol.kind == "product"]
    room, n = x.new_empty((K, T * B, len(symbols) * H)), len(inputs) * H
    if inputs:
        W, wx = _of_gates(params["W"], program.inputs, inputs), room[..., :n]
        if "b" in params:
            b = _of_gates(params["b"], program.inputs, inputs)
            if recurrent is not None and inputs[0] in plan.added:  # as all of a room are, or none
                b = b + _of_gates(recurrent, list(program.products), inputs)
            torch.baddbmm(b.unsqueeze(1), x.flatten(1, 2), W.mT, out=wx)
        else:
            torch.bmm(x.flatten(1, 2), W.mT, out=wx)
    if products:
        room[..., n:] = 0 if recurrent is None else _of_gates(recurrent, list(program.products), products).unsqueeze(1)
    return room.view(K, T, B, -1)


def _of_gates(rows: Tensor, order: Sequence[str], gates: Sequence[str]) -> Tensor:
    """Return the rows (K, H each, ...) of some gates, of rows whose gates are `order`."""
    if list(gates) == list(order):
        return rows
    blocks: Tensor = rows.unflatten(1, (len(order), -1))
    return blocks[:, [order.index(gate) for gate in gates]].flatten(1, 2)


def _room(initial: Tensor, T: int, *, is_whole: bool) -> tuple[Tensor, Steps]:
    """Return room for a state (K, T + 1, B, H), and its places: two in turns unless all are kept."""
    K, B, H = initial.shape
    room = initial.new_empty((K, T + 1 if is_whole else 2, B, H))
    room[:, 0] = initial
    places = room.unbind(1)
    return room, places if is_whole else [places[t % 2] for t in range(T + 1)]


def _blocks(room: Tensor, place: Place, H: int) -> Tensor:
    """Return the columns of a place."""
    found: Tensor = room[..., place.first * H : (place.first + place.n_blocks) * H]
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
    (K, T, B, H), gradients = d_outputs.shape, plan.gradients
    states = [gradients.place_of_state(name, is_after=True) for name in plan.derivation.program.states]
    if plan.derivation.program.own:
        own = params["P"][:, :, None, None].unbind(1)
        kept |= {Symbol("own", name): each for name, each in zip(plan.derivation.program.own, own, strict=True)}
    rooms: dict[int, Tensor] = {}
    for room, n_slots in gradients.rooms.items():
        places = d_outputs.new_empty((K, T + 1, B, n_slots, H))
        rooms[room], rooms[room + AFTER] = places[:, :-1], places[:, 1:]
        for place in gradients.empty:
            if place.room == room:  # the gradients of the outputs fill the first state's, but for the initial one
                is_filled = place.room + AFTER == states[0].room and place.first == states[0].first
                (places[:, :1] if is_filled else places)[..., place.first, :] = 0
    rooms[states[0].room][..., states[0].first, :] = d_outputs
    for place, gradient in zip(states, d_last, strict=True):
        last = rooms[place.room][:, -1, :, place.first]
        last.copy_(last + gradient if place == states[0] else gradient)
    rooms |= {place.room: d_outputs.new_empty((K, T, B, 1, H)) for place in gradients.operands.values()}
    sums, own_factors = _factors(plan, kept, rooms, d_outputs)
    carry_out(_calls(plan, rooms, sums, params), T, is_backward=True)
    found = _d_params(plan, x, params, kept, rooms[SLOTS])
    owns = (each for stage in gradients.stages for each in stage.own)
    for each, factor in zip(owns, own_factors, strict=True):
        given = rooms[each.given.room][..., each.given.first, :]
        found["P"][:, plan.derivation.program.own.index(each.name)] += (factor * given).sum((1, 2))
    dx = _d_input(plan, params, rooms[SLOTS]) if needs_x else None
    initial = tuple(rooms[place.room - AFTER][:, 0, :, place.first] for place in states)
    return Gradients(dx, initial, {name: found[name] for name in params})


def _factors(plan: Plan, kept: Kept, rooms: Mapping[int, Tensor], like: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return the factors of every sum (K, T, B, slots, H) and own vector (K, T, B, H), for all steps at once.

    Those of a sum that is the first in its place stand there, and are multiplied in place.
    """
    (K, T, B, H), factors = like.shape, plan.factors
    sums = [
        _slots(rooms, each.out) if each.is_first else like.new_empty((K, T, B, each.out.n_blocks, H))
        for stage in plan.gradients.stages
        for each in stage.sums
    ]
    found = {place: kept[symbol] for symbol, place in factors.places.items()}
    found |= {place: like.new_full((1, 1, 1, 1), value) for place, value in factors.code.numbers.items()}
    for place, factor in zip(factors.sums, sums, strict=True):
        found |= {Place(place.room, block): factor[..., block, :] for block in range(place.n_blocks)}
    last = {place: i for i, each in enumerate(factors.code.instructions) for place in each.arguments}
    stays = {*found, *factors.own}
    for i, (function, arguments, out) in enumerate(factors.code.instructions):
        if out not in found:
            level = factors.code.levels[out.room]
            found[out] = like.new_empty(((1, 1, 1, 1), (K, 1, 1, H), (K, T, B, H))[level])
        function(*[found[place] for place in arguments], out=found[out])
        for place in arguments:
            if last[place] == i and place not in stays:
                found.pop(place, None)
    return sums, [found[place] for place in factors.own]


def _calls(
    plan: Plan, rooms: Mapping[int, Tensor], factors: Sequence[Tensor], params: Parameters
) -> Iterator[BoundCall]:
    """Yield the calls of a step back: the sums of each stage, the last stage first, and its products with U."""
    gradients = plan.gradients

    @cache
    def slots(place: Place) -> Steps:
        return _slots(rooms, place).unbind(1)

    @cache
    def columns(place: Place) -> Steps:
        return _slots(rooms, place).flatten(-2).unbind(1)

    end = len(factors)
    for number, stage in reversed(list(enumerate(gradients.stages))):
        end -= len(stage.sums)
        for each, factor in zip(stage.sums, factors[end:], strict=False):
            given, out = slots(each.given), slots(each.out)
            if each.is_first:
                yield torch.mul, (out, given), out
            elif each.factors == (ONE,):
                yield torch.add, (out, given), out
            else:
                yield torch.addcmul, (out, factor.unbind(1), given), out
        for operand in plan.derivation.operands:
            if operand.stage != number:
                continue
            first, last = gradients.span(operand)
            gates = [symbol.name for symbol in gradients.blocks[first:last]]
            U = _of_gates(params["U"], list(plan.derivation.program.products), gates)
            D, rows = columns(Place(SLOTS, first, last - first)), [U] * rooms[SLOTS].shape[1]
            if operand.symbol.kind == "state":
                out = columns(gradients.place_of_state(operand.symbol.name))
                yield torch.baddbmm, (out, D, rows), out
            else:
                yield torch.bmm, (D, rows), columns(gradients.operands[operand.symbol])


def _slots(rooms: Mapping[int, Tensor], place: Place) -> Tensor:
    """Return the gradients of a place at every step: (K, T, B, slots, H)."""
    return rooms[place.room][..., place.first : place.first + place.n_blocks, :]


def _d_params(plan: Plan, x: Tensor, params: Parameters, kept: Kept, D: Tensor) -> dict[str, Tensor]:
    """Return the gradient of every weight, each one matrix product of all T B rows."""
    program, gradients, H = plan.derivation.program, plan.gradients, D.shape[-1]
    block, order = _input_side(plan, D)
    found = {
        "W": _outer(block, x).unflatten(1, (-1, H))[:, order].flatten(1, 2),
        "b": block.sum((1, 2)).unflatten(1, (-1, H))[:, order].flatten(1, 2),
    }
    by_gate: dict[str, tuple[Tensor, Tensor]] = {}
    for operand in plan.derivation.operands:
        first, last = gradients.span(operand)
        block = D[..., first:last, :].flatten(-2)
        gates = [symbol.name for symbol in gradients.blocks[first:last]]
        rows, biases = _outer(block, kept[operand.symbol]).split(H, 1), block.sum((1, 2)).split(H, 1)
        by_gate |= {gate: (row, bias) for gate, row, bias in zip(gates, rows, biases, strict=True)}
    if by_gate:
        found["U"] = torch.cat([by_gate[gate][0] for gate in program.products], 1)
        found["b_recurrent"] = torch.cat([by_gate[gate][1] for gate in program.products], 1)
    if program.own:
        found["P"] = torch.zeros_like(params["P"])
    return found


def _d_input(plan: Plan, params: Parameters, D: Tensor) -> Tensor:
    block, order = _input_side(plan, D)
    rows = torch.empty_like(params["W"]).unflatten(1, (len(order), -1))
    rows[:, order] = params["W"].unflatten(1, (len(order), -1))
    dx: Tensor = (block.flatten(1, 2) @ rows.flatten(1, 2)).view(*D.shape[:3], -1)
    return dx.transpose(1, 2)


def _input_side(plan: Plan, D: Tensor) -> tuple[Tensor, list[int]]:
    """Return the gradients of the input preactivations (K, T, B, gates H), and where in it each gate's block is."""
    blocks = plan.gradients.input_blocks
    first = min(blocks)
    if max(blocks) - first + 1 == len(blocks):
        return D[..., first : first + len(blocks), :].flatten(-2), [block - first for block in blocks]
    return D[..., list(blocks), :].flatten(-2), list(range(len(blocks)))


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of the outer products of all steps and sequences: (K, left, right)."""
    return left.flatten(1, 2).mT @ right.flatten(1, 2)
