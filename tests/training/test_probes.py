"""Probes against mathematics: decays that are known, gates that rebuild the step, gradients that rebuild autograd's."""

from __future__ import annotations

import math

import pytest
import torch

from bench.cells import cell_of
from bench.kernels.reference import Reference
from bench.training.model import Shape, forward, zero_state
from bench.training.probes import (
    gate_values,
    gradient_by_lag,
    kept_share,
    memory_length,
    saturation,
    time_constants,
    unroll,
)
from tests.training.test_loop import UNBIASED

CELLS = [
    {"name": "tanh", "kind": "tanh"},
    {"name": "gru", "kind": "gru", "reset": "after"},
    {"name": "gru", "kind": "gru", "reset": "before"},
    {"name": "lstm", "kind": "lstm"},
    {"name": "lstm", "kind": "lstm", "peepholes": True},
]


def shape_of(node, num_layers=1, hidden_size=6, n_inputs=3):
    return Shape(cell_of(node), n_inputs, 2, 0, hidden_size, num_layers)


def random_row(shape, scale=0.5):
    row = torch.randn(shape.row_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return scale * row


def batch_of(shape, B=4, T=12):
    make = torch.Generator().manual_seed(1)
    inputs = torch.randn(B, T, shape.n_inputs, generator=make, dtype=torch.float64)
    targets = torch.randn(B, T, shape.n_outputs, generator=make, dtype=torch.float64)
    return inputs, targets, torch.ones(B, T, dtype=torch.bool)


def squared(logits, targets, mask):
    return ((logits - targets).square().sum(-1) * mask).sum((1, 2))


def set_weight(shape, row, name, value):
    shape.views(row.unsqueeze(0))[name][0] = value


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("node", [*CELLS, *UNBIASED], ids=str)
def test_an_unrolled_model_gives_the_logits_of_the_reference_kernel(node, num_layers):
    shape = shape_of(node, num_layers)
    row, (inputs, _, _) = random_row(shape), batch_of(shape)
    state = zero_state(shape, 1, len(inputs), row)
    logits, _ = forward(shape, shape.views(row.unsqueeze(0)), inputs.unsqueeze(0), state, Reference())
    torch.testing.assert_close(unroll(shape, row, inputs).logits, logits[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("node", CELLS[3:], ids=str)
def test_the_gates_of_an_lstm_rebuild_its_output(node):
    shape = shape_of(node)
    row, (inputs, _, _) = random_row(shape), batch_of(shape)
    run = unroll(shape, row, inputs)
    c = torch.stack([step[1].squeeze(0) for step in run.states[0]])  # (T, B, H)
    h = torch.stack([step[0].squeeze(0) for step in run.states[0]])
    torch.testing.assert_close(run.gates[0]["o"] * c.tanh(), h, rtol=1e-12, atol=1e-12)
    before = torch.cat([torch.zeros_like(c[:1]), c[:-1]])
    candidate = (c - run.gates[0]["f"] * before) / run.gates[0]["i"]
    assert candidate.abs().max() <= 1 + 1e-12


@pytest.mark.parametrize("node", CELLS[1:3], ids=str)
def test_the_update_gate_of_a_gru_rebuilds_its_output(node):
    shape = shape_of(node)
    row, (inputs, _, _) = random_row(shape), batch_of(shape)
    run = unroll(shape, row, inputs)
    h = torch.stack([step[0].squeeze(0) for step in run.states[0]])
    z = run.gates[0]["z"]
    before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])
    assert ((h - z * before) / (1 - z)).abs().max() <= 1 + 1e-12  # the candidate is a tanh


def test_a_closed_reset_gate_is_seen():
    shape = shape_of(CELLS[1])
    row = torch.zeros(shape.row_size, dtype=torch.float64)
    H = shape.hidden_size
    set_weight(shape, row, "layer0.b", torch.cat([torch.full((H,), -3.0), torch.zeros(2 * H)]))
    gates = unroll(shape, row, batch_of(shape)[0]).gates[0]
    torch.testing.assert_close(gates["r"], torch.full_like(gates["r"], 1 / (1 + math.e**3)))
    torch.testing.assert_close(gates["z"], torch.full_like(gates["z"], 0.5))


def test_the_gradient_of_a_linear_tanh_cell_decays_by_the_spectral_radius():
    shape, radius = shape_of(CELLS[0]), 0.8
    row = torch.zeros(shape.row_size, dtype=torch.float64)
    Q = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)).Q
    set_weight(shape, row, "layer0.U", radius * Q)
    set_weight(shape, row, "readout.W", torch.randn(2, 6, generator=torch.Generator().manual_seed(3)).double())
    inputs, targets, mask = batch_of(shape)
    norms = gradient_by_lag(shape, row, (torch.zeros_like(inputs), targets, mask), squared, max_lag=10)
    ratios = norms[:, 1:] / norms[:, :-1]  # at h = 0 the slope of tanh is 1, so each step multiplies by U
    torch.testing.assert_close(ratios, torch.full_like(ratios, radius), rtol=1e-12, atol=0)


