"""Scores of somebody else: what a file must hold, and which scores are a pair."""

from __future__ import annotations

import pytest

from bench.claims.scores import cards_of, read_scores
from bench.core.errors import DataError
from bench.stats.card import Margin


def written(tmp_path, *lines):
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_scores_are_paired_by_seed_whatever_their_order(tmp_path):
    rows = [f"a,{seed},{seed}.0" for seed in range(8)] + [f"b,{seed},{seed}.5" for seed in reversed(range(8))]
    path = written(tmp_path, "side,seed,score", *rows)
    (card,) = cards_of(path, read_scores(path), margin=Margin(1.0, is_share=False))
    assert (card.left, card.right, card.interval.mean, card.wins.mean) == ("a", "b", -0.5, 1.0)


def test_every_two_sides_of_a_task_are_compared_and_held_together(tmp_path):
    rows = [
        f"{task},{side},{n},{n + i}.{n}"
        for task in ("x", "y")
        for i, side in enumerate(("a", "b", "c"))
        for n in range(7)
    ]
    path = written(tmp_path, "task,side,replication,score,note", *[f"{row},-" for row in rows])
    cards = cards_of(path, read_scores(path))
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(card.task, card.left, card.right) for card in cards] == [
        (task, *pair) for task in ("x", "y") for pair in pairs
    ]
    assert {card.confidence for card in cards} == {1 - 0.05 / 6}
    chosen = cards_of(path, read_scores(path), sides=["c", "a"])
    assert [(card.left, card.right) for card in chosen] == [("c", "a")] * 2


def test_a_name_in_quotes_may_hold_any_separator_of_lines(tmp_path):
    path = written(tmp_path, "side,seed,score", '"a\nb",0,1', "c\u2028d,0,2")
    assert list(read_scores(path)[""]) == ["a\nb", "c\u2028d"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["side,seed,loss", "a,0,1"], "no column `score`"),
        (["side,score", "a,1"], "neither column `replication` and `seed`.*there are side, score"),
        (["side;seed;score", "a;0;1"], "no column `side`.*`side;seed;score` alone; columns are separated by commas"),
        (["side,seed,replication,score", "a,0,0,1"], "both columns `replication` and `seed`"),
        (["side,seed,score", "a,0,low"], "line 2: score must be a finite number, got 'low'"),
        (["side,seed,score", "a,0,nan"], "line 2: score must be a finite number, got 'nan'"),
        (["side,seed,score", "a,0"], "line 2: score must be a finite number, got ''"),
        (["side,seed,score", "a,0,1", "a,0,2"], "line 3: a, seed 0 stands in line 2 already"),
        (["side,seed,score", ",0,1"], "line 2: no side"),
        (["side,seed,score"], "no scores"),
    ],
)
def test_what_a_file_lacks_is_said(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read_scores(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("lines", "sides", "message"),
    [
        (["a,0,1", "b,0,1", "a,1,2"], [], "`b` has no score 1, which `a` has"),
        (["a,0,1"], [], "the file has the side a alone"),
        (["a,0,1", "b,0,1"], ["a"], "the side `a` is asked for alone"),
        (["alpha,0,1", "beta,0,1"], ["alpah"], "no side `alpah`; did you mean `alpha`"),
        (["a,0,1", "b,0,1"], ["a", "a"], "side `a` is asked for twice"),
        (["a,0,0", "b,0,0"], [], "a share of a mean of 0 is no margin"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, lines, sides, message):
    path = written(tmp_path, "side,seed,score", *lines)
    with pytest.raises(DataError, match=message):
        cards_of(path, read_scores(path), sides=sides)
