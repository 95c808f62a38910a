"""The peers do the same work as ours: from the same weights, the same losses over several clipped Adam steps."""

from __future__ import annotations

import pytest
import torch

from bench.kernels import FASTEST_FIRST, Reference, supports
from bench.speed.contenders import batch_of, fresh_members, machine
from bench.speed.peers import TorchPeer
from bench.speed.workloads import cell_named
from bench.training.loop import update
from tests.speed.tiny import every_cell, every_workload

STEPS = 4

FLOAT64 = 1e-12
FLOAT32 = 3e-6
"""Losses near 60 nats a frame and 2.4 a token are sums in another order: at most fifty float32 roundings (6e-8)."""


def our_losses(workload, cell, place):
    """Return each step's losses of all members, and the members after it."""
    members = fresh_members(workload, cell, place)
    task, shape = workload.task(), workload.shape(cell_named(cell))
    losses = []
    for _ in range(STEPS):
        for member in members:
            member.recent_nats, member.recent_units = 0.0, 0
            update([member], shape, task, place)
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
    if not supports(kernel, cell_named(cell), torch.device("cpu"), dtype):
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
    peer, shape = torch_peer(workload, cell, torch.float64), workload.shape(cell_named(cell))
    for _ in range(STEPS):
        peer.step()
    for member, model in zip(members, peer.models, strict=True):
        ours = shape.views(member.row[None])
        for name, parameter in model.by_our_names(shape).items():
            torch.testing.assert_close(parameter.detach(), ours[name][0], rtol=FLOAT64, atol=FLOAT64)


@every_workload
@every_cell
@pytest.mark.parametrize("members", [1, 2])
def test_jax_has_our_losses(workload, cell, members):
    pytest.importorskip("jax", reason="jax is an optional peer")
    import dataclasses

    from bench.speed.jax_peer import JaxPeer

    workload = dataclasses.replace(workload, members=members)
    expected, _ = our_losses(workload, cell, machine(Reference()))
    fresh = fresh_members(workload, cell, machine(Reference()))
    peer = JaxPeer(workload, cell, [member.row for member in fresh], batch_of(fresh[0]))
    found = [peer.losses() for _ in range(STEPS)]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=FLOAT32, atol=0.0)
