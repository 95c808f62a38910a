"""What every kernel must do, for every cell it supports."""

from __future__ import annotations

import pytest
import torch

from bench.cells import cell_of
from bench.kernels import SEQUENCE_KERNELS, choose, supports
from bench.kernels.reference import Reference
from tests.training.test_loop import CELLS

K, B, T, N_INPUTS, H = 3, 4, 9, 5, 6


def inputs(cell):
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    params = {name: draw(K, *weight.shape) for name, weight in cell.weights(N_INPUTS, H).items()}
    return draw(K, B, T, N_INPUTS), tuple(draw(K, B, H) for _ in cell.states), params


@pytest.fixture(params=SEQUENCE_KERNELS, ids=lambda kernel: kernel.name)
def kernel(request):
    return request.param


@pytest.fixture(params=CELLS, ids=str)
def cell(request):
    return cell_of(request.param)


@pytest.fixture(autouse=True)
def _supported(request):
    """Leave out the cells that a kernel says it does not have."""
    if {"kernel", "cell"} <= set(request.fixturenames):
        kernel, cell = request.getfixturevalue("kernel"), request.getfixturevalue("cell")
        if not supports(kernel, cell, torch.device("cpu"), torch.float64):
            pytest.skip(f"{kernel.name} does not have {cell.name}")


def test_it_agrees_with_the_equations_applied_step_by_step(kernel, cell):
    x, state, params = inputs(cell)
    outputs, last = kernel.run(cell, x, state, params)
    for t in range(T):
        wx = x[:, :, t] @ params["W"].mT + params["b"].unsqueeze(1)
        state = cell.step(state, wx, params)
        torch.testing.assert_close(outputs[:, :, t], state[0], rtol=1e-12, atol=1e-12)
    for found, expected in zip(last, state, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_sequence_cut_in_two_with_the_state_carried_gives_the_same(kernel, cell):
    x, state, params = inputs(cell)
    whole, last = kernel.run(cell, x, state, params)
    first, middle = kernel.run(cell, x[:, :, :4], state, params)
    second, end = kernel.run(cell, x[:, :, 4:], middle, params)
    torch.testing.assert_close(torch.cat([first, second], 2), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end, last, rtol=1e-12, atol=1e-12)


def test_what_follows_a_step_does_not_change_it(kernel, cell):
    x, state, params = inputs(cell)
    other = x.clone()
    other[:, :, 5:] = 7.0
    left, right = (kernel.run(cell, each, state, params)[0][:, :, :5] for each in (x, other))
    assert torch.equal(left, right)


def test_gradients_reach_every_weight_the_input_and_the_initial_state(kernel, cell):
    x, state, params = inputs(cell)
    leaves = [x, *state, *params.values()]
    for leaf in leaves:
        leaf.requires_grad_()
    outputs, last = kernel.run(cell, x, state, params)
    (outputs.square().sum() + sum(part.square().sum() for part in last)).backward()
    assert all(leaf.grad is not None and leaf.grad.abs().max() > 0 for leaf in leaves)


def test_its_gradients_are_those_of_finite_differences(kernel, cell):
    x, state, params = inputs(cell)
    x, state = x[:1, :2, :3], tuple(part[:1, :2] for part in state)
    params = {name: weight[:1] for name, weight in params.items()}
    names = list(params)

    def run(x, *weights):
        outputs, last = kernel.run(cell, x, state, dict(zip(names, weights, strict=True)))
        return outputs, *last

    leaves = [tensor.clone().requires_grad_() for tensor in (x, *params.values())]
    assert torch.autograd.gradcheck(run, leaves)


def test_auto_chooses_a_kernel_that_supports_the_cell(cell):
    chosen = choose("auto", cell, torch.device("cpu"), torch.float32)
    assert supports(chosen, cell, torch.device("cpu"), torch.float32)
    assert choose("reference", cell, torch.device("cpu"), torch.float32).name == Reference().name
