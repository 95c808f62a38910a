"""Turns: runs of two sides made one by one in turns, or one side after the other."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.results.frames import are_interleaved


def starts(*minutes: int) -> pd.DataFrame:
    return pd.DataFrame({"started": [f"2030-01-01T00:{minute:02d}:00+00:00" for minute in minutes]})


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([starts(0, 2, 4), starts(1, 3, 5)], True),
        ([starts(0, 0, 0), starts(0, 0, 0)], True),
        ([starts(0, 3, 6), starts(1, 4, 7), starts(2, 5, 8)], True),
        ([starts(0, 1, 2), starts(3, 4, 5)], False),
        ([starts(0, 1, 2, 3), starts(3, 4, 5, 6)], False),
        ([starts(0, 3, 6), starts(1, 4, 7), starts(8, 9, 10)], False),
        ([starts(0, 9), starts(3, 4, 5)], False),
    ],
    ids=["in turns", "at once", "three", "one after the other", "overlapping ends", "two of three", "around the other"],
)
def test_sides_take_turns_when_each_ran_while_the_others_did(sides, expected):
    assert are_interleaved(sides) is expected


def test_a_start_that_is_no_time_is_no_turn():
    assert not are_interleaved([pd.DataFrame({"started": ["once", ""]}), starts(0, 1)])
