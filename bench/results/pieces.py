"""The losses of test pieces: of a set of Runs as one array, and of two paired sets as an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.metrics import METRICS
from bench.core.typing import Float
from bench.results.run import RunRecord
from bench.stats.pieces import CrossedDifference, crossed_difference


@dataclass(frozen=True)
class PieceLosses:
    """The summed loss of each of P pieces in each of R Runs, in nats, and the units of each piece."""

    nats: Float[np.ndarray, "R P"]
    units: Float[np.ndarray, "P"]


def pieces_of(records: Sequence[RunRecord]) -> PieceLosses | None:
    """Return the test pieces of Runs, in the order of the records.

    None where there is no record, where one has no pieces (an earlier version made it, or it never saw the test split),
    and where two differ in the test data or in how they are cut.
    """
    found = [record.outcome.pieces.get("test") for record in records]
    cuts = {each and each.units for each in found}
    data = {record.outcome.data_digests.get("test") for record in records}
    if not found or None in cuts or len(cuts) > 1 or len(data) > 1:
        return None
    nats = np.array([each.nats for each in found if each is not None], dtype=float)
    (units,) = cuts
    return PieceLosses(nats, np.array(units, dtype=float))


def difference_over_pieces(
    left: Sequence[RunRecord], right: Sequence[RunRecord], *, confidence: float = 0.95
) -> CrossedDifference | None:
    """Return the mean test score of the left Runs minus the right, which are paired in their order, and its interval.

    It is in the task's metric. None where `pieces_of` all of them is, and for a metric that is no function of nats.
    Raises ValueError for unequal numbers of Runs.
    """
    if len(left) != len(right):
        raise ValueError(f"{len(left)} runs on the left and {len(right)} on the right are not pairs")
    both = pieces_of([*left, *right])
    metric = METRICS.get(str(left[0].run.task.get("metric"))) if left else None
    if both is None or metric is None:
        return None
    sides = both.nats[: len(left)], both.nats[len(left) :]
    return crossed_difference(*sides, both.units, from_nats=metric.from_nats, confidence=confidence)
