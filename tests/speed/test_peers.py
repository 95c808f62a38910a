"""The peers do the same work as ours: from the same weights, the same losses over several clipped Adam steps."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from bench.cells import cell_of, shipped, shipped_cell
from bench.kernels import FASTEST_FIRST, Reference, supports
from bench.speed.contenders import batch_of, fresh_members, machine
from bench.speed.peers import TorchPeer, layers_of
from bench.training.loop import Alone
from tests.speed.tiny import GRU, LSTM, MUSIC, TANH, TEXT, every_cell, every_workload
from tests.training.test_loop import UNBIASED

STEPS = 4

FLOAT64 = 1e-12
FLOAT32 = 3e-6
"""Losses near 60 nats a frame and 2.4 a token are sums in another order: at most fifty float32 roundings (6e-8)."""


def our_losses(workload, cell, place):
    """Return each step's losses of all members, and the members after it."""
    members = fresh_members(workload, cell, place)
    task, shape = workload.task(), workload.shape(cell)
    schedule = Alone(members, shape, task, place)
    losses = []
    for _ in range(STEPS):
        for member in members:
            member.recent_nats, member.recent_units = 0.0, 0
        list(schedule.advance(most=1))
        losses.append([member.recent_nats / member.recent_units for member in members])
    return losses, members


def torch_peer(workload, cell, dtype):
    members = fresh_members(workload, cell, machine(Reference(), dtype))
    return TorchPeer(workload, cell, [member.row for member in members], batch_of(members[0]))


@every_workload
@every_cell
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, FLOAT64), (torch.float32, FLOAT32)], ids=str)
@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
def test_torch_nn_has_the_losses_of_every_kernel(workload, cell, dtype, tolerance, kernel):
    if not supports(kernel, cell, torch.device("cpu"), dtype):
        pytest.skip("the kernel does not run this cell")
    expected, _ = our_losses(workload, cell, machine(kernel, dtype))
    peer = torch_peer(workload, cell, dtype)
    found = [peer.losses() for _ in range(STEPS)]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=tolerance, atol=0.0)
    assert expected[-1] != expected[0]


@every_workload
@every_cell
def test_torch_nn_ends_at_our_weights(workload, cell):
    _, members = our_losses(workload, cell, machine(Reference(), torch.float64))
    peer, shape = torch_peer(workload, cell, torch.float64), workload.shape(cell)
    for _ in range(STEPS):
        peer.step()
    for member, model in zip(members, peer.models, strict=True):
        ours = shape.views(member.row[None])
        for name, parameter in model.by_our_names(shape).items():
            torch.testing.assert_close(parameter.detach(), ours[name][0], rtol=FLOAT64, atol=FLOAT64)


@pytest.mark.parametrize("biases", ["double", "single", "none"])
def test_torch_nn_has_a_cell_by_its_equations_and_biases_whatever_its_name(biases):
    node = {**shipped()["gru"], "name": "mine", "kind": "mine", "biases": biases}
    assert layers_of(cell_of(node)) is (nn.GRU if biases == "double" else None)
    assert layers_of(cell_of({**node, "reset": "before"})) is None
    # the same numbers from rows of U in another order
    moved = {key: value for key, value in node.items() if key not in ("reset", "chrono", "fields", "start")}
    moved["equations"] = "b = U.z(h)\na = U.r(h)\nr = sigmoid(x.r + a)\n"
    moved["equations"] += "z = sigmoid(x.z + b)\nn = tanh(x.n + r * U.n(h))\nh = n + z * (h - n)\n"
    assert layers_of(cell_of(moved)) is None


def test_torch_nn_has_these_shipped_cells():
    found = {name: layers_of(shipped_cell(name)) for name in shipped()}
    assert {name: layers for name, layers in found.items() if layers} == {
        "gru": nn.GRU,
        "lstm": nn.LSTM,
        "lstm_b": nn.LSTM,
        "tanh": nn.RNN,
    }


def test_torch_nn_has_the_losses_of_a_rectified_network_with_two_biases():
    cell = shipped_cell("relu", biases="double")
    expected, _ = our_losses(MUSIC, cell, machine(Reference(), torch.float64))
    peer = torch_peer(MUSIC, cell, torch.float64)
    found = [peer.losses() for _ in range(STEPS)]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=FLOAT64, atol=0.0)


ODD = {
    "name": "odd",
    "title": "odd",
    "source": "this test",
    "states": ["h", "c"],
    "equations": "a = log(1.5 + abs(x.a + U.a(c)))\nb = softplus(min(x.b, U.b(tanh(a))) + p.b * c)\n"
    "c = 0.5 * c + max(x.c, U.c(a * h))\nh = relu(b) * exp(0 - b) + p.o\n",
}
"""Every function, two stages, a product of a value, a state of an own vector alone."""


@pytest.mark.parametrize(
    ("workload", "cell", "members"),
    [
        *((workload, cell, members) for workload in (MUSIC, TEXT) for cell in (GRU, LSTM, TANH) for members in (1, 2)),
        *((MUSIC, shipped_cell(name), 1) for name in ("mgu", "mut3", "fgr", "slstm", "sru")),
        (MUSIC, cell_of(ODD), 1),
        *((TEXT, cell_of(node), 2) for node in UNBIASED),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_jax_has_our_losses(workload, cell, members):
    pytest.importorskip("jax", reason="jax is an optional peer")
    from bench.speed.jax_peer import JaxPeer

    workload = dataclasses.replace(workload, members=members)
    expected, _ = our_losses(workload, cell, machine(Reference()))
    fresh = fresh_members(workload, cell, machine(Reference()))
    peer = JaxPeer(workload, cell, [member.row for member in fresh], batch_of(fresh[0]))
    found = [peer.losses() for _ in range(STEPS)]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=FLOAT32, atol=0.0)
