"""Wilcoxon's signed-rank test of paired differences, exact at every n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.stats.intervals import ENOUGH

SIGNED_RANK = "exact Wilcoxon signed-rank test"


@dataclass(frozen=True)
class SignedRank:
    """The sum of the ranks of positive differences; both p-values are None where too few differ from zero.

    `n` counts the differences other than zero; `smallest_p` is what n differences of one sign would give.
    """

    rank_sum: float
    p_value: float | None
    smallest_p: float | None
    n: int
    n_zero: int


def signed_rank(differences: Sequence[float], *, enough: int = ENOUGH) -> SignedRank:
    """Test, two-sided, whether paired differences are symmetric about zero.

    The distribution is counted over all 2^n signs given the ranks, so that it is exact with ties too, where
    scipy's is not. Zeros are left out, as Wilcoxon did. It assumes independent pairs whose differences are
    symmetric when there is no effect; it says nothing of the mean of skewed differences.

    Raises ValueError for a value that is not finite.
    Source: Wilcoxon 1945, Biometrics Bulletin 1; ties: Pratt and Gibbons 1981, Concepts of Nonparametric Theory.
    """
    sample = np.asarray(differences, dtype=float)
    if not np.isfinite(sample).all():
        raise ValueError("values that are not finite have no ranks")
    moved = sample[sample != 0]
    n, n_zero = len(moved), len(sample) - len(moved)
    ranks = stats.rankdata(np.abs(moved))
    rank_sum = float(ranks[moved > 0].sum())
    if n < enough:
        return SignedRank(rank_sum, None, None, n, n_zero)
    shares = _shares(np.rint(2 * ranks).astype(int))
    place = round(2 * rank_sum)
    tail = min(shares[: place + 1].sum(), shares[place:].sum())
    return SignedRank(rank_sum, float(min(1.0, 2 * tail)), 2.0 ** (1 - n), n, n_zero)


def _shares(doubled_ranks: np.ndarray) -> np.ndarray:
    """Return the share of all signs under which twice the rank sum is 0, 1, 2 and so on; ties have half ranks."""
    shares = np.zeros(int(doubled_ranks.sum()) + 1)
    shares[0] = 1.0
    for rank in doubled_ranks:
        halved = shares / 2
        shares = halved.copy()
        shares[rank:] += halved[:-rank]
    return shares
