"""The rules of the code that Chung et al. 2014 released, read a second time and written plainly in numpy.

From librnn (training_algorithms/learning_rule.py: RMSPropMomentum; costs/rnn.py; exp/music/jsb/gru.yaml) and pylearn2
(sandbox/rnn/models/rnn.py: GRU; training_algorithms/sgd.py: LinearDecayOverEpoch): one sequence an update, the loss
summed over its frames, noise on W and U, a velocity whose step is scaled to a norm of 1, a rate that falls every epoch.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from bench.core.settings import InitSettings, OptimSettings, TrainSettings
from bench.kernels import FASTEST_FIRST, Reference
from bench.tasks.base import Sequences
from bench.training.initial import initial_row
from bench.training.noise import weight_noise
from tests.toys import machine, music_task, run, shape, trained

N_UPDATES, N_EPOCHS, LR = 20, 4, 0.03
RELEASED = run(
    {"name": "gru", "kind": "gru", "reset": "before", "biases": "single"},
    hidden_size=6,
    init=InitSettings(scheme="orthogonal", scale=0.1, output_bias="zero"),
    optim=OptimSettings(
        name="rmsprop",
        lr=LR,
        momentum=0.9,
        alpha=0.95,
        eps=1e-2,
        eps_rule="max",
        clip_velocity=1.0,
        schedule="linear_by_epoch",
        final_fraction=0.01,
    ),
    train=TrainSettings(max_epochs=N_EPOCHS, batch_size=1, clip_norm=0.0, weight_noise=0.075, loss="sum"),
)
TASK = music_task(5, first_step="given")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss_and_gradients(weights, frames):
    """Return the loss of one sequence (T, O), summed over frames, and its gradient by backpropagation through time.

    As in datasets/music.py the inputs are all frames but the last, and the targets all but the first.
    """
    W, U, b, V, c = (weights[name] for name in ("layer0.W", "layer0.U", "layer0.b", "readout.W", "readout.b"))
    x, y = frames[:-1], frames[1:]
    H, T = U.shape[1], len(y)
    rows = {gate: slice(i * H, (i + 1) * H) for i, gate in enumerate("rzn")}
    h, gates = np.zeros((T + 1, H)), []
    for t in range(T):
        wx = W @ x[t] + b
        r, z = (sigmoid(wx[rows[gate]] + U[rows[gate]] @ h[t]) for gate in "rz")
        n = np.tanh(wx[rows["n"]] + U[rows["n"]] @ (r * h[t]))
        h[t + 1] = z * h[t] + (1 - z) * n
        gates.append((r, z, n))
    p = sigmoid(h[1:] @ V.T + c)
    loss = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
    grads = {name: np.zeros_like(value) for name, value in weights.items()}
    grads["readout.W"], grads["readout.b"] = (p - y).T @ h[1:], (p - y).sum(0)
    carried = np.zeros(H)
    for t in reversed(range(T)):
        r, z, n = gates[t]
        dh = carried + V.T @ (p[t] - y[t])
        d = {"z": dh * (h[t] - n) * z * (1 - z), "n": dh * (1 - z) * (1 - n**2)}
        d_reset = U[rows["n"]].T @ d["n"]
        d["r"] = d_reset * h[t] * r * (1 - r)
        carried = dh * z + d_reset * r + U[rows["r"]].T @ d["r"] + U[rows["z"]].T @ d["z"]
        for gate, seen in (("r", h[t]), ("z", h[t]), ("n", r * h[t])):
            grads["layer0.W"][rows[gate]] += np.outer(d[gate], x[t])
            grads["layer0.U"][rows[gate]] += np.outer(d[gate], seen)
            grads["layer0.b"][rows[gate]] += d[gate]
    return loss, grads


def trained_plainly(model, order):
    """Return the weights after one update for each sequence in `order`, by the released rules."""
    row = initial_row(model, RELEASED.init, seed=0, output_bias=TASK.output_bias(), dtype=torch.float64)[None]
    weights = {name: view[0].numpy().copy() for name, view in model.views(row).items()}
    square, velocity = ({name: np.zeros_like(value) for name, value in weights.items()} for _ in range(2))
    n_per_epoch = len(TASK.train.frames)
    step = (LR - LR * 0.01) / N_EPOCHS
    for update, sequence in enumerate(order):
        lr = LR - step * (update // n_per_epoch + 1)
        drawn = model.views(weight_noise([RELEASED], [update], model, row))
        noisy = {name: weights[name] + drawn[name][0].numpy() for name in weights}
        _, grads = loss_and_gradients(noisy, TASK.train.frames[sequence].numpy().astype(float))
        for name, grad in grads.items():
            square[name] = 0.95 * square[name] + 0.05 * grad**2
            velocity[name] = 0.9 * velocity[name] - lr * grad / np.maximum(np.sqrt(square[name]), 1e-2)
        norm = np.sqrt(sum((each**2).sum() for each in velocity.values()))
        for name in weights:
            weights[name] = weights[name] + velocity[name] / max(1, norm)
    return weights, norm


@pytest.mark.parametrize("is_joint", [False, True], ids=["alone", "joint"])
@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
def test_twenty_updates_are_those_of_the_released_code(kernel, is_joint):
    on = dataclasses.replace(machine(torch.float64), kernel=kernel, is_joint=is_joint)
    if is_joint and kernel.name == "fused":
        pytest.skip("computes each member alone")
    (member,) = trained([RELEASED], TASK, TASK.train, on)
    model, batches = shape(RELEASED, TASK), member.batches
    number = {id(frames): i for i, frames in enumerate(TASK.train.frames)}
    n = batches.n_per_epoch
    order = [number[id(batches.ragged(update // n, update % n).frames[0])] for update in range(N_UPDATES)]
    expected, norm = trained_plainly(model, order)
    assert member.n_updates == N_UPDATES
    assert norm > 1  # the velocity was clipped
    for name, view in model.views(member.row[None]).items():
        np.testing.assert_allclose(view[0].numpy(), expected[name], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
def test_with_noisy_validation_each_sequence_is_measured_with_a_draw_of_its_own(kernel):
    noisy = dataclasses.replace(RELEASED, train=dataclasses.replace(RELEASED.train, noisy_validation=True))
    on = dataclasses.replace(machine(torch.float64), kernel=kernel)
    validation = Sequences(TASK.train.frames[:3], "toy", n_given=1)
    (calm,), (member,) = (trained([each], TASK, validation, on) for each in (RELEASED, noisy))
    assert torch.equal(calm.row, member.row)
    model = shape(noisy, TASK)
    lengths = validation.lengths
    shortest_first = sorted(range(3), key=lambda i: lengths[i])
    total = 0.0
    for number, sequence in enumerate(shortest_first):
        drawn = weight_noise(
            [noisy], [N_UPDATES], model, member.row[None], keys=[key_of(noisy)], first_place=256 * number
        )
        weights = {name: view[0].numpy() for name, view in model.views(member.row[None] + drawn).items()}
        total += loss_and_gradients(weights, validation.frames[sequence].numpy().astype(float))[0]
    assert member.curve[-1].validation_nats == pytest.approx(total / sum(lengths), rel=1e-12)
    assert member.curve[-1].validation_nats != calm.curve[-1].validation_nats


def key_of(each):
    from bench.core.seeds import stream

    assert stream("validation_noise", seed=each.seed) != stream("weight_noise", seed=each.seed)
    return stream("validation_noise", seed=each.seed)


def test_a_text_is_measured_with_one_draw_for_all_its_windows(text):
    noisy = dataclasses.replace(run("gru", task="toy_text"), train=TrainSettings(max_epochs=1, batch_size=4, window=9))
    noisy = dataclasses.replace(noisy, train=dataclasses.replace(noisy.train, weight_noise=0.1, noisy_validation=True))
    found = [
        trained([noisy], text, text.train, dataclasses.replace(machine(torch.float64), kernel=kernel))[0]
        for kernel in FASTEST_FIRST
    ]
    nats = [member.curve[-1].validation_nats for member in found]
    assert nats == pytest.approx([nats[0]] * len(nats), rel=1e-10)
    plain = dataclasses.replace(noisy, train=dataclasses.replace(noisy.train, noisy_validation=False))
    (calm,) = trained([plain], text, text.train, dataclasses.replace(machine(torch.float64), kernel=Reference()))
    assert calm.curve[-1].validation_nats != nats[0]
