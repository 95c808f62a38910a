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
    *("claim", "task", "verdict", "effect", "what", "mean", "low", "high", "confidence", "interval", "n"),
    *("n_to_decide", "tuning", "reason", "compared", "sentence", "source", "note", "groups"),
)


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
    for result in finding.results if finding.is_tested else ():
        yield {**_result(result), **_claim(finding.claim)}
    if not finding.is_tested:
        yield {**_result(Result("", "", None, finding.why)), **_claim(finding.claim)}


def _claim(claim: Claim) -> dict[str, Any]:
    return {"claim": claim.name, "sentence": claim.sentence, "source": claim.source, "note": claim.note}


def _result(result: Result) -> dict[str, Any]:
    said = {
        "task": result.task,
        "verdict": result.word,
        "effect": result.sides,
        "what": result.what,
        "tuning": result.tuning,
        "reason": result.why,
        "compared": result.compared,
        "groups": list(result.groups),
    }
    if result.verdict is None:
        numbers = dict.fromkeys(("mean", "low", "high", "confidence", "n", "n_to_decide"))
        return {**said, **numbers, "interval": ""}
    wide = result.verdict.estimate.wide
    return {
        **said,
        **{name: _finite(value) for name, value in (("mean", wide.mean), ("low", wide.low), ("high", wide.high))},
        "confidence": result.verdict.estimate.confidence,
        "interval": wide.kind,
        "n": wide.n,
        "n_to_decide": result.verdict.n_to_decide,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
