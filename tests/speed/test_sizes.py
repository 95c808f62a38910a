"""Times over hidden sizes: which sizes, cells paired within a round, and the largest jump between neighbours."""

from __future__ import annotations

import dataclasses

import pytest

from bench.core.errors import UsageError
from bench.speed.measurement import Plan
from bench.speed.sizes import as_text, jump_rows, measure_sizes, size_rows, sizes_of
from bench.speed.tables import Timing
from tests.speed.tiny import GRU, LSTM, MUSIC

SECONDS = {
    (GRU, 5): (1.0, 2.0, 4.0),
    (LSTM, 5): (2.0, 2.0, 2.0),
    (GRU, 6): (1.0, 2.0, 4.0),
    (LSTM, 6): (4.0, 4.0, 4.0),
    (GRU, 8): (1.5, 3.0, 4.0),
    (LSTM, 8): (4.0, 5.0, 5.0),
}


def timings():
    return [
        Timing(dataclasses.replace(MUSIC, hidden_size=size), cell, "ours", seconds)
        for (cell, size), seconds in SECONDS.items()
    ]


@pytest.mark.parametrize(
    ("text", "sizes"), [("30-33", (30, 31, 32, 33)), ("48,30,32", (30, 32, 48)), ("7,3-4,4", (3, 4, 7))]
)
def test_sizes_are_a_range_a_list_or_both(text, sizes):
    assert sizes_of(text) == sizes


@pytest.mark.parametrize("text", ["", "0-3", "8-4", "3-", "a", "1-5000", "1-300"])
def test_other_sizes_are_one_message(text):
    with pytest.raises(UsageError, match="--units must be"):
        sizes_of(text)


def test_a_row_divides_by_the_lstm_of_its_own_size_in_each_round():
    found = {(row["cell"], row["hidden_size"]): row for row in size_rows(timings())}
    assert (found["gru", 5]["time_over_lstm"], found["gru", 5]["iqr"]) == (1.0, [0.75, 1.5])
    assert found["gru", 6]["time_over_lstm"] == 0.5
    assert found["lstm", 6]["time_over_lstm"] == 1.0
    assert found["gru", 8]["ms_per_step"] == 3000.0
    assert all(row["time_over_lstm"] is None for row in size_rows([each for each in timings() if each.cell == GRU]))


def test_the_largest_jump_is_between_neighbours_of_the_list():
    found = {(row["cell"], row["of"]): row for row in jump_rows(timings())}
    assert set(found) == {("gru", "time"), ("lstm", "time"), ("gru", "time_over_lstm")}
    assert (found["lstm", "time"]["sizes"], found["lstm", "time"]["change"]) == ([5, 6], 2.0)
    assert (found["gru", "time"]["sizes"], found["gru", "time"]["change"]) == ([6, 8], 1.5)
    assert (found["gru", "time_over_lstm"]["sizes"], found["gru", "time_over_lstm"]["change"]) == ([5, 6], 0.5)


def test_each_size_is_timed_with_each_cell_in_the_kernels_asked_for():
    plan = Plan((MUSIC,), (GRU, LSTM), ("bptt",), rounds=2, turn_seconds=0.0)
    measured = measure_sizes(plan, (5, 6))
    assert [(row["hidden_size"], row["cell"]) for row in measured.rows] == [
        (size, cell) for size in (5, 6) for cell in ("gru", "lstm")
    ]
    assert {row["kernel"] for row in measured.rows} == {"bptt"}
    page = as_text(measured)
    assert "tiny_music, K = 2, kernel bptt: ms per step" in page
    assert "gru/lstm" in page
    assert "largest jump of gru/lstm: x " in page
