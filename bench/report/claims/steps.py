"""The steps of a claim on one task: one comparison of its sides, or several where it is about how they change."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.claims.claim import OVER_DATA, Claim
from bench.report.claims.sides import NotTestedError, Side, candidates, side_at, sides_of
from bench.report.frames import SIZED
from bench.report.summary import at_fractions
from bench.report.wording import listed

Steps = tuple[tuple[Side, Side], ...]


def steps_of(claim: Claim, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides of a claim at each of its steps, given the summary of one task and its runs.

    A claim about data has one for each share of the training split, from the smallest; one about a regulariser has
    one without it and one with it; any other has one. Raises NotTestedError.
    """
    if claim.estimator == OVER_DATA:
        return _over_data(claim, rows, runs)
    if claim.regulariser is not None:
        return _without_and_with(claim, claim.regulariser, rows, runs)
    return (sides_of(claim, rows, runs),)


def _over_data(claim: Claim, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides at each share of the training split that both have.

    The size is the one chosen at the largest share; at each, either side is at its best settings there.
    """
    scored = rows[rows["n"] > 0]
    swept = scored[scored.groupby(SIZED)["train_fraction"].transform("nunique") > 1]
    if swept.empty:
        raise NotTestedError("No runs sweep the training fraction.")
    chosen = sides_of(claim, swept, runs)
    found = [
        {row["train_fraction"]: side_at(side.name, row, runs) for _, row in at_fractions(those, side.row).iterrows()}
        for side, those in zip(chosen, candidates(claim, swept, runs), strict=True)
    ]
    shared = sorted(found[0].keys() & found[1].keys())
    if len(shared) < 2:
        names = listed([side.name for side in chosen])
        raise NotTestedError(f"{names} have fewer than two shares of the training split in common.")
    return tuple((found[0][fraction], found[1][fraction]) for fraction in shared)


def _without_and_with(claim: Claim, regulariser: str, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides without a regulariser and with it, all four of one size and share of the training split.

    The size is the one chosen with it; of several strengths, either side is at its best one. Whatever else
    regularises is the same without it.
    """
    names = rows["regularisers"].str.split(", ")
    rows = rows.assign(is_on=names.apply(lambda on: regulariser in on), others=names.apply(_but(regulariser)))
    if not rows["is_on"].any():
        raise NotTestedError(f"No runs have {regulariser} on.")
    regularised = sides_of(claim, rows[rows["is_on"]], runs)
    alike = [*SIZED, "train_fraction", "others"]
    is_like = [(rows[alike] == side.row[alike]).all(axis=1) for side in regularised]
    plain = rows[~rows["is_on"] & (is_like[0] | is_like[1])]
    if plain.empty or len({side.row["others"] for side in regularised}) > 1:
        raise NotTestedError(f"No runs are the same but for {regulariser} being off.")
    return (sides_of(claim, plain, runs), regularised)


def _but(regulariser: str) -> Callable[[list[str]], str]:
    return lambda names: ", ".join(name for name in names if name != regulariser)
