"""The answer says no more than the runs do."""

from __future__ import annotations

import pytest

from bench.claims.evaluate import card_maker
from bench.core.settings import SizeSettings
from bench.report.sections.answer import answers
from bench.results.frames import curves_frame, runs_frame
from bench.results.labels import cell_styles
from bench.results.summary import summary
from tests.report.fabricated import failure, record, run, scores, sweep, task


def answer(records) -> str:
    runs = runs_frame(records)
    table = summary(runs)
    (found,) = answers(table, cell_styles(runs["cell"]), card_maker(runs, curves_frame(records), table).cards)
    return " ".join(found.sentences)


def test_it_names_size_metric_means_and_n():
    text = answer(sweep(3))
    assert text.startswith(
        "At about 19,000 recurrent parameters, the mean test NLL (nats per frame) over n = 3 seeds is"
    )
    assert "8.557 [8.519, 8.579] for GRU" in text
    assert "lower is better" in text


def test_five_seeds_are_too_few_to_name_a_winner():
    text = answer(sweep(5))
    assert "share 5 seeds: too few for a comparison, which needs at least 6 paired seeds" in text
    assert "GRU better" not in text


def apart(records, by):
    """The same runs with the LSTM's score moved."""
    return [
        record(made.run, scores=scores(made.run, made.outcome.scores["test"]["nll"] + by))
        if made.run.cell_name == "lstm"
        else made
        for made in records
    ]


def test_a_clear_difference_over_enough_seeds_names_the_better_cell():
    assert answer(apart(sweep(8), 1.0)).endswith("do not matter: GRU better.")


def test_more_is_better_turns_the_winner_around():
    assert answer(apart(sweep(8, task=task(direction="maximise")), 1.0)).endswith("do not matter: LSTM better.")


def test_a_difference_within_the_margin_is_none():
    assert answer(apart(sweep(8), -0.171)).endswith("do not matter: alike.")


def test_a_difference_across_the_edge_of_the_margin_leaves_open_by_how_much():
    assert answer(sweep(8)).endswith("do not matter: GRU better, by how much is open.")


def test_a_difference_that_changes_sign_names_no_winner():
    records = [
        record(made.run, scores=scores(made.run, 8.5 + 0.1 * ((made.run.seed * 7 + len(made.run.cell_name)) % 5)))
        for made in sweep(10, ("gru", "lstm"))
    ]
    assert answer(records).endswith("do not matter: undecided.")


def test_only_seeds_that_both_cells_have_are_paired():
    text = answer([*sweep(8, ("gru",)), *(record(run("lstm", seed)) for seed in range(5, 13))])
    assert "share 3 seeds" in text


def test_unequal_sizes_are_said_to_be_unequal():
    text = answer(sweep(6, ("gru", "lstm"), hidden_size=64))
    assert "At hidden size 64 with 1 layer" in text
    assert "differ by 33 %: size alone may explain a difference" in text


@pytest.mark.parametrize(
    ("size", "budget"),
    [
        (SizeSettings("params", 18_000), "18,000 parameters in the recurrent layers"),
        (SizeSettings("params", 18_000, "total"), "18,000 parameters in all"),
        (SizeSettings("flops", num_flops=40_000), "40,000 floating-point operations per frame in the recurrent layers"),
        (SizeSettings("seconds", us_per_unit=2.5), "2.5 µs of training per frame"),
    ],
    ids=str,
)
def test_a_budget_that_sizes_were_solved_for_is_named(size, budget):
    assert answer(sweep(3, size=size)).startswith(f"At a budget of {budget}, the mean test NLL")


def test_an_equal_budget_does_not_hide_unequal_parameters():
    text = answer(sweep(6, ("gru", "lstm"), hidden_size=64, size=SizeSettings("seconds", us_per_unit=2.5)))
    assert "Their budget is equal, but their recurrent parameters differ by 33 %: size alone may explain" in text


def test_budgets_that_differ_are_not_named_as_one():
    records = [*sweep(3, ("gru",), size=SizeSettings("params", 18_000)), *sweep(3, ("lstm",))]
    assert answer(records).startswith("At about 18,000 recurrent parameters")


def test_a_choice_among_sizes_is_said_to_be_by_validation():
    text = answer([*sweep(3), *sweep(3, hidden_size=20)])
    assert text.startswith("With each cell at its best size and settings by validation score")


def test_one_cell_alone_is_compared_with_nothing():
    assert "Only GRU has a score" in answer(sweep(3, ("gru",)))


def test_without_a_done_run_there_is_no_score():
    assert answer([failure(run())]) == "No run has finished yet, so there is no score."
