"""Workloads small enough to take a step of in a millisecond or two."""

from __future__ import annotations

import pytest

from bench.cells import shipped_cell
from bench.speed.workloads import CELLS, Workload

MUSIC = Workload("tiny_music", 2, 5, 3, 6)
TEXT = Workload("tiny_text", 2, 5, 3, 6, num_layers=2, vocabulary=11, embedding_size=4)

every_workload = pytest.mark.parametrize("workload", [MUSIC, TEXT], ids=lambda workload: workload.name)
GRU, LSTM, TANH = (shipped_cell(name) for name in CELLS)

every_cell = pytest.mark.parametrize("cell", [GRU, LSTM, TANH], ids=lambda cell: cell.name)
