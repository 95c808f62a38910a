"""Every cell in conf/cell, and every variant that the tests train, does what every cell must do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.testing import cells
from tests.training.test_loop import CELLS, UNBIASED

FOLDER = Path(__file__).parents[2] / "conf" / "cell"
SHIPPED = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))]


@pytest.mark.parametrize("check", cells.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("node", [*SHIPPED, *CELLS, *UNBIASED], ids=str)
def test_a_cell_keeps_the_contract(node, check):
    check(node)


def test_a_cell_is_checked_in_one_call():
    cells.check_cell({"name": "tanh", "kind": "tanh"})
