"""Claims put to runs with planted effects: the verdict is the planted one, or says why there is none."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import random
import re

import pytest

from bench.claims.claim import Claim, claim_of, read_claims
from bench.claims.evaluate import card_maker, evaluate
from bench.claims.rows import rows_with_claims
from bench.claims.shares import Shares
from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from bench.report.inputs import ReportInputs, prepared
from bench.report.sections.claims import verdicts
from bench.results.frames import curves_frame, runs_frame
from bench.results.run import Pieces
from bench.results.summary import summary
from tests.report.fabricated import cell, cost, curve, failure, record, run, scores, task
from tests.report.made import build

SIZE = SizeSettings("params", 20_000)
CLAIMS = {claim.name: claim for claim in read_claims()}
ALIKE, FASTER = (CLAIMS[name] for name in ("gru_lstm_alike_on_music", "gru_trains_faster_per_update"))
BETTER = dataclasses.replace(CLAIMS["gru_better_on_music"], size_count="recurrent")
MARGIN = 0.01 * 8.6


def planted(gap: float, n: int = 10, *, noise: float = 0.03, seed: int = 0, shift: float = 0.0, **changes):
    """Records of n seeds of a GRU and an LSTM whose scores differ by a gap and by noise; the LSTM is at 8.6."""
    draw = random.Random(seed)
    records = []
    for name, level in (("gru", 8.6 + gap + shift), ("lstm", 8.6 + shift)):
        for i in range(n):
            made = run(name, i, **{"size": SIZE, **changes})
            records.append(record(made, scores=scores(made, level + draw.gauss(0, noise))))
    return records


def finding(claim: Claim, records):
    runs = runs_frame(records)
    (found,) = evaluate(
        [claim], runs, card_maker(runs, curves_frame(records), summary(runs), (), {each.key: each for each in records})
    )
    return found


def result(claim: Claim, records):
    (only,) = finding(claim, records).results
    return only


def mine(**changes) -> Claim:
    node = {
        "name": "mine",
        "sentence": "A GRU is better.",
        "source": "a friend",
        "tasks": ["all"],
        "cells": ["gru", "lstm"],
        "metric": "loss",
        "direction": "better",
    }
    return claim_of({**node, **changes}, "claim.mine")


def test_cells_that_differ_by_noise_alone_are_alike_and_neither_is_better():
    records = planted(0.0)
    assert result(ALIKE, records).word == "supported"
    assert result(BETTER, records).word == "equivalent"


def test_a_cell_that_is_worse_by_far_contradicts_both_claims():
    records = planted(0.5)
    assert result(ALIKE, records).word == "contradicted"
    assert result(BETTER, records).word == "contradicted"


def test_a_cell_that_is_better_by_far_is_better_and_not_alike():
    records = planted(-0.5)
    assert result(ALIKE, records).word == "contradicted"
    found = result(BETTER, records)
    assert found.word == "supported"
    assert found.card.interval.mean == pytest.approx(-0.5, abs=4 * 0.03 * (2 / 10) ** 0.5)


def test_a_cell_that_is_worse_by_exactly_the_margin_is_open():
    assert result(ALIKE, planted(MARGIN)).word == "inconclusive"


def test_three_pairs_decide_nothing():
    found = result(BETTER, planted(-0.5, n=3))
    assert found.word == "inconclusive"
    assert found.why == "3 pairs; at least 6 are needed"


def with_pieces(records, spread):
    """The same runs with the losses of 40 test pieces that add up to their score and differ between the cells."""
    draw = random.Random(1)
    moved = [draw.gauss(0, spread) for _ in range(40)]
    made = []
    for each in records:
        score = each.outcome.scores["test"]["nll"]
        by_piece = [score + (moved[i] if each.run.cell_name == "gru" else 0.0) for i in range(40)]
        shift = score - sum(by_piece) / 40
        pieces = {"test": Pieces(tuple(10 * (nats + shift) for nats in by_piece), (10,) * 40)}
        made.append(dataclasses.replace(each, outcome=dataclasses.replace(each.outcome, pieces=pieces)))
    return made


def test_the_interval_holds_new_test_pieces_where_the_records_have_them():
    records = planted(-0.1)
    without = result(ALIKE, records)
    assert without.found.runs.endswith("new test pieces are not in the interval")
    found = result(ALIKE, with_pieces(records, spread=0.3))
    assert found.card.interval.mean == pytest.approx(without.card.interval.mean)
    assert found.card.interval.high - found.card.interval.low > 2 * (
        without.card.interval.high - without.card.interval.low
    )
    assert "; of the interval, new repetitions alone would give ±0.0" in found.why
    assert found.why.endswith("(of 40 pieces)")
    small = result(ALIKE, with_pieces(records, spread=0.001))
    assert small.card.interval.low == pytest.approx(without.card.interval.low, abs=0.001)


def test_a_claim_and_its_mirror_image_read_one_card():
    for gap, words in ((-0.5, ("supported", "contradicted")), (0.0, ("equivalent", "equivalent"))):
        records = planted(gap)
        forward, back = result(mine(), records), result(mine(cells=["lstm", "gru"]), records)
        assert (forward.word, back.word) == words
        assert (back.card.interval.low, back.card.interval.high) == (
            -forward.card.interval.high,
            -forward.card.interval.low,
        )
    assert result(mine(direction="worse"), planted(0.5)).word == "supported"
    assert result(mine(direction="not_worse"), planted(0.0)).word == "supported"


def test_the_margin_is_one_percent_of_the_better_side_or_the_tasks_own():
    records = planted(0.05, noise=0.001)
    assert result(ALIKE, records).card.margin == pytest.approx(0.086, abs=0.001)
    own = planted(0.05, noise=0.001, task=task("made_up_music", margin=0.02))
    found = result(ALIKE, own)
    assert (found.card.margin, found.word) == (0.02, "contradicted")
    assert {made.run.key for made in records} == {made.run.key for made in own}


def test_speeds_on_different_kernels_are_not_compared():
    records = [
        dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, kernel=f"{made.run.cell_name}-kernel"))
        for made in planted(0.0)
    ]
    found = result(FASTER, records)
    assert found.word == "not tested"
    assert found.why == (
        "Speeds of different kernels are not compared (kernel gru-kernel for GRU, lstm-kernel for LSTM)."
    )
    assert result(ALIKE, records).word == "supported"


def test_times_of_runs_that_did_not_take_turns_are_not_compared():
    hours = {"gru": "00", "lstm": "01"}
    after = [
        dataclasses.replace(
            made,
            provenance=dataclasses.replace(
                made.provenance, started=f"2030-01-01T{hours[made.run.cell_name]}:00:00+00:00"
            ),
        )
        for made in planted(0.0)
    ]
    found = result(FASTER, after)
    assert found.card is None
    assert found.why.startswith("The runs of GRU and LSTM did not take turns")
    assert result(ALIKE, after).word == "supported"


def test_runs_on_another_kernel_are_left_out_of_a_speed_and_counted():
    records = planted(0.0)
    records[0] = record(records[0].run, kernel="another")
    found = result(FASTER, records)
    assert found.card.interval.n == 9
    assert found.found.runs.endswith("paired by 9 seeds; left out: 1 run on another kernel or machine")


def slower(made, factor: float):
    times = dataclasses.replace(made.cost, train_seconds=made.cost.train_seconds * factor)
    return dataclasses.replace(made, cost=times)


def test_variants_of_one_cell_are_compared_at_one_shape_whatever_it_was_chosen_for():
    cells = {bias: cell("lstm", forget_bias=bias) for bias in (0, 1)}
    levels = {(0, 39): 8.6, (1, 39): 8.5, (0, 64): 8.4}
    records = [
        record(made, scores=scores(made, level + 0.001 * seed * bias))
        for (bias, hidden), level in levels.items()
        for seed in range(8)
        for made in [run("lstm", seed, cell=cells[bias], hidden_size=hidden, size=SIZE if bias else SizeSettings())]
    ]
    found = result(CLAIMS["forget_bias_helps_the_lstm"], records)
    assert found.word == "supported"
    assert found.found.runs.count("39 × 1") == 2


def test_times_are_those_of_runs_that_were_regularised_alike():
    noisy = TrainSettings(weight_noise=0.1)
    records = [*planted(-0.5), *planted(-0.2, train=noisy, shift=-0.1)]
    assert result(ALIKE, records).found.runs.count("weight_noise=0.1") == 1
    assert result(FASTER, records).found.runs.count("weight_noise=0.1") == 0
    apart = [made for made in records if (made.run.cell_name == "gru") != (made.run.train == noisy)]
    assert finding(FASTER, apart).why == "GRU and LSTM were regularised differently, and their times are not compared."


def test_a_cell_that_takes_twice_the_time_is_slower():
    records = [slower(made, 1 + (made.run.cell_name == "gru")) for made in planted(0.0)]
    found = result(FASTER, records)
    assert found.word == "contradicted"
    expected = 2 * cost(run("gru", 5, size=SIZE)).train_seconds / cost(run("lstm", 5, size=SIZE)).train_seconds
    assert found.card.interval.mean == pytest.approx(expected, rel=0.01)
    assert "all on the kernel made-up-kernel" in found.found.runs


def test_a_ratio_of_times_whose_sign_turns_within_a_few_units_of_width_is_undecided():
    def at(hidden, budget, factor):
        made = planted(0.0, hidden_size=hidden, size=SizeSettings("params", budget), shift=budget / 1e6)
        return [slower(each, factor) if each.run.cell_name == "gru" else each for each in made]

    alone = result(FASTER, at(20, 20_000, 0.5))
    assert (alone.word, alone.card.interval.mean) == ("supported", pytest.approx(0.48, rel=0.01))
    both = result(FASTER, [*at(20, 20_000, 0.5), *at(26, 21_000, 2.0)])
    assert both.word == "inconclusive"
    assert both.card.interval.mean == alone.card.interval.mean
    assert both.card.interval.high > 1.8
    assert both.found.runs.endswith("the interval holds all widths within 8 units: 0.48 at 20 / 20 and 1.92 at 26 / 26")
    far = result(FASTER, [*at(20, 20_000, 0.5), *at(40, 21_000, 2.0)])
    assert far.word == "supported"


@pytest.mark.parametrize(
    ("later", "word"), [({"gru": 0}, "inconclusive"), ({"gru": 4}, "contradicted"), ({"lstm": 4}, "supported")]
)
def test_reaching_a_loss_takes_the_updates_that_it_takes(later, word):
    records = []
    for made in planted(0.0):
        points = curve(run("lstm", made.run.seed))  # of both cells, so that they differ in when alone
        wait = 50 * later.get(made.run.cell_name, 0)
        moved = tuple(dataclasses.replace(point, update=point.update + wait) for point in points)
        records.append(record(made.run, curve=moved))
    found = result(CLAIMS["gru_reaches_a_loss_in_fewer_updates"], records)
    assert found.word == word
    if not later["gru" if "gru" in later else "lstm"]:  # every pair agrees, and yet a time is known to an evaluation
        assert (found.card.interval.low, found.card.interval.high) == (-50, 50)


def test_a_run_that_never_reaches_a_loss_counts_with_the_longest_time():
    records = []
    for made in planted(0.0):
        points = made.outcome.curve
        if made.run.cell_name == "gru":
            points = tuple(dataclasses.replace(point, validation_nats=20.0) for point in points)
        records.append(record(made.run, curve=points))
    found = result(CLAIMS["gru_reaches_a_loss_in_fewer_updates"], records)
    assert found.word == "contradicted"
    assert "10 and 0 runs never got there" in found.found.runs


def test_what_was_compared_is_told_where_each_data_set_has_its_own_loss_to_reach():
    claim = CLAIMS["gru_reaches_a_loss_in_fewer_updates"]
    records = [*planted(0.0), *planted(0.0, shift=1.0, task=task("other"))]
    found = finding(claim, records)
    assert len({result.found.what for result in found.results}) == 2
    (row,) = verdicts([found]).table.rows
    assert row[2].text == "GRU − LSTM, updates to a validation score"


def test_a_loss_that_every_run_has_at_its_first_evaluation_tells_nothing():
    records = [record(made.run, curve=made.outcome.curve[-2:]) for made in planted(0.0)]
    why = finding(CLAIMS["gru_reaches_a_loss_in_fewer_updates"], records).why
    assert why == "Every run was at a validation score of 8.861 by its first evaluation (train.evaluate_every)."


def test_a_side_that_learns_nothing_sets_no_loss_to_reach():
    records = [
        record(made.run, scores=scores(made.run, 12.0)) if made.run.cell_name == "gru" else made
        for made in planted(0.0)
    ]
    why = finding(CLAIMS["gru_reaches_a_loss_in_fewer_updates"], records).why
    assert why.startswith("One side is no better than the unigram model")


def test_parameters_are_counted_and_not_estimated():
    node = cell("lstm", peepholes=False)
    counts = {"gru": {"recurrent": 75, "total": 100}, "lstm": {"recurrent": 100, "total": 130}}
    cells = {"gru": cell("gru"), "lstm": node}
    records = [
        record(run(name, hidden_size=hidden, cell=cells[name]), num_params=counts[name])
        for name in cells
        for hidden in (20, 40)
    ]
    found = result(CLAIMS["gru_has_three_quarters_of_the_parameters"], records)
    assert found.word == "supported"
    assert found.why.startswith("counted, not estimated: 0.75 at each of 2 sizes")
    counts["gru"]["recurrent"] = 100
    records = [record(made.run, num_params=counts[made.run.cell_name]) for made in records]
    assert result(CLAIMS["gru_has_three_quarters_of_the_parameters"], records).word == "contradicted"


def test_settings_of_a_cell_make_two_sides_of_one_cell():
    records = []
    for bias, level in ((0.0, 8.6), (1.0, 8.3)):
        for seed in range(8):
            made = run("lstm", seed, cell=cell("lstm", forget_bias=bias))
            records.append(record(made, scores=scores(made, level + 0.01 * (seed % 3) * bias)))
    found = result(CLAIMS["forget_bias_helps_the_lstm"], records)
    assert found.word == "supported"
    assert found.found.sides == "LSTM forget_bias=1 − LSTM forget_bias=0"


def biased(without: float, with_bias: float):
    """Records of a GRU at 8.6, and of an LSTM that is worse by a gap without its forget bias and by another with it."""
    draw, records = random.Random(0), []
    levels = {("gru", None): 0.0, ("lstm", 0.0): without, ("lstm", 1.0): with_bias}
    for (name, bias), gap in levels.items():
        fields = {} if bias is None else {"forget_bias": bias}
        for seed in range(8):
            made = run(name, seed, cell=cell(name, **fields), size=SIZE)
            records.append(record(made, scores=scores(made, 8.6 + gap + draw.gauss(0, 0.01))))
    return records


@pytest.mark.parametrize(
    ("gaps", "word", "share"),
    [((0.5, 0.01), "supported", 98), ((0.5, 0.4), "contradicted", 20), ((0.5, 0.086), "inconclusive", 83)],
    ids=["closed", "left open", "at the margin"],
)
def test_a_gap_is_closed_where_what_is_left_of_it_is_within_the_margin(gaps, word, share):
    found = result(CLAIMS["forget_bias_closes_the_gap"], biased(*gaps))
    assert found.word == word
    assert int(re.match(r"(\d+) % \[", found.why)[1]) == pytest.approx(share, abs=2)


def test_where_there_is_no_gap_there_is_nothing_to_close():
    why = finding(CLAIMS["forget_bias_closes_the_gap"], biased(0.0, 0.0)).why
    assert why == "There is no gap to close: LSTM forget_bias=0 and GRU: alike."


def test_a_cell_of_the_very_name_goes_before_others_of_its_kind():
    records = planted(0.0)
    other = cell("lstm_b", kind="lstm", forget_bias=1.0)
    records += [record(run("lstm", i, size=SIZE, cell=other), scores=scores(run("lstm", i), 7.0)) for i in range(10)]
    assert result(ALIKE, records).word == "supported"


def test_each_side_is_at_the_settings_of_the_best_validation_score():
    worse = planted(0.4, optim=OptimSettings(lr=0.1), shift=1.0, seed=1)
    found = result(ALIKE, [*planted(0.0), *worse])
    assert found.word == "supported"
    assert found.found.runs.count("with optim.lr=0.001") == 2


def test_both_sides_are_at_one_budget():
    small = SizeSettings("params", 16_000)
    lone = [made for made in planted(0.0, size=small, shift=-3.0) if made.run.cell_name == "gru"]
    found = result(ALIKE, [*planted(0.0), *lone])
    assert "sizes for 20,000 parameters" in found.found.runs
    assert found.word == "supported"


def test_runs_of_another_size_mode_or_budget_are_not_meant():
    why = "No finished run of GRU and LSTM with size=params size.count=recurrent, at a budget from 15,000 to 25,000."
    assert finding(ALIKE, planted(0.0, size=SizeSettings())).why == why
    assert finding(ALIKE, planted(0.0, size=SizeSettings("params", 50_000))).why == why


def test_a_claim_about_recurrent_parameters_is_not_tested_on_sizes_of_an_equal_total():
    meant = mine(size_mode="params", size_count="recurrent")
    assert finding(meant, planted(0.5, size=SizeSettings("params", 20_000, "total"))).why == (
        "No finished run of GRU and LSTM with size=params size.count=recurrent."
    )
    assert result(meant, planted(0.5)).word == "contradicted"


def test_only_confirmed_runs_speak_where_there_are_some():
    tuning = planted(0.5, phase="tune", optim=OptimSettings(lr=0.1))
    found = result(ALIKE, [*planted(0.0), *tuning])
    assert found.word == "supported"
    assert found.found.tuning == "10 trials each"


def test_unequal_tuning_is_said():
    tuning = [made for made in planted(0.5, n=3, phase="tune") if made.run.cell_name == "gru"]
    assert result(ALIKE, [*planted(0.0), *tuning]).found.tuning == "3 and 0 trials: unequal"


def test_a_run_that_diverged_counts_at_the_worst_loss_there_is():
    records = planted(0.0)
    records[0] = failure(records[0].run, "diverged")
    found = result(ALIKE, records)
    assert found.card.interval.n == 10
    assert found.found.runs.partition("paired by ")[2].startswith(
        "10 seeds; 1 run that diverged counted at the worst loss"
    )
    worst = max(made.outcome.baseline["test"]["nll"] for made in records[1:])
    others = [made.outcome.scores["test"]["nll"] for made in records[1:10]]
    assert found.card.means[0] == pytest.approx((worst + sum(others)) / 10)


def test_runs_that_came_to_nothing_are_counted_and_left_out():
    records = planted(0.0)
    records[0] = failure(records[0].run, "failed")
    found = result(ALIKE, records)
    assert found.card.interval.n == 9
    assert found.found.runs.partition("paired by ")[2].startswith("9 seeds; left out: 1 run that did not finish")


def test_the_intervals_of_several_data_sets_hold_together():
    names = ("one", "two", "three")
    records = [
        made for i, name in enumerate(names) for made in planted(-0.5 * (i < 2), task=task(name, title=name), seed=i)
    ]
    claim = mine()
    found = finding(claim, records)
    assert found.word == "supported on 2, equivalent on 1"
    assert {kind.card.confidence for kind in found.results} == {1 - 0.05 / 3}
    assert finding(mine(across="all"), records).word == "inconclusive"


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (CLAIMS["lstm_better_on_text"], "No runs on text."),
        (CLAIMS["lstm_gains_more_from_data"], "No runs sweep the training fraction."),
        (CLAIMS["learning_rate_matters_most"], "No study says what share of the variance a setting explains."),
        (CLAIMS["gru_beats_tanh_on_music"], "No finished run of tanh with size=params size.count=recurrent."),
        (mine(metric="train_loss"), "The training split was not scored (train.score_train)."),
        (mine(cells=["gru", "mgu"]), "No finished run of MGU."),
    ],
    ids=lambda value: value.name if isinstance(value, Claim) else "",
)
def test_a_claim_that_is_not_tested_says_why(claim, why):
    records = [record(made.run, scores={**made.outcome.scores, "train": {}}) for made in planted(0.0, n=2)]
    found = finding(claim, records)
    assert found.word == "not tested"
    assert found.why == why


def planted_over_data(gaps, n: int = 10, **changes):
    """Records of n seeds of both cells at several shares of the data, GRU minus LSTM planted at each share."""
    return [
        made
        for i, (share, gap) in enumerate(gaps.items())
        for made in planted(gap, n, seed=i, train=TrainSettings(fraction=share), shift=1.0 - share, **changes)
    ]


DATA = CLAIMS["lstm_gains_more_from_data"]


@pytest.mark.parametrize(
    ("gaps", "word"),
    [
        ({0.1: -0.3, 0.25: -0.2, 0.5: -0.1, 1.0: 0.0}, "supported"),
        ({0.1: 0.3, 0.25: 0.2, 0.5: 0.1, 1.0: 0.0}, "contradicted"),
        ({0.1: 0.3, 0.25: 0.3, 0.5: 0.3, 1.0: 0.3}, "equivalent"),
        ({0.5: 0.0, 1.0: 0.075}, "inconclusive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_change_of_the_difference_with_data_gets_its_verdict(gaps, word):
    found = result(DATA, planted_over_data(gaps, noise=0.01))
    assert found.word == word
    assert len(found.found.groups) == 2 * len(gaps)
    assert "of the training split, paired by 10 seeds" in found.found.runs


def test_the_effect_of_data_is_over_their_whole_range():
    found = result(DATA, planted_over_data({0.25: -0.4, 0.5: -0.2, 1.0: 0.0}, noise=0.001))
    assert found.card.interval.mean == pytest.approx(0.4, abs=0.002)
    assert found.found.what == "test NLL (nats per frame), change from 0.25 to 1 of the training data"


def test_claims_about_little_and_about_all_data_are_each_judged_there():
    records = planted_over_data({0.25: -0.4, 1.0: 0.4})
    assert result(CLAIMS["gru_better_with_little_data"], records).word == "supported"
    assert result(CLAIMS["lstm_better_with_all_data"], records).word == "supported"
    found = result(CLAIMS["gru_better_with_little_data"], records).found
    assert ", each trained on 0.25 of the training split" in found.runs
    assert finding(CLAIMS["gru_better_with_little_data"], planted(0.0)).why == "No runs sweep the training fraction."


def test_other_claims_are_judged_on_the_most_data_that_both_have():
    records = planted_over_data({0.5: -5.0, 1.0: 0.0})
    found = result(ALIKE, records)
    assert found.word == "supported"
    assert found.found.runs.count("train.fraction=1.0") == 2
    lacking = [made for made in records if (made.run.cell_name, made.run.train.fraction) != ("gru", 1.0)]
    assert result(ALIKE, lacking).card.interval.mean == pytest.approx(-5, abs=0.1)


def test_only_seeds_that_ran_at_every_share_count():
    records = planted_over_data({0.5: 0.0, 1.0: 0.0})
    assert result(DATA, records[1:]).card.interval.n == 9


def test_shares_that_the_cells_do_not_have_in_common_test_nothing():
    records = planted_over_data({0.25: 0.0, 0.5: 0.0, 1.0: 0.0})
    lone = {("gru", 0.25), ("lstm", 0.5)}
    apart = [made for made in records if (made.run.cell_name, made.run.train.fraction) not in lone]
    why = "GRU and LSTM have fewer than two shares of the training split in common."
    assert finding(DATA, apart).why == why


def test_the_change_with_data_is_taken_at_a_size_where_the_data_were_swept():
    swept = planted_over_data({0.25: -0.4, 0.5: -0.2, 1.0: 0.0})
    large = planted(0.0, shift=-3.0, size=SizeSettings("params", 80_000), hidden_size=90)
    assert result(DATA, [*swept, *large]).word == "supported"


DROPOUT = CLAIMS["dropout_helps_the_lstm_more"]


def planted_with_dropout(gaps, n: int = 10, beside: float = 0.0, **changes):
    """Records of n seeds of both cells at several strengths of dropout, GRU minus LSTM planted at each."""
    own = {"size": dataclasses.replace(SIZE, count="total"), **changes}
    return [
        made
        for i, (share, gap) in enumerate(gaps.items())
        for made in planted(
            gap, n, seed=i, train=TrainSettings(output_dropout=share, weight_noise=beside), shift=-share, **own
        )
    ]


@pytest.mark.parametrize(
    ("gaps", "noise", "word"),
    [
        ({0.0: 0.0, 0.5: 0.4}, 0.01, "supported"),
        ({0.0: 0.2, 0.5: 0.0}, 0.01, "contradicted"),
        ({0.0: 0.3, 0.5: 0.3}, 0.01, "equivalent"),
        ({0.0: 0.0, 0.5: 0.09}, 0.1, "inconclusive"),
    ],
    ids=["supported", "contradicted", "equivalent", "inconclusive"],
)
def test_a_planted_change_of_the_difference_with_dropout_gets_its_verdict(gaps, noise, word):
    found = result(DROPOUT, planted_with_dropout(gaps, noise=noise))
    assert found.word == word
    assert len(found.found.groups) == 4
    assert "each without train.output_dropout and with it, paired by 10 seeds" in found.found.runs
    assert found.found.what == "test NLL (nats per frame), change by train.output_dropout"


def test_of_several_strengths_of_dropout_the_best_by_validation_is_meant():
    found = result(DROPOUT, planted_with_dropout({0.0: 0.0, 0.2: 5.0, 0.5: 0.4}, noise=0.001))
    assert found.card.interval.mean == pytest.approx(-0.4, abs=0.01)


def test_runs_that_differ_in_more_than_dropout_test_nothing_of_it():
    records = planted_with_dropout({0.5: 0.0})
    why = "No runs are the same but for train.output_dropout being off."
    assert finding(DROPOUT, records).why == why
    assert finding(DROPOUT, [*records, *planted_with_dropout({0.0: 0.0}, beside=0.1)]).why == why
    assert finding(DROPOUT, planted_with_dropout({0.0: 0.0})).why == "No runs have train.output_dropout on."


def shares(lr: float, hidden: float, spread: float = 0.01, n: int = 30) -> Shares:
    draw = random.Random(0)
    means = {"optim.lr": lr, "hidden_size": hidden}
    resampled = {name: tuple(mean + draw.gauss(0, spread) for _ in range(50)) for name, mean in means.items()}
    return Shares(means, resampled, n, "30 trials each", frozenset(means))


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (shares(0.8, 0.2), "supported"),
        (shares(0.2, 0.8), "contradicted"),
        (shares(0.52, 0.48, spread=0.1), "inconclusive"),
        (shares(0.8, 0.2, n=5), "inconclusive"),
    ],
)
def test_a_setting_matters_most_where_its_share_exceeds_that_of_all_others(found, word):
    claim, runs = CLAIMS["learning_rate_matters_most"], runs_frame(planted(0.0, n=2))
    importances = {("made_up_music", claim.cells): found}
    (judged,) = evaluate([claim], runs, card_maker(runs, curves_frame([]), summary(runs)), importances)
    assert judged.word == word
    assert judged.results[0].found.sides == "optim.lr − all other settings together"


def test_a_setting_that_was_not_searched_has_no_share():
    claim, runs = CLAIMS["layer_size_matters_more_than_the_cell"], runs_frame(planted(0.0, n=2))
    importances = {("made_up_music", claim.cells): shares(0.8, 0.2)}
    (judged,) = evaluate([claim], runs, card_maker(runs, curves_frame([]), summary(runs)), importances)
    assert judged.why == "The studies did not search cell."


def test_seeds_that_only_one_side_has_are_not_paired():
    records = [made for made in planted(0.0) if (made.run.cell_name == "gru") == (made.run.seed < 5)]
    assert finding(ALIKE, records).why == "No seed was finished on both sides."


def test_without_runs_no_claim_is_tested():
    runs = runs_frame([])
    maker = card_maker(runs, curves_frame([]), summary(runs))
    assert not any(found.is_tested for found in evaluate(read_claims(), runs, maker))


def test_a_report_carries_the_verdicts_in_every_format(tmp_path):
    records = planted(-0.5)
    claims = [ALIKE, BETTER, CLAIMS["lstm_better_on_text"]]
    page = build(records, tmp_path, name="x", claims=claims)
    text = page.read_text()
    assert text.index("Claims and verdicts") < text.index("Summary")
    assert f'href="#claim-{ALIKE.name}"' in text
    assert f'id="claim-{ALIKE.name}"' in text
    assert "Not tested here: 1 claim<" in text
    assert ALIKE.note[:40] in text.replace("&#34;", '"')
    markdown = (page.parent / "report.md").read_text()
    assert "| contradicted |" in markdown
    assert "No runs on text." in markdown
    rows = list(csv.DictReader(io.StringIO((page.parent / "claims.csv").read_text())))
    assert [(row["claim"], row["verdict"]) for row in rows] == [
        (ALIKE.name, "contradicted"),
        (BETTER.name, "supported"),
        ("lstm_better_on_text", "not tested"),
    ]
    assert float(rows[1]["high"]) < 0
    assert rows[1]["n"] == "10"


def test_a_row_for_programs_holds_the_verdicts_that_it_is_part_of():
    found = prepared(ReportInputs(planted(-0.5), "x", claims=[ALIKE, BETTER, CLAIMS["lstm_better_on_text"]]))
    rows = rows_with_claims(found.summary, found.findings)
    assert [row["cell"] for row in rows] == ["gru", "lstm"]
    for row in rows:
        assert [(claim["claim"], claim["verdict"]) for claim in row["claims"]] == [
            (ALIKE.name, "contradicted"),
            (BETTER.name, "supported"),
        ]
    json.dumps(rows, allow_nan=False)


def test_a_report_of_claims_is_the_same_every_time(tmp_path):
    records = planted(0.1, n=4)
    claims = [ALIKE, FASTER]
    pages = [build(random.Random(i).sample(records, 8), tmp_path / str(i), name="x", claims=claims) for i in (1, 2)]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_claims_words_are_text_and_never_markup(tmp_path):
    canary = "<script>alert(1)</script>|`x`"
    page = build(planted(0.0), tmp_path, name="x", claims=[mine(sentence=canary, source=canary, note=canary)])
    assert "<script>alert" not in page.read_text()
    assert "<script>" not in (page.parent / "report.md").read_text()
