"""Packing: every Run once, the longest first, and Runs of about one length in turns."""

from __future__ import annotations

from bench.sweep.schedule import Load, interleaved_packs
from tests.report.fabricated import run


def plan(lengths, *, n_seeds=3, population=None):
    """Return the packs of Runs of some cells over some seeds, as (cell, seed) each; a cell's Runs are of one length."""
    runs = [run(name, seed) for name in lengths for seed in range(n_seeds)]
    loads = {made.key: Load({}, {}, lengths[made.cell_name], made.cell_name) for made in runs}
    return [[(made.cell_name, made.seed) for made in pack] for pack in interleaved_packs(runs, loads, population)]


def test_runs_of_about_one_length_take_turns_seed_by_seed():
    (order,) = zip(*plan({"gru": 3.0, "tanh": 2.0, "lstm": 4.0}), strict=True)
    assert order == tuple((name, seed) for seed in range(3) for name in ("lstm", "gru", "tanh"))


def test_runs_of_half_the_length_come_after_all_longer_ones():
    (order,) = zip(*plan({"gru": 3.0, "tanh": 1.0, "lstm": 6.1}), strict=True)
    assert order == tuple((name, seed) for name in ("lstm", "gru", "tanh") for seed in range(3))


def test_members_of_a_pack_are_of_one_shape_and_packs_take_turns():
    assert plan({"gru": 3.0, "lstm": 4.0}, n_seeds=4, population=2) == [
        [("lstm", 0), ("lstm", 1)],
        [("gru", 0), ("gru", 1)],
        [("lstm", 2), ("lstm", 3)],
        [("gru", 2), ("gru", 3)],
    ]


def test_runs_of_unknown_length_are_all_there():
    assert len(plan({"gru": 0.0, "lstm": 0.0, "tanh": 5.0})) == 9
