"""Operations of one unit and step, counted by hand."""

from __future__ import annotations

from collections import Counter

import torch

from bench.cells import cell_of, shipped_cell
from bench.cells.operations import operations

SINGLE = {"name": "mine", "title": "Mine", "source": "none", "states": ["h"]}


def test_tanh_takes_one_addition_and_one_tanh_and_goes_back_through_one_minus_its_square():
    counted = operations(shipped_cell("tanh"))
    assert counted.forward == Counter(additions=1, tanh=1)
    assert counted.backward == Counter(multiplications=2, additions=1)


def test_the_lstm_takes_what_its_equations_write():
    assert operations(shipped_cell("lstm")).forward == Counter(multiplications=3, additions=5, sigmoid=3, tanh=2)


def test_a_division_and_a_kink_are_counted_and_a_negation_is_not():
    counted = operations(cell_of({**SINGLE, "equations": "h = max(-h, x.h) / 2"}))
    assert counted.forward == Counter({"max": 1, "divisions": 1})
    assert counted.backward["above"] == 2


def test_a_number_may_stand_on_either_side_of_max_and_min():
    node = {**SINGLE, "equations": "h = max(0, x.h) + max(x.g, 0.5) + min(1, h) + min(x.i, -1)"}
    state, wx = torch.tensor([[[2.0]]]), torch.tensor([[[-3.0, 0.25, 4.0]]])
    (h,) = cell_of(node).step((state,), wx, {})
    assert h.item() == 0 + 0.5 + 1 - 1
