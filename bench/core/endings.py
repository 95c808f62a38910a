"""How training ends: the words for a Run, for a trial of one or more Runs, and for what a sampler is told of it."""

from __future__ import annotations

from typing import Literal, get_args

FinalStatus = Literal["done", "pruned", "diverged"]
"""Endings of a Run that are not tried again."""

RunStatus = Literal[FinalStatus, "timeout", "failed"]
"""How a Run ended, as its record says."""

RunEnding = Literal[RunStatus, "interrupted"]
"""How a Run may end; one that was interrupted has no record and continues from its checkpoint."""

TrialStatus = Literal[FinalStatus, "failed", "infeasible", "waiting"]
"""The state of a trial: all its Runs are done; it was pruned; a Run of it diverged; one failed or ran out of time; its
settings cannot be trained at all; it is not over yet."""

TrialEnding = Literal["done", "pruned", "failed"]
"""How a trial ended for a sampler: one that has no score and was not pruned is `failed` and teaches it nothing."""

FINAL: tuple[FinalStatus, ...] = get_args(FinalStatus)
RUN_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
RUN_ENDINGS: tuple[RunEnding, ...] = get_args(RunEnding)
TRIAL_STATUSES: tuple[TrialStatus, ...] = get_args(TrialStatus)


def trial_ending(status: TrialStatus) -> TrialEnding:
    """Return how a trial ended for a sampler."""
    return status if status == "done" or status == "pruned" else "failed"
