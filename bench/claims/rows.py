"""Findings as rows for programs: one for each claim and data set, and one for each claim that was not tested.

Cards as rows too: one for each comparison and data set, whichever claims read it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.claims.cards import Compared
from bench.claims.claim import Claim, Comparison
from bench.claims.evaluate import CardsOf
from bench.claims.judgement import Finding, Result
from bench.results.summary import json_rows

CLAIM_COLUMNS = (
    *("claim", "task", "direction", "verdict", "scope", "card", "effect", "what", "better", "mean", "low", "high"),
    *("confidence", "margin_low", "margin_high", "interval", "n", "left_wins", "tuning", "edges", "reason", "compared"),
    *("sentence", "source", "note", "groups"),
)

RULE = ("size_mode", "size_count", "over", "data", "pairs")
"""What tells comparisons of the same sides and quantity apart, as in a claim."""

CARD_COLUMNS = (
    *("task", "task_label", "left", "right", "metric", *RULE, "budget_low", "budget_high", "threshold"),
    *("what", "unit", "better", "is_ratio", "card", "outcome"),
    *("left_mean", "right_mean", "effect", "mean", "low", "high", "confidence", "no_effect", "margin_low"),
    *("margin_high", "interval", "n", "left_wins", "left_wins_low", "left_wins_high", "scope", "tuning", "edges"),
    *("compared", "groups", "claims"),
)

NUMBERS = ("mean", "low", "high", "confidence", "margin_low", "margin_high", "n", "left_wins")


def claims_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return findings as a frame; `groups` are those of the summary, joined by blanks."""
    rows = [{**row, "groups": " ".join(row["groups"])} for row in claim_rows(findings)]
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS)).astype(dict.fromkeys(NUMBERS, float) | {"n": "Int64"})


def cards_frame(findings: Sequence[Finding], cards: CardsOf) -> pd.DataFrame:
    """Return the effect cards that findings are read off, one row for each; `claims` names those that read it.

    The sides stand in the order of the comparison, which may be the other one in a claim.
    """
    rows: dict[object, dict[str, Any]] = {}
    for finding in findings:
        for result in finding.results:
            for rule, found in _cards(finding.claim, result, cards):
                row = rows.setdefault((rule, result.task_label), {**_card_row(rule, result, found), "claims": ""})
                row["claims"] = f"{row['claims']} {finding.claim.name}".strip()
    return pd.DataFrame(list(rows.values()), columns=list(CARD_COLUMNS)).astype({"n": "Int64"})


def _cards(claim: Claim, result: Result, cards: CardsOf) -> Iterator[tuple[Claim | Comparison, Compared]]:
    """Yield the cards behind a result, each with the rule that it is made by, which claims may share."""
    if claim.factors or claim.metric == "num_params":
        if result.found is not None:
            yield claim, result.found
        return
    for comparison in (claim.comparison, claim.gap)[: 1 if claim.without is None else 2]:
        found = cards(comparison)[result.task_label]
        if isinstance(found, Compared):
            yield comparison, found


def _card_row(rule: Claim | Comparison, result: Result, found: Compared) -> dict[str, Any]:
    card = found.card
    return {
        "task": result.task,
        "task_label": result.task_label,
        "left": card.left,
        "right": card.right,
        "metric": "importance" if isinstance(rule, Claim) and rule.factors else rule.metric,
        **{name: getattr(rule, name) or "" for name in RULE},
        "budget_low": rule.budget[0] if rule.budget else math.nan,
        "budget_high": rule.budget[-1] if rule.budget else math.nan,
        "threshold": math.nan if rule.threshold is None else rule.threshold,
        "unit": card.unit,
        "is_ratio": card.is_ratio,
        "outcome": card.outcome,
        "left_mean": card.means[0],
        "right_mean": card.means[1],
        "no_effect": card.null,
        "left_wins_low": card.wins.low,
        "left_wins_high": card.wins.high,
        "groups": " ".join(found.groups),
        **_evidence(found),
    }


def claim_rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return findings as JSON-safe rows, with None for a missing number."""
    return [row for finding in findings for row in _rows(finding)]


def rows_with_claims(table: pd.DataFrame, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return a summary as JSON-safe rows; `claims` in a row holds the claims that its group was compared for."""
    found = claim_rows(findings)
    return [
        {**row, "claims": [claim for claim in found if row["group"] in claim["groups"]]} for row in json_rows(table)
    ]


def _rows(finding: Finding) -> Iterator[dict[str, Any]]:
    untested = Result("", "", "not tested", finding.why)
    for result in finding.results if finding.is_tested else (untested,):
        yield {**_result(result), **_claim(finding.claim)}


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "claim": claim.name,
        "direction": claim.direction,
        "sentence": claim.sentence,
        "source": claim.source,
        "note": claim.note,
    }


def _result(result: Result) -> dict[str, Any]:
    said = {"task": result.task, "verdict": result.word, "reason": result.why}
    if result.found is None:
        texts = dict.fromkeys(
            ("scope", "card", "effect", "what", "better", "interval", "tuning", "edges", "compared"), ""
        )
        return {**said, **texts, **dict.fromkeys(NUMBERS), "groups": []}
    return {**said, **_evidence(result.found), "groups": list(result.found.groups)}


def _evidence(found: Compared) -> dict[str, Any]:
    card = found.card
    numbers = (card.interval.mean, card.interval.low, card.interval.high, card.confidence, *card.edges)
    return {
        "scope": found.scope,
        "card": card.word,
        "effect": found.sides,
        "what": found.what,
        "better": "lower" if card.is_minimised else "higher",
        **dict(zip(NUMBERS, map(_finite, numbers), strict=False)),
        "n": card.interval.n,
        "left_wins": _finite(card.wins.mean),
        "interval": card.interval.kind,
        "tuning": found.tuning,
        "edges": found.edges,
        "compared": found.runs,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
