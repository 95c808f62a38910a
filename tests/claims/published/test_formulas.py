"""Which formula makes our scores those in print: the one by which made-up scores were made is found."""

from __future__ import annotations

import numpy as np
import pytest

from tests.programs.figures.formulas import FORMULAS, Sums, chosen, distance, printed, report

SETS = ("jsb_chorales", "musedata", "nottingham", "piano_midi")


def made_up(formula: str) -> dict:
    """Return sums of which one formula gives exactly the numbers of table 2."""
    found = {}
    for number, (place, score) in enumerate(printed().items()):
        draw = np.random.default_rng(number)
        steps = draw.integers(20, 200, 150)
        sums = Sums(steps * draw.lognormal(2, 0.4, 150), steps, 9.0 + number, 90.0)
        scale = score / FORMULAS[formula](sums)
        found[place] = Sums(sums.nats * scale, steps, sums.with_noise * scale, 90.0)
    return found


def test_table_2_has_24_numbers_on_music():
    assert {place[0] for place in printed()} == set(SETS)
    assert len(printed()) == 24


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_formula_that_made_the_numbers_is_chosen_without_the_set_it_is_judged_on(formula):
    found = made_up(formula)
    assert distance(formula, found, SETS) == pytest.approx((0, 0), abs=1e-9)
    for left_out in SETS:
        assert chosen(found, [each for each in SETS if each != left_out]) == formula
    rows = [
        line for line in report(found).splitlines() if line.startswith(tuple(f"| {name} | {formula}" for name in SETS))
    ]
    assert len(rows) == len(SETS)
    assert all("| 0.00 | 0.00 |" in row for row in rows)


def test_silence_that_counts_as_steps_makes_a_loss_smaller():
    of = Sums(np.array([10.0, 20.0]), np.array([2, 4]), 5.0, 3.0)
    assert [FORMULAS[name](of) for name in ("mean over steps (ours)", "padded to the longest")] == [5.0, 3.75]
