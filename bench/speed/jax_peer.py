"""The second peer, where jax is installed: the whole step compiled, hand-written backward passes, lax.map over members.

Of the forms of jax that were tried this is the fastest on a CPU. A sequence's backward pass saves
the gates, multiplies by U once per step, and takes the gradient of U in one product for all steps.
Shapes: inputs time first (T, B, I); W (I, G) and U (H, G) lie transposed to ours, as the products want them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from torch import Tensor

from bench.speed.workloads import CLIP_NORM, LR, Workload, cell_named
from bench.training.batches import Batch

Array = Any
Weights = dict[str, Array]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
TRANSPOSED = ("W", "U")


class JaxPeer:
    """K models as stacked arrays with a jitted step."""

    def __init__(self, workload: Workload, cell: str, rows: Sequence[Tensor], batch: Batch) -> None:
        views = [workload.shape(cell_named(cell)).views(row[None]) for row in rows]
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


def _population_step(workload: Workload, cell: str, inputs: Array, targets: Array) -> Callable[..., Array]:
    run = SEQUENCES[cell]

    def loss_of(weights: Weights) -> Array:
        logits = _logits(workload, cell, run, weights, inputs)
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


def _logits(workload: Workload, cell: str, run: Callable[..., Array], weights: Weights, x: Array) -> Array:
    H = workload.hidden_size
    if not workload.is_music:
        x = weights["embedding.E"][x]
    for layer in range(workload.num_layers):
        W, U, b, b_recurrent = (weights[f"layer{layer}.{name}"] for name in ("W", "U", "b", "b_recurrent"))
        # only the candidate's recurrent bias of a GRU stands inside the recurrence
        inside = b_recurrent[2 * H :] if cell == "gru" else jnp.zeros(0)
        outside = b_recurrent.at[2 * H :].set(0.0) if cell == "gru" else b_recurrent
        x = run(x @ W + (b + outside), U, inside)
    return x @ weights["readout.W"] + weights["readout.b"]


def _music_loss(logits: Array, targets: Array) -> Array:
    nats = jnp.maximum(logits, 0) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
    return nats.sum() / (targets.shape[0] * targets.shape[1])


def _text_loss(logits: Array, targets: Array) -> Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], axis=-1).mean()


def _zeros(xs: Array, H: int) -> Array:
    return jnp.zeros((xs.shape[1], H), xs.dtype)


def _before(states: Array) -> Array:
    """Return the state before each step, the first being zero: (T, B, H)."""
    return jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])


def _product_over_steps(states: Array, D: Array) -> Array:
    return states.reshape(-1, states.shape[-1]).T @ D.reshape(-1, D.shape[-1])


def _gru_forward(wx: Array, U: Array, b: Array) -> tuple[Array, Array]:
    H = U.shape[0]

    def step(h: Array, wx_t: Array) -> tuple[Array, Array]:
        uh = h @ U
        rz = jax.nn.sigmoid(wx_t[:, : 2 * H] + uh[:, : 2 * H])
        u = uh[:, 2 * H :] + b
        n = jnp.tanh(wx_t[:, 2 * H :] + rz[:, :H] * u)
        h = n + rz[:, H:] * (h - n)
        return h, (h, rz, u, n)

    _, (h, rz, u, n) = lax.scan(step, _zeros(wx, H), wx)
    return h, (h, rz, u, n, U)


def _gru_backward(saved: Array, pull: Array) -> tuple[Array, Array, Array]:
    h, rz, u, n, U = saved
    H, h_before, U_T = U.shape[0], _before(h), U.T
    r, z = rz[..., :H], rz[..., H:]
    da_n = (1 - z) * (1 - n * n)
    factors = jnp.concatenate([da_n * u * r * (1 - r), (h_before - n) * z * (1 - z), da_n * r], -1)

    def step(dh: Array, at_t: Array) -> tuple[Array, Array]:
        pull_t, z_t, factors_t = at_t
        dh = dh + pull_t
        D = jnp.concatenate([dh, dh, dh], -1) * factors_t
        return dh * z_t + D @ U_T, (dh, D)

    _, (dh, D) = lax.scan(step, _zeros(pull, H), (pull, z, factors), reverse=True)
    dwx = jnp.concatenate([D[..., : 2 * H], dh * da_n], -1)
    return dwx, _product_over_steps(h_before, D), D[..., 2 * H :].sum((0, 1))


def _lstm_forward(wx: Array, U: Array, b: Array) -> tuple[Array, Array]:
    H = U.shape[0]

    def step(state: Array, wx_t: Array) -> tuple[Array, Array]:
        h, c = state
        a = wx_t + h @ U
        i_f, o = jax.nn.sigmoid(a[:, : 2 * H]), jax.nn.sigmoid(a[:, 3 * H :])
        g = jnp.tanh(a[:, 2 * H : 3 * H])
        c = i_f[:, H:] * c + i_f[:, :H] * g
        squashed = jnp.tanh(c)
        h = o * squashed
        return (h, c), (h, c, i_f, g, o, squashed)

    zeros = _zeros(wx, H)
    _, (h, *rest) = lax.scan(step, (zeros, zeros), wx)
    return h, (h, *rest, U, b)


def _lstm_backward(saved: Array, pull: Array) -> tuple[Array, Array, Array]:
    h, c, i_f, g, o, squashed, U, b = saved
    H, U_T = U.shape[0], U.T
    i, f = i_f[..., :H], i_f[..., H:]
    dc_dh = o * (1 - squashed * squashed)
    factors = jnp.concatenate([g * i * (1 - i), _before(c) * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)], -1)

    def step(state: Array, at_t: Array) -> tuple[Array, Array]:
        dh, dc = state
        pull_t, dc_dh_t, f_t, factors_t = at_t
        dh = dh + pull_t
        dc = dc + dh * dc_dh_t
        D = jnp.concatenate([dc, dc, dc, dh], -1) * factors_t
        return (D @ U_T, dc * f_t), D

    zeros = _zeros(pull, H)
    _, D = lax.scan(step, (zeros, zeros), (pull, dc_dh, f, factors), reverse=True)
    return D, _product_over_steps(_before(h), D), jnp.zeros_like(b)


def _tanh_forward(wx: Array, U: Array, b: Array) -> tuple[Array, Array]:
    def step(h: Array, wx_t: Array) -> tuple[Array, Array]:
        h = jnp.tanh(wx_t + h @ U)
        return h, h

    _, h = lax.scan(step, _zeros(wx, U.shape[0]), wx)
    return h, (h, U, b)


def _tanh_backward(saved: Array, pull: Array) -> tuple[Array, Array, Array]:
    h, U, b = saved
    U_T = U.T

    def step(dh: Array, at_t: Array) -> tuple[Array, Array]:
        pull_t, slope_t = at_t
        D = (dh + pull_t) * slope_t
        return D @ U_T, D

    _, D = lax.scan(step, _zeros(pull, U.shape[0]), (pull, 1 - h * h), reverse=True)
    return D, _product_over_steps(_before(h), D), jnp.zeros_like(b)


def _sequence(forward: Callable[..., Array], backward: Callable[..., Array]) -> Callable[..., Array]:
    """Return outputs (T, B, H) of projected inputs (T, B, G), U and the bias inside the recurrence."""
    with_own_backward = jax.custom_vjp(lambda wx, U, b: forward(wx, U, b)[0])
    with_own_backward.defvjp(forward, backward)
    run: Callable[..., Array] = with_own_backward
    return run


SEQUENCES: Mapping[str, Callable[..., Array]] = {
    "gru": _sequence(_gru_forward, _gru_backward),
    "lstm": _sequence(_lstm_forward, _lstm_backward),
    "tanh": _sequence(_tanh_forward, _tanh_backward),
}
