"""Every shipped cell in `bptt`, and among the long tests in `fused`, whose libraries take time to build."""

from __future__ import annotations

import pytest
import torch

from bench.cells import cell_of, shipped
from bench.kernels import BPTT, Fused, SequenceKernel
from bench.kernels.fused import missing
from bench.testing import kernels
from tests.training.test_loop import CELLS

TRAINED = {(node["kind"], str(node.get("peepholes", False)), node.get("reset", "after")) for node in CELLS}
NODES = [dict(node) for node in shipped().values()]
OTHERS = [
    node
    for node in NODES
    if (node["kind"], str(node.get("peepholes", False)), node.get("reset", "after")) not in TRAINED
]
"""Those whose equations no other test of kernels has."""


@pytest.mark.parametrize("check", kernels.SEQUENCE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("node", OTHERS, ids=lambda node: node["name"])
def test_the_derived_kernel_keeps_the_contract(node, check):
    kernel: SequenceKernel = BPTT()
    check(kernel, cell_of(node))


@pytest.mark.long
@pytest.mark.parametrize("node", OTHERS, ids=lambda node: node["name"])
def test_training_with_the_derived_kernel_ends_where_the_reference_does(node):
    kernels.check_training(BPTT(), node)
    kernels.check_members_alone(BPTT(), node)


@pytest.mark.long
@pytest.mark.parametrize("node", OTHERS, ids=lambda node: node["name"])
def test_the_compiled_kernel_keeps_the_contract(node):
    """In float64 alone: a library in float32 differs in the type of its numbers, and is checked where it is built."""
    assert not missing(cell_of(node), torch.float64)
    kernels.check_training(Fused(), node)
    kernels.check_members_alone(Fused(), node, dtype=torch.float64)
