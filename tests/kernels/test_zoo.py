"""Every shipped cell in every kernel: the hardest in `bptt`, and among the long tests all, in `fused` too."""

from __future__ import annotations

import pytest
import torch

from bench.cells import cell_of, shipped
from bench.kernels import BPTT, Fused, SequenceKernel
from bench.kernels.fused import missing
from bench.kernels.fused.source import source_of
from bench.testing import kernels
from tests.training.test_loop import CELLS

HELD = {source_of(cell_of(node)) for node in CELLS}
OTHERS = [dict(node) for node in shipped().values() if source_of(cell_of(node)) not in HELD]
"""Those whose equations no other test of kernels has."""

HARDEST = ("fgr", "mut3", "slstm")
"""Thirteen products of four operands, three stages, and four states with the stabilised exponential gate."""


@pytest.mark.parametrize("check", kernels.SEQUENCE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "node",
    [pytest.param(node, marks=() if node["name"] in HARDEST else pytest.mark.long) for node in OTHERS],
    ids=lambda node: node["name"],
)
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
