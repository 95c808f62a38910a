"""What a table of times may say: paired ratios for one cell, and cells beside each other within one kernel only."""

from __future__ import annotations

import dataclasses
import os

import pytest
import torch

from bench.cells import shipped_cell
from bench.core.errors import UsageError
from bench.speed.tables import Timing, as_text, cell_rows, rows, time_ratio
from bench.speed.timing import Spread, interleaved, one_core, paired, spread
from tests.speed.tiny import GRU, LSTM, MUSIC, TEXT

TIMES = {
    (GRU, "ours"): (1.0, 2.0, 4.0),
    (GRU, "torch.nn"): (3.0, 8.0, 8.0),
    (LSTM, "ours"): (2.0, 2.0, 2.0),
    (LSTM, "torch.nn"): (1.0, 1.0, 1.0),
    (LSTM, "jax"): (4.0, 1.0, 4.0),
}


def timings():
    return [Timing(MUSIC, cell, kernel, seconds) for (cell, kernel), seconds in TIMES.items()]


def by_name(table):
    return {(row["cell"], row["kernel"]): row for row in table}


def test_a_ratio_is_the_median_over_rounds_and_not_the_ratio_of_medians():
    assert paired((3.0, 8.0, 8.0), (1.0, 2.0, 4.0)) == Spread(3.0, 2.5, 3.5)
    assert spread([5.0]) == Spread(5.0, 5.0, 5.0)


def test_a_row_compares_a_kernel_with_each_peer_on_its_own_cell():
    found = by_name(rows(timings(), ceiling=1e6))
    gru = found["gru", "ours"]
    assert (gru["ms_per_step"], gru["ms_iqr"]) == (2000.0, [1500.0, 3000.0])
    assert (gru["ratio_to_torch_nn"], gru["ratio_iqr"], gru["ratio_to_jax"]) == (3.0, [2.5, 3.5], None)
    assert gru["member_steps_per_second"] == 1.0
    assert gru["share_of_ceiling"] == 2 * MUSIC.flops(GRU) / 2.0 / 1e6
    assert found["lstm", "ours"]["ratio_to_jax"] == 2.0
    assert found["gru", "torch.nn"]["ratio_to_torch_nn"] == 1.0


def test_cells_stand_beside_the_lstm_within_a_kernel_of_ours_only():
    gru, lstm = cell_rows(timings())
    assert (gru["kernel"], gru["cell"], gru["time_over_lstm"], gru["iqr"]) == ("ours", "gru", 1.0, [0.75, 1.5])
    # of 88 inputs, 5 units and 88 outputs: two passes over the inputs, three over units and readout
    assert gru["operations_over_lstm"] == (3 * (2 * 88 + 3 * 5) + 3 * 88) / (4 * (2 * 88 + 3 * 5) + 3 * 88)
    assert (lstm["cell"], lstm["time_over_lstm"], lstm["operations_over_lstm"]) == ("lstm", 1.0, 1.0)
    assert cell_rows([each for each in timings() if each.cell != LSTM]) == []


def test_a_cell_that_a_peer_does_not_have_has_no_ratio_to_it():
    table = rows([Timing(MUSIC, shipped_cell("mgu"), "ours", (1.0, 2.0))], ceiling=1e6)
    assert (table[0]["ratio_to_torch_nn"], table[0]["ratio_to_jax"]) == (None, None)
    header = {"cpu": "", "threads": 1, "torch": "", "jax": None, "clock": "wall", "rounds": 2, "load": 0.0}
    header |= dict.fromkeys(("ceiling_gflops", "sgemm_gflops", "onednn_gflops"), 1.0)
    line = next(line for line in as_text(header, table, []).splitlines() if "mgu" in line)
    assert line.split()[-4:-1] == ["-", "-", "-"]


def test_ranking_cells_across_kernels_is_refused():
    gru, torch_gru, lstm, torch_lstm, _ = timings()
    with pytest.raises(UsageError, match=r"`ours` and `torch\.nn` are different kernels; cells are not ranked"):
        time_ratio(gru, torch_lstm)
    with pytest.raises(UsageError, match=r"`torch\.nn` may run each cell in a kernel of another class"):
        time_ratio(torch_gru, torch_lstm)
    with pytest.raises(UsageError, match="`tiny_music` and `tiny_text` are different workloads"):
        time_ratio(gru, dataclasses.replace(lstm, workload=TEXT))


def test_contenders_take_turns():
    order = []
    steps = [lambda: order.append("A"), lambda: order.append("B")]
    turns = []
    seconds = interleaved(steps, rounds=3, clock="wall", turn_seconds=0.0, watch=lambda: turns.append(len(order)))
    assert "".join(order) == "AA" + "BB" + "ABABAB"
    assert [len(found) for found in seconds] == [3, 3]
    assert len(turns) == 6


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin a process")
def test_the_core_and_the_threads_are_given_back():
    before = os.sched_getaffinity(0), torch.get_num_threads()
    with one_core() as core:
        assert os.sched_getaffinity(0) == {core}
        assert torch.get_num_threads() == 1
    assert (os.sched_getaffinity(0), torch.get_num_threads()) == before
