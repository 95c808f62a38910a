"""Every kernel does what every kernel must do, for every cell that it states."""

from __future__ import annotations

import pytest
import torch

from bench.cells import cell_of
from bench.kernels import FASTEST_FIRST, SEQUENCE_KERNELS, supports
from bench.testing import kernels
from tests.training.test_loop import CELLS

SINGLE = [{**node, "biases": "single"} for node in CELLS]


@pytest.fixture(params=[*CELLS, *SINGLE], ids=str)
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
@pytest.mark.parametrize("trained", CELLS, ids=str)
def test_training_with_a_kernel_ends_where_the_reference_does(kernel, trained):
    leave_out(kernel, trained)
    kernels.check_training(kernel, trained)


@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("trained", CELLS, ids=str)
def test_a_member_among_others_has_the_bits_it_has_alone(kernel, trained):
    leave_out(kernel, trained)
    kernels.check_members_alone(kernel, trained)


def test_no_check_of_training_is_left_out():
    assert set(kernels.TRAINING_CHECKS) == {kernels.check_training, kernels.check_members_alone}
