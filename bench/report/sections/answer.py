"""The answer in plain language: the mean of each cell, and whether the difference is significant."""

from __future__ import annotations

import pandas as pd

from bench.claims.cards import Compared
from bench.claims.claim import Comparison
from bench.claims.evaluate import CardsOf
from bench.core.errors import ConfigError
from bench.core.interval import ENOUGH
from bench.core.wording import (
    about,
    better,
    decimals,
    digits_for,
    excess,
    interval,
    listed,
    number,
    plain,
    quantity,
    score_label,
    span,
    spanned,
)
from bench.report.section import Answer
from bench.results.frames import TASK
from bench.results.labels import CellStyles, budget_label, size_label
from bench.results.summary import best_groups, repeat_of
from bench.stats.card import Card

BUDGET = ["size_mode", "size_count", "size_budget"]

MATCHED = 1.1
"""Largest ratio of parameter counts that still reads as `at about n parameters`."""


def answers(table: pd.DataFrame, looks: CellStyles, cards: CardsOf) -> tuple[Answer, ...]:
    """Return one answer per task."""
    return tuple(
        Answer(plain(rows["task_label"].iloc[0], 80), _sentences(rows, looks, cards))
        for _, rows in table.groupby(TASK, sort=False)
    )


def _sentences(rows: pd.DataFrame, looks: CellStyles, cards: CardsOf) -> tuple[str, ...]:
    best = best_scored(rows)
    if best.empty:
        return ("No run has finished yet, so there is no score.",)
    split = best["split"].iloc[0]
    sentences = (*_mean_sentences(best, len(rows) > len(best), split, looks), *_fraction_sentence(best))
    if len(best) == 1:
        return *sentences, f"Only {looks[best['cell'].iloc[0]].name} has a score, so nothing is compared."
    return *sentences, *_comparison_sentences(best, looks, cards)


def best_scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the best group of each cell at a common budget, those with a test score alone where any has one."""
    best = best_groups(_at_one_budget(rows))
    split = "test" if (best["split"] == "test").any() else "validation"
    return best[best["split"] == split].sort_values("mean", ascending=not _is_maximised(best))


def _at_one_budget(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the common budget with the best mean over cells; all rows if no budget is common to all."""
    known = rows.dropna(subset=["size_budget", "validation"])
    by_budget = [own for _, own in known.groupby(BUDGET) if set(own["cell"]) == set(rows["cell"])]
    if not by_budget:
        return rows
    sign = -1 if _is_maximised(rows) else 1
    return min(by_budget, key=lambda own: sign * float(best_groups(own)["validation"].mean()))


def _is_maximised(rows: pd.DataFrame) -> bool:
    return bool((rows["direction"] == "maximise").any())


def _mean_sentences(best: pd.DataFrame, is_choice: bool, split: str, looks: CellStyles) -> tuple[str, str]:
    digits, first = decimals(best), best.iloc[0]
    means = []
    for _, row in best.iterrows():
        mean = f"{number(row['mean'], digits)} {interval(row['low'], row['high'], digits)}".strip()
        means.append(f"{mean} for {looks[row['cell']].name}")
    chosen = "With each cell at its best size and settings by validation score, at " if is_choice else "At "
    bars = "Brackets: 95 % interval; " if best["low"].notna().any() else ""
    return (
        f"{chosen}{_size_phrase(best, looks)}, the mean {score_label(first['metric'], split)} over "
        f"n = {spanned(best['n'], repeat_of(best))} is {listed(means)}.",
        f"{bars}{better(first['direction'])}.".capitalize(),
    )


def _fraction_sentence(best: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence on the fraction of the data trained on, none if it was all."""
    if (best["train_fraction"] == 1).all():
        return ()
    return (f"They were trained on a share of the training split: {span(best['train_fraction'])}.",)


def _size_phrase(best: pd.DataFrame, looks: CellStyles) -> str:
    if budget := _shared_budget(best):
        return f"a budget of {budget}"
    sizes = best["num_params_recurrent"]
    if sizes.notna().all() and sizes.max() <= MATCHED * sizes.min():
        return f"about {about(sizes.mean())} recurrent parameters"
    shapes = best[["hidden_size", "num_layers"]].drop_duplicates()
    if len(shapes) == 1:
        hidden_size, num_layers = shapes.iloc[0]
        return f"hidden size {hidden_size} with {quantity(int(num_layers), 'layer')}"
    each = [f"{looks[row['cell']].name} {size_label(*_shape(row))}" for _, row in best.iterrows()]
    return f"sizes that are not matched ({listed(each)})"


def _shared_budget(rows: pd.DataFrame) -> str:
    """Return the budget that all sizes were solved for, "" if there is no common budget."""
    budgets = {budget_label(row) for _, row in rows.iterrows()}
    return budgets.pop() if len(budgets) == 1 else ""


def _shape(row: pd.Series) -> tuple[int, int]:
    return row["hidden_size"], row["num_layers"]


def _comparison_sentences(best: pd.DataFrame, looks: CellStyles, cards: CardsOf) -> tuple[str, ...]:
    left, right = pair(best)
    found = card_between(left, right, cards)
    if isinstance(found, str):
        return (found,)
    sentence = _card_sentence(found.card, repeat_of(best))
    small, large = sorted([left["num_params_recurrent"], right["num_params_recurrent"]])
    unmatched = excess(large, small)
    if unmatched <= 100 * (MATCHED - 1):
        return (sentence,)
    though = "Their budget is equal, but their" if _shared_budget(pd.DataFrame([left, right])) else "Their"
    return sentence, f"{though} recurrent parameters differ by {unmatched:.0f} %: size alone may explain a difference."


def card_between(left: pd.Series, right: pd.Series, cards: CardsOf) -> Compared | str:
    """Return the card of the scores of two groups, or the reason why there is none."""
    names = sorted([str(left["cell"]), str(right["cell"])])
    budget = float(left["size_budget"])
    is_solved = bool(_shared_budget(pd.DataFrame([left, right])))
    size = (left["size_mode"], left["size_count"], (budget, budget)) if is_solved else ("any", None, ())
    try:
        found = cards(Comparison((names[0], names[1]), "loss", *size))[str(left["task_label"])]
    except ConfigError:  # a record may hold any name
        return "Cells are compared by names of letters, digits, dots, _ and -."
    return found if isinstance(found, str) or names[0] == left["cell"] else found.mirrored()


def pair(best: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return GRU and LSTM where both ran, otherwise the two best."""
    cells = list(best["cell"])
    places = [cells.index("gru"), cells.index("lstm")] if {"gru", "lstm"} <= set(cells) else [0, 1]
    return best.iloc[places[0]], best.iloc[places[1]]


def _card_sentence(card: Card, repeat: str) -> str:
    n = card.interval.n
    if n < ENOUGH:
        return (
            f"{card.left} and {card.right} share {quantity(n, repeat)}: too few for a comparison, which needs at least "
            f"{ENOUGH} paired {repeat}s, so neither is called better."
        )
    digits = digits_for([(card.interval.low, card.interval.high)])
    found = f"{number(card.interval.mean, digits)} {interval(card.interval.low, card.interval.high, digits)}"
    return (
        f"Over {n} paired {repeat}s, {card.left} minus {card.right} is {found}, and differences up to "
        f"{number(card.margin, digits + 1)} do not matter: {card.word}."
    )
