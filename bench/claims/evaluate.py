"""Test claims on the runs of a report: make the cards that they are about, and read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import pandas as pd

from bench.claims.cards import Cards, Compared, DataSet, cards_of
from bench.claims.claim import ADJECTIVES, OF_TRIALS, Claim, Comparison, cell_choice
from bench.claims.judgement import Finding, Result, overall_of, parts_of, reason_of, word_of
from bench.claims.margins import margins
from bench.claims.robustness import cards_of_trials
from bench.claims.shares import Importances, share_card, why_untested
from bench.claims.sides import cell_name, of_cell
from bench.core.interval import ENOUGH, Interval
from bench.core.wording import listed, quantity
from bench.results.frames import SIZE, TASK
from bench.results.labels import size_label
from bench.results.run import RunRecord
from bench.results.trial_frames import Tuned
from bench.stats.card import Card
from bench.stats.ratio import share_closed
from bench.stats.synthesis import synthesis

FAMILIES = {"music": "piano_roll", "text": "language_model"}
"""Family of tasks to the kind that its members have."""

NO_IMPORTANCES: Importances = MappingProxyType({})
NO_RECORDS: Mapping[str, RunRecord] = MappingProxyType({})


CardsOf = Callable[[Comparison], Cards]
"""Gives the cards of a comparison, the same ones to whoever asks."""


def card_maker(
    runs: pd.DataFrame,
    points: pd.DataFrame,
    table: pd.DataFrame,
    tuned: Sequence[Tuned] = (),
    records: Mapping[str, RunRecord] = NO_RECORDS,
) -> CardMaker:
    """Return what makes cards, given the frame of the runs, that of their curves, their summary, studies, records."""
    groups = table.groupby(TASK, sort=False)
    data_sets = [
        DataSet(rows, runs[(runs[TASK] == list(task)).all(axis=1)], records, _of_task(task, tuned))
        for task, rows in groups
    ]

    @cache
    def cards(comparison: Comparison) -> Cards:
        if comparison.metric in OF_TRIALS:
            return cards_of_trials(comparison, data_sets)
        return cards_of(comparison, data_sets, points)

    return CardMaker(tuple(data_sets), cards)


def _of_task(task: Iterable[object], tuned: Sequence[Tuned]) -> tuple[Tuned, ...]:
    return tuple(each for each in tuned if list(each.trials[TASK].iloc[0]) == list(task))


@dataclass(frozen=True)
class CardMaker:
    """The data sets of a report, and the cards of comparisons on them."""

    data_sets: tuple[DataSet, ...]
    cards: CardsOf


def evaluate(
    claims: Sequence[Claim], runs: pd.DataFrame, maker: CardMaker, importances: Importances = NO_IMPORTANCES
) -> tuple[Finding, ...]:
    """Return a finding for each claim, given the frame of the runs.

    Runs are paired by seed; where runs are confirmed, those alone speak. What studies say of the importance of
    settings is in `importances`. All claims about one comparison read the same cards.
    """
    return tuple(_finding(claim, runs, maker.data_sets, maker.cards, importances) for claim in claims)


def _finding(
    claim: Claim, runs: pd.DataFrame, data_sets: Sequence[DataSet], cards: CardsOf, importances: Importances
) -> Finding:
    names = tuple(cell_name(cell_choice(text, claim.name), runs) for text in claim.cells)
    meant = [data_set for data_set in data_sets if _is_meant(claim, data_set)]
    if not meant:
        return Finding(claim, (), f"No runs on {listed(list(claim.tasks))}.", names=names)
    if claim.factors:
        results = _of_importance(claim, meant, data_sets, importances)
    elif claim.metric == "num_params":
        results = [_of_counts(claim, data_set) for data_set in meant]
    else:
        results = [_of_cards(claim, data_set, cards) for data_set in meant]
    finding = Finding(claim, tuple(results), names=names)
    if not finding.is_tested:
        return replace(finding, why=" ".join(dict.fromkeys(result.why for result in results)))
    if claim.across == "all" and len(finding.tested) > 1:
        return replace(finding, overall=overall_of([result.word for result in finding.tested]))
    return _in_general(finding) if claim.across == "general" else finding


def _is_meant(claim: Claim, data_set: DataSet) -> bool:
    run = data_set.runs.iloc[0]
    names = {"all", run["task"], *(family for family, kind in FAMILIES.items() if kind == run["kind"])}
    return not names.isdisjoint(claim.tasks)


def _untested(data_set: DataSet, why: str) -> Result:
    return Result(data_set.name, data_set.label, "not tested", why)


def _of_cards(claim: Claim, data_set: DataSet, cards: CardsOf) -> Result:
    found = _card(claim.cells, claim.comparison, data_set, cards)
    if isinstance(found, str):
        return _untested(data_set, found)
    if claim.without is not None:
        return _of_gap(claim, data_set, found, _card((claim.without, claim.cells[1]), claim.gap, data_set, cards))
    return Result(data_set.name, data_set.label, word_of(found.card, claim.direction), _reason(found), found)


def _reason(found: Compared) -> str:
    return f"{reason_of(found.card)}{parts_of(found)}" + f"; {found.edges}" * bool(found.edges)


def _card(cells: tuple[str, ...], comparison: Comparison, data_set: DataSet, cards: CardsOf) -> Compared | str:
    """Return the card of a comparison with its sides as a claim names them."""
    found = cards(comparison)[data_set.label]
    return found if isinstance(found, str) or comparison.cells == cells else found.mirrored()


def _of_gap(claim: Claim, data_set: DataSet, found: Compared, gap: Compared | str) -> Result:
    """Return whether left closes the gap to right that there is without it."""
    if isinstance(gap, str):
        return _untested(data_set, gap)
    if not gap.card.outcome.startswith("right better"):
        return _untested(data_set, f"There is no gap to close: {gap.card.left} and {gap.card.right}: {gap.card.word}.")
    seeds = sorted(gap.differences.keys() & found.differences.keys())
    before, after = ([each.differences[seed] for seed in seeds] for each in (gap, found))
    share = share_closed(before, after, confidence=found.card.confidence)
    closed = f"{100 * share.mean:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}] of the gap is closed"
    why = f"{closed}; what is left: {_reason(found)}"
    return Result(data_set.name, data_set.label, word_of(found.card, claim.direction), why, found)


def _in_general(finding: Finding) -> Finding:
    """Return the finding with one word for data sets in general."""
    cards = [result.found.card for result in finding.tested if result.found and result.found.card.interval.n >= ENOUGH]
    cards = [card for card in cards if card.interval.low < card.interval.high]
    if len(cards) < 2:
        return replace(finding, overall="inconclusive")
    found = synthesis(cards)
    return replace(finding, overall=word_of(found.card(cards[0]), finding.claim.direction), synthesis=found)


def _of_importance(
    claim: Claim, meant: Sequence[DataSet], data_sets: Sequence[DataSet], importances: Importances
) -> list[Result]:
    found = {each.label: importances.get((each.name, claim.cells)) for each in data_sets}
    whys = {label: why_untested(claim, shares) for label, shares in found.items()}
    m = list(whys.values()).count("")
    results = []
    for data_set in meant:
        shares = found[data_set.label]
        if shares is None or whys[data_set.label]:
            results.append(_untested(data_set, whys[data_set.label]))
            continue
        card = share_card(claim, shares, data_set.label, n_comparisons=m)
        runs = f"{quantity(shares.n, 'finished trial')} of {listed(claim.cells)}"
        compared = Compared(card, runs, "share of the variance explained", shares.tuning, "", ())
        word = word_of(card, claim.direction)
        results.append(Result(data_set.name, data_set.label, word, reason_of(card), compared))
    return results


def _of_counts(claim: Claim, data_set: DataSet) -> Result:
    choices = [cell_choice(text, claim.name) for text in claim.cells]
    names = [cell_name(choice, data_set.runs) for choice in choices]
    meant = [of_cell(choice, data_set.runs) for choice in choices]
    left, right = (_counts(of_runs) for of_runs in meant)
    ratios = (left / right).dropna()
    if ratios.empty:
        return _untested(data_set, f"There is no width at which both {listed(names)} were built.")
    exact = Interval(float(ratios.mean()), float(ratios.min()), float(ratios.max()), len(ratios), COUNTED)
    card = Card(
        data_set.label,
        names[0],
        names[1],
        True,
        (float(left[ratios.index].mean()), float(right[ratios.index].mean())),
        exact,
        1.0,
        margins()["count"].size,
        Interval(float((ratios < 1).mean()), 0.0, 1.0, len(ratios), COUNTED),
        null=claim.expected,
        is_ratio=True,
        is_exact=True,
        adjective=ADJECTIVES["num_params"][0],
    )
    shapes = [size_label(int(hidden), int(layers)) for hidden, layers in ratios.index]
    runs = f"{listed(names)} at {listed(shapes[:5])}{' and more' * (len(shapes) > 5)} (hidden × layers)"
    groups = tuple(sorted(_groups_at(ratios.index, meant)))
    compared = Compared(card, runs, "recurrent parameters", "counted", "", groups)
    return Result(data_set.name, data_set.label, word_of(card, claim.direction), reason_of(card), compared)


COUNTED = "none: counted, not estimated"


def _counts(runs: pd.DataFrame) -> pd.Series:
    """Return the recurrent parameters at each size, where all runs of a size have equally many."""
    sizes = runs.dropna(subset="num_params_recurrent").groupby(SIZE)["num_params_recurrent"]
    return sizes.first()[sizes.nunique() == 1]


def _groups_at(shapes: pd.Index, sides: Sequence[pd.DataFrame]) -> set[str]:
    runs = pd.concat(sides).set_index(SIZE)
    return set(runs.loc[runs.index.isin(shapes), "group"])
