"""Every kernel does what every kernel must do, for every cell that it states."""

from __future__ import annotations

import zlib

import pytest
import torch

from bench.cells import cell_of
from bench.kernels import FASTEST_FIRST, SEQUENCE_KERNELS, Fused, Reference, supports
from bench.testing import kernels
from bench.training.batches import training_batches
from bench.training.gradients import gradients
from bench.training.model import NO_DROPOUT, zero_state
from tests.kernels.stepwise import fused_gradients
from tests.toys import music_task, run, shape, text_task
from tests.training.test_loop import CELLS, UNBIASED

SINGLE = [{**node, "biases": "single"} for node in CELLS]


@pytest.fixture(params=[*CELLS, *SINGLE, *UNBIASED], ids=str)
def node(request):
    return request.param


def leave_out(kernel, node):
    """Leave out the cells that a kernel says it does not have."""
    if not supports(kernel, cell_of(node), torch.device("cpu"), torch.float64):
        pytest.skip(f"{kernel.name} does not have {node['name']}")


@pytest.mark.parametrize("check", kernels.SEQUENCE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kernel", SEQUENCE_KERNELS, ids=lambda kernel: kernel.name)
def test_a_sequence_kernel_keeps_the_contract(kernel, node, check):
    leave_out(kernel, node)
    check(kernel, cell_of(node))


@pytest.mark.parametrize("kernel", FASTEST_FIRST[:-1], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("trained", [*CELLS, *UNBIASED], ids=str)
def test_training_with_a_kernel_ends_where_the_reference_does(kernel, trained):
    leave_out(kernel, trained)
    kernels.check_training(kernel, trained)


@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("trained", [*CELLS, *UNBIASED], ids=str)
def test_a_member_among_others_has_the_bits_it_has_alone(kernel, trained):
    leave_out(kernel, trained)
    kernels.check_members_alone(kernel, trained)


def found_by(kernel, node, task, weights):
    """Return the loss in nats and the gradient of every weight, of two layers at given weights, the others zero."""
    shape_ = shape(run(node, task=task.spec.name, num_layers=2), task)
    rows = torch.zeros(1, shape_.row_size, dtype=torch.float64)
    for name, view in shape_.views(rows).items():
        view[0] = weights(name, view.shape[1:])
    batch = training_batches(task, seed=0, batch_size=4, window=9, dtype=torch.float64).batch(0, 0)
    state = zero_state(shape_, 1, batch.mask.shape[1], rows)
    if isinstance(kernel, Fused):
        nats, grads = fused_gradients(rows, shape_, task.head, batch, state)
    else:
        seen, divisor = (batch.inputs, batch.targets, batch.mask), torch.tensor(batch.n_units)
        nats, _, grads = gradients(
            rows, shape_, task=task, seen=seen, divisor=divisor, state=state, kernel=kernel, drop=NO_DROPOUT
        )
    return {"nats": nats, **shape_.views(grads)}


@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
@pytest.mark.parametrize("node", UNBIASED, ids=str)
def test_without_biases_loss_and_gradients_are_those_of_the_reference_at_biases_of_zero(kernel, task, node):
    leave_out(kernel, node)

    def weights(name, size):
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        is_bias = name.startswith("layer") and name.endswith(".b")
        return torch.zeros(size) if is_bias else 0.3 * torch.randn(size, generator=generator, dtype=torch.float64)

    found = found_by(kernel, node, task, weights)
    expected = found_by(Reference(), {**node, "biases": "single"}, task, weights)
    assert set(expected) - set(found) == {"layer0.b", "layer1.b"}
    for name, each in found.items():
        assert each.abs().max() > 0
        torch.testing.assert_close(each, expected[name], rtol=1e-12, atol=1e-12)


def test_no_check_of_training_is_left_out():
    assert set(kernels.TRAINING_CHECKS) == {kernels.check_training, kernels.check_members_alone}
