"""The second peer, where jax is installed: the whole step compiled, lax.map over members, any cell.

A sequence's backward pass is the cell's own derivative, with the gradient of U in one product for all steps; the
derivative of jax took up to 1.7 times as long on a CPU. Shapes: inputs time first (T, B, I); W (I, G H) and U (H, R H)
lie transposed to ours, as the products want them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from torch import Tensor

from bench.cells import Cell
from bench.cells.derivation import Operand, gradient_of, waiting_of
from bench.cells.expressions import Expression, Kind, Symbol, symbols_of
from bench.cells.reading import Functions, complete, value_of
from bench.speed.workloads import CLIP_NORM, LR, Workload
from bench.training.batches import Batch

Array = Any
Weights = dict[str, Array]
Known = dict[Symbol, Array]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
TRANSPOSED = ("W", "U")

FUNCTIONS: Functions = {
    "same": lambda a: a,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "exp": jnp.exp,
    "log": jnp.log,
    "softplus": jax.nn.softplus,
    "abs": jnp.abs,
    "max": lambda a, b: jnp.where((a > b) | jnp.isnan(a), a, b),
    "min": lambda a, b: jnp.where((a < b) | jnp.isnan(a), a, b),
    "above": lambda a, b: jnp.where(a > b, 1.0, 0.0),
}
"""The functions of equations and of their derivatives in jax."""


class JaxPeer:
    """K models as stacked arrays with a jitted step."""

    def __init__(self, workload: Workload, cell: Cell, rows: Sequence[Tensor], batch: Batch) -> None:
        views = [workload.shape(cell).views(row[None]) for row in rows]
        self.weights = {name: jnp.stack([_array(name, view[name][0]) for view in views]) for name in views[0]}
        self.means = jax.tree.map(jnp.zeros_like, self.weights)
        self.squares = jax.tree.map(jnp.zeros_like, self.weights)
        self.n_updates = 0
        inputs, targets = (jnp.asarray(part[0].transpose(0, 1).numpy()) for part in (batch.inputs, batch.targets))
        self.update = jax.jit(_population_step(workload, cell, inputs, targets), donate_argnums=(0, 1, 2))

    def step(self) -> None:
        """Take one step in each model."""
        self.losses()

    def losses(self) -> list[float]:
        """Take one step in each model and return their losses before it, in nats per frame or token."""
        self.n_updates += 1
        found = self.update(self.weights, self.means, self.squares, float(self.n_updates))
        self.weights, self.means, self.squares, losses = found
        return [float(loss) for loss in losses.block_until_ready()]


def _array(name: str, weight: Tensor) -> Array:
    is_transposed = name.split(".")[1] in TRANSPOSED
    return jnp.asarray((weight.T if is_transposed else weight).contiguous().numpy())


def _population_step(workload: Workload, cell: Cell, inputs: Array, targets: Array) -> Callable[..., Array]:
    run = _layer_of(cell)

    def loss_of(weights: Weights) -> Array:
        logits = _logits(workload, run, weights, inputs)
        return _music_loss(logits, targets) if workload.is_music else _text_loss(logits, targets)

    def one(member: tuple[Weights, Weights, Weights], n: Array) -> Array:
        weights, means, squares = member
        loss, grads = jax.value_and_grad(loss_of)(weights)
        return *_clipped_adam(weights, means, squares, grads, n), loss

    def all_members(weights: Weights, means: Weights, squares: Weights, n: Array) -> Array:
        stacked = (weights, means, squares)
        if workload.members > 1:
            return lax.map(lambda member: one(member, n), stacked)
        alone = jax.tree.map(lambda array: array[0], stacked)
        return jax.tree.map(lambda array: array[None], one(alone, n))

    return all_members


def _clipped_adam(weights: Weights, means: Weights, squares: Weights, grads: Weights, n: Array) -> tuple[Weights, ...]:
    norm = jnp.sqrt(sum(jnp.vdot(grad, grad) for grad in grads.values()))
    scale = jnp.minimum(1.0, CLIP_NORM / (norm + 1e-6))
    grads = jax.tree.map(lambda grad: grad * scale, grads)
    means = jax.tree.map(lambda mean, grad: BETA1 * mean + (1 - BETA1) * grad, means, grads)
    squares = jax.tree.map(lambda square, grad: BETA2 * square + (1 - BETA2) * grad * grad, squares, grads)
    rate, correction = LR / (1 - BETA1**n), 1 / (1 - BETA2**n)

    def moved(weight: Array, mean: Array, square: Array) -> Array:
        return weight - rate * mean / (jnp.sqrt(square * correction) + EPS)

    return jax.tree.map(moved, weights, means, squares), means, squares


def _logits(workload: Workload, run: Callable[..., Array], weights: Weights, x: Array) -> Array:
    if not workload.is_music:
        x = weights["embedding.E"][x]
    for layer in range(workload.num_layers):
        prefix = f"layer{layer}."
        x = run({name[len(prefix) :]: weight for name, weight in weights.items() if name.startswith(prefix)}, x)
    return x @ weights["readout.W"] + weights["readout.b"]


def _music_loss(logits: Array, targets: Array) -> Array:
    nats = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return nats.sum() / (targets.shape[0] * targets.shape[1])


def _text_loss(logits: Array, targets: Array) -> Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1).mean()


def _layer_of(cell: Cell) -> Callable[[Weights, Array], Array]:
    """Return a layer of a cell: from its weights and inputs (T, B, I) to its outputs (T, B, H)."""
    program, shared, run = cell.program, cell.derivation.shared, _sequence(cell)

    def layer(weights: Weights, x: Array) -> Array:
        biases = _blocks(weights["b_recurrent"], cell.products) if "b_recurrent" in weights else {}
        inside = {gate: bias for gate, bias in biases.items() if gate not in shared}
        # where x and the product have one gradient, the recurrent bias stands outside the recurrence
        b = _blocks(weights["b"], cell.gates) if "b" in weights else {}
        b |= {gate: b[gate] + bias for gate, bias in biases.items() if gate in shared}
        wx = x @ weights["W"] + (jnp.concatenate(list(b.values())) if b else 0.0)
        own = dict(zip(program.own, weights.get("P", ()), strict=True))
        outputs: Array = run(wx, _blocks(weights["U"], cell.products) if cell.products else {}, inside, own)
        return outputs

    return layer


def _blocks(array: Array, names: Sequence[str]) -> Weights:
    return dict(zip(names, jnp.split(array, len(names), -1), strict=True))


def _sequence(cell: Cell) -> Callable[..., Array]:
    """Return the loop over time with its backward pass: outputs (T, B, H) of the input preactivations (T, B, G H), and
    by name the blocks of U, the biases inside the recurrence and the own vectors.
    """
    derivation = cell.derivation
    expressions = (each for stage in derivation.backward for each in stage.expressions)
    used = (each for expression in expressions for each in symbols_of(expression))
    known_later = (symbol for symbol in used if symbol.kind not in ("own", "gradient"))
    kept = tuple(dict.fromkeys([*(operand.symbol for operand in derivation.operands), *known_later]))

    def forward(wx: Array, U: Weights, inside: Weights, own: Weights) -> tuple[Array, Any]:
        outputs, histories = _forward(cell, kept, wx, U, inside, own)
        return outputs, (histories, U, inside, own)

    def backward(saved: Any, pull: Array) -> tuple[Array, Weights, Weights, Weights]:
        histories, U, inside, own = saved
        d_inputs, d_products, d_own = _backward(cell, kept, histories, U, own, pull)
        of_gate: Weights = {}
        d_U: Weights = {}
        for operand, D in zip(derivation.operands, d_products, strict=True):
            x = histories[kept.index(operand.symbol)]
            d_U |= _blocks(_flat(x).T @ _flat(D), operand.gates)
            of_gate |= _blocks(D, operand.gates)
        d_wx = jnp.concatenate([d_inputs[gate] if gate in d_inputs else of_gate[gate] for gate in cell.gates], -1)
        d_inside = {gate: of_gate[gate].sum((0, 1)) for gate in inside}
        return d_wx, d_U, d_inside, {name: each.sum((0, 1)) for name, each in d_own.items()}

    run: Callable[..., Array] = jax.custom_vjp(lambda *parts: forward(*parts)[0])
    run.defvjp(forward, backward)  # type: ignore[attr-defined]
    return run


def _flat(array: Array) -> Array:
    """Return all steps of all sequences as rows."""
    return array.reshape(-1, array.shape[-1])


def _named(kind: Kind, arrays: Weights) -> Known:
    return {Symbol(kind, name): each for name, each in arrays.items()}


def _rows(cell: Cell, U: Weights) -> Known:
    """Return for each operand the blocks of its products side by side."""
    return {each.symbol: jnp.concatenate([U[gate] for gate in each.gates], -1) for each in cell.derivation.operands}


def _forward(
    cell: Cell, kept: Sequence[Symbol], wx: Array, U: Weights, inside: Weights, own: Weights
) -> tuple[Array, tuple[Array, ...]]:
    """Return the outputs and what is kept, at every step."""
    rows, states = _rows(cell, U), cell.states

    def multiply(operand: Operand, x: Array) -> Known:
        found = _blocks(x @ rows[operand.symbol], operand.gates)
        return {Symbol("product", gate): each + inside.get(gate, 0.0) for gate, each in found.items()}

    def step(state: tuple[Array, ...], wx_t: Array) -> tuple[Any, Any]:
        known = _named("state", dict(zip(states, state, strict=True))) | _named("own", own)
        known |= _named("input", _blocks(wx_t, cell.gates))
        complete(cell.derivation, known, multiply, FUNCTIONS)
        after = [value_of(each, known, FUNCTIONS) for each in cell.program.outputs]
        whole = tuple(jnp.broadcast_to(each, state[0].shape) for each in after)
        return whole, (whole[0], tuple(jnp.broadcast_to(known[symbol], state[0].shape) for symbol in kept))

    zeros = jnp.zeros((wx.shape[1], wx.shape[2] // len(cell.gates)), wx.dtype)
    _, found = lax.scan(step, tuple(zeros for _ in states), wx)
    outputs, histories = found
    return outputs, histories


def _backward(
    cell: Cell, kept: Sequence[Symbol], histories: tuple[Array, ...], U: Weights, own: Weights, pull: Array
) -> tuple[Weights, list[Array], Weights]:
    """Return at every step the gradients of input preactivations that are no product's too, of the products of each
    operand, and of the own vectors.
    """
    derivation, states = cell.derivation, cell.states
    transposed = {symbol: each.T for symbol, each in _rows(cell, U).items()}

    def step(d_after: tuple[Array, ...], at_t: tuple[Array, tuple[Array, ...]]) -> tuple[Any, Any]:
        pull_t, kept_t = at_t
        known = dict(zip(kept, kept_t, strict=True)) | _named("own", own)
        known |= {gradient_of(Symbol("state", name)): each for name, each in zip(states, d_after, strict=True)}
        known[gradient_of(Symbol("state", states[0]))] += pull_t
        d_inputs, d_products, d_own, d_states = (Weights() for _ in range(4))
        by_operand: Known = {}
        zeros = jnp.zeros_like(pull_t)

        def add(totals: Weights, found: Mapping[str, Expression]) -> None:
            for name, each in found.items():
                totals[name] = totals.get(name, zeros) + value_of(each, known, FUNCTIONS)

        for place in reversed(range(derivation.n_stages)):
            stage = derivation.backward[place]
            for symbol, each in stage.lines:
                known[symbol] = value_of(each, known, FUNCTIONS)
            add(d_inputs, {gate: each for gate, each in stage.inputs.items() if gate not in derivation.shared})
            add(d_products, stage.products)
            add(d_own, stage.own)
            add(d_states, stage.states)
            known |= {waiting_of(symbol): value_of(each, known, FUNCTIONS) for symbol, each in stage.waiting.items()}
            for operand in derivation.operands:
                if operand.stage != place:
                    continue
                D = by_operand[operand.symbol] = jnp.concatenate([d_products[gate] for gate in operand.gates], -1)
                found = D @ transposed[operand.symbol]
                if operand.symbol.kind == "state":
                    d_states[operand.symbol.name] = d_states.get(operand.symbol.name, zeros) + found
                else:
                    known[gradient_of(operand.symbol)] = found
        in_order = [by_operand[operand.symbol] for operand in derivation.operands]
        return tuple(d_states.get(name, zeros) for name in states), (d_inputs, in_order, d_own)

    _, found = lax.scan(step, tuple(jnp.zeros_like(pull[0]) for _ in states), (pull, histories), reverse=True)
    d_inputs, d_products, d_own = found
    return d_inputs, d_products, d_own
