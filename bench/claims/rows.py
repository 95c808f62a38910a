"""Findings as rows for programs: one for each claim and data set, and one for each claim that was not tested."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.claims.claim import Claim
from bench.claims.judgement import Finding, Result
from bench.results.summary import json_rows

CLAIM_COLUMNS = (
    *("claim", "task", "direction", "verdict", "scope", "card", "effect", "what", "better", "mean", "low", "high"),
    *("confidence", "margin_low", "margin_high", "interval", "n", "left_wins", "tuning", "edges", "reason", "compared"),
    *("sentence", "source", "note", "groups"),
)

NUMBERS = ("mean", "low", "high", "confidence", "margin_low", "margin_high", "n", "left_wins")


def claims_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return findings as a frame; `groups` are those of the summary, joined by blanks; "" for no number."""
    rows = [{**row, "groups": " ".join(row["groups"])} for row in claim_rows(findings)]
    filled = [{name: "" if value is None else value for name, value in row.items()} for row in rows]
    return pd.DataFrame(filled, columns=list(CLAIM_COLUMNS))


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
    found, card = result.found, result.found.card
    low, high = card.edges
    numbers = (card.interval.mean, card.interval.low, card.interval.high, card.confidence, low, high)
    return {
        **said,
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
        "groups": list(found.groups),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
