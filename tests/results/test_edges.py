"""Edges: where the best trials say that the optimum may lie outside of what was searched."""

from __future__ import annotations

import pytest

from bench.core.settings.search_space import space_of
from bench.results.edges import edges_of
from bench.results.study import StudyRecord, TrialRecord

LR = {"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}}
OUTSIDE, INSIDE = [3e-4, 1e-3, 1e-2, 5e-2], [1.1e-4, 1e-3, 1e-2, 0.09999]


def study(values, node=LR, path="optim.lr", replication=0) -> StudyRecord:
    trials = tuple(TrialRecord(n, {path: value}, (f"k{n}",)) for n, value in enumerate(values))
    return StudyRecord(
        key=f"key{replication}", label="toy gru", task="toy", cell="gru", metric="nll", space=space_of(node),
        sampler={"name": "random"}, pruner={"name": "none"}, seed=0, seeds_per_trial=1, n_trials=len(trials),
        settings={}, trials=trials, replication=replication,
    )  # fmt: skip


def edges(values, best, **fields):
    made = study(values, **fields)
    return [(each.path, each.end, each.where) for each in edges_of([(made, made.trials[best])])]


@pytest.mark.parametrize(
    ("values", "best", "found"),
    [
        (OUTSIDE, 3, [("optim.lr", "upper", "the largest drawn")]),
        (OUTSIDE, 0, [("optim.lr", "lower", "the smallest drawn")]),
        (OUTSIDE, 2, []),
        ([*INSIDE, 0.0998], 4, [("optim.lr", "upper", "within 5 % of the upper end of its range")]),
        ([*INSIDE, 1.2e-4], 4, [("optim.lr", "lower", "within 5 % of the lower end of its range")]),
        ([*INSIDE, 1.5e-4], 4, []),
        ([1e-3, 1e-2], 1, []),
        ([1e-3, 0.0999], 1, [("optim.lr", "upper", "within 5 % of the upper end of its range")]),
    ],
    ids=["largest", "smallest", "between", "near the upper end", "near the lower", "inside", "of two", "two and near"],
)
def test_the_best_is_at_an_edge_if_it_is_the_extreme_draw_or_near_an_end(values, best, found):
    assert edges(values, best) == found


def test_choices_have_no_edges():
    choices = {"hidden_size": {"choices": [1, 2, 3]}}
    assert edges([1, 2, 3], 2, node=choices, path="hidden_size") == []


def test_at_a_limit_of_the_setting_itself_is_no_edge():
    dropout = {"train": {"dropout": {"low": 0.0, "high": 0.5}}}
    assert edges([0.0, 0.2, 0.4], 0, node=dropout, path="train.dropout") == []
    assert edges([0.0, 0.2, 0.4], 2, node=dropout, path="train.dropout") == [
        ("train.dropout", "upper", "the largest drawn")
    ]


def replications(*best: int) -> list[tuple[StudyRecord, TrialRecord]]:
    made = [study(OUTSIDE, replication=i) for i in range(1, len(best) + 1)]
    return [(each, each.trials[number]) for each, number in zip(made, best, strict=True)]


def test_of_replications_more_than_half_have_to_be_at_the_same_end():
    assert edges_of(replications(3, 3, 0, 0)) == ()
    assert edges_of(replications(3, 0, 2)) == ()
    (edge,) = edges_of(replications(3, 3, 0))
    assert (edge.end, edge.n, edge.n_best) == ("upper", 2, 3)
    assert edge.said("LSTM") == (
        "the best optim.lr of the LSTM is the largest drawn in 2 of 3 replications: "
        "the optimum may lie beyond the space"
    )


def test_near_an_end_and_extreme_draws_of_replications_count_together():
    made = [study(OUTSIDE, replication=1), study([*INSIDE, 0.0998], replication=2), study(OUTSIDE, replication=3)]
    (edge,) = edges_of([(made[0], made[0].trials[3]), (made[1], made[1].trials[4]), (made[2], made[2].trials[1])])
    assert edge.where == "the largest drawn or within 5 % of the upper end of its range in 2 of 3 replications"