def test_the_gradient_of_an_lstm_state_decays_by_its_forget_gate():
    shape, bias = shape_of(CELLS[3]), 2.0
    row, H = torch.zeros(shape.row_size, dtype=torch.float64), shape.hidden_size
    set_weight(shape, row, "layer0.b", torch.cat([torch.zeros(H), torch.full((H,), bias), torch.zeros(2 * H)]))
    set_weight(shape, row, "readout.W", torch.ones(2, 6))
    norms = gradient_by_lag(shape, row, batch_of(shape), squared, max_lag=8)
    ratios = norms[:, 1:] / norms[:, :-1]
    torch.testing.assert_close(ratios, torch.full_like(ratios, 1 / (1 + math.exp(-bias))), rtol=1e-12, atol=0)


@pytest.mark.parametrize("node", CELLS, ids=str)
def test_a_gradient_is_the_change_of_the_loss_that_a_pushed_state_makes(node):
    shape = shape_of(node)
    row, (inputs, targets, mask) = random_row(shape), batch_of(shape, B=1, T=4)
    (norms,) = gradient_by_lag(shape, row, (inputs, targets, mask), squared, max_lag=3, n_ends=1)
    params = {name.removeprefix("layer0."): w for name, w in shape.views(row.unsqueeze(0)).items() if "layer0" in name}
    wx = inputs[None] @ params["W"].mT + params["b"].unsqueeze(1)
    views = shape.views(row.unsqueeze(0))

    def loss(*first):  # the state after step 0 is free, steps 1 to 3 follow
        state = first
        for t in range(1, 4):
            state = shape.cell.step(state, wx[:, :, t], params)
        logits = state[0] @ views["readout.W"].mT + views["readout.b"]
        return (logits[0] - targets[:, 3]).square().sum()

    start = tuple(part.detach() for part in unroll(shape, row, inputs).states[0][0])
    grads = torch.autograd.functional.jacobian(loss, start)
    expected = torch.sqrt(sum(grad.square().sum() for grad in grads))
    torch.testing.assert_close(norms[2], expected, rtol=1e-10, atol=0)


def test_padding_is_left_out_of_the_gradients():
    shape = shape_of(CELLS[0])
    inputs, targets, mask = batch_of(shape)
    mask[0, 6:] = False
    norms = gradient_by_lag(shape, random_row(shape), (inputs, targets, mask), squared, max_lag=6, n_ends=2)
    assert norms.shape == (3 + 3, 6)


@pytest.mark.parametrize(("radius", "share"), [(0.5, 0.01), (0.9, 0.01), (0.9, 0.5)])
def test_the_memory_of_a_geometric_decay_is_known(radius, share):
    norms = radius ** torch.arange(100, dtype=torch.float64).expand(3, 100)
    assert memory_length(norms, share=share) == math.floor(math.log(share) / math.log(radius)) + 2
    assert memory_length(torch.ones(3, 100)) == math.inf


@pytest.mark.parametrize("bias", [-1.0, 0.0, 3.0])
@pytest.mark.parametrize("node", [CELLS[1], CELLS[3]], ids=str)
def test_a_constant_gate_has_the_time_constant_of_its_bias(node, bias):
    shape = shape_of(node)
    row, H = torch.zeros(shape.row_size, dtype=torch.float64), shape.hidden_size
    keeper = {"gru": "z", "lstm": "f"}[shape.cell.kind]
    blocks = [torch.full((H,), bias) if gate == keeper else torch.zeros(H) for gate in shape.cell.gates]
    set_weight(shape, row, "layer0.b", torch.cat(blocks))
    inputs, _, mask = batch_of(shape)
    gate, kept = kept_share(shape.cell, unroll(shape, row, inputs).gates[0])
    assert gate == keeper
    found = time_constants(kept, mask)
    torch.testing.assert_close(found, torch.full((H,), -1 / math.log(1 / (1 + math.exp(-bias))), dtype=torch.float64))


def test_a_histogram_counts_real_steps_alone():
    gate = torch.tensor([0.05, 0.5, 0.95, 0.95], dtype=torch.float64).view(4, 1, 1)
    mask = torch.tensor([[True, True, True, False]])
    shares, closed, opened = saturation(gate, mask, n_bins=10)
    assert shares.tolist() == pytest.approx([1 / 3, 0, 0, 0, 0, 1 / 3, 0, 0, 0, 1 / 3])
    assert (closed.item(), opened.item()) == pytest.approx((1 / 3, 1 / 3))


def test_a_cell_without_gates_has_none():
    shape = shape_of(CELLS[0])
    assert unroll(shape, random_row(shape), batch_of(shape)[0]).gates == ({},)
    assert kept_share(shape.cell, {}) is None
    assert gate_values(shape.cell, (), torch.zeros(1, 1, 6), {}) == {}
