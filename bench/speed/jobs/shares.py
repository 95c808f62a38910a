"""Where the time of a job goes in this project, by the clocks of the training itself."""

from __future__ import annotations

from bench.speed.jobs.contenders import Ours
from bench.speed.timing import CLOCKS, ClockName

REST = "python"
SHARES = ("arithmetic", "noise", "data", "evaluation", REST)
"""`arithmetic` are forward, backward, clipping and optimiser (with a kernel in torch also noise and Python),
`data` is what is put ready before it, `python` is what remains: the loop, and what it notes down."""

LEAST_SECONDS = 0.5


def shares_of(ours: Ours, clock: ClockName, least_seconds: float = LEAST_SECONDS) -> dict[str, float]:
    """Go on training, for whole epochs, and return what share of the time went to what; they add up to 1."""
    now = CLOCKS[clock]
    before, started = _seconds(ours), now()
    ours.epoch()
    while (total := now() - started) < least_seconds:
        ours.epoch()
    found = {what: (seconds - before[what]) / total for what, seconds in _seconds(ours).items()}
    return {**found, REST: 1 - sum(found.values())}


def _seconds(ours: Ours) -> dict[str, float]:
    """Return the seconds so far by what they went to."""
    clock, (updates,) = ours.member.clock, ours.schedule.updates
    return {
        "arithmetic": updates.arithmetic_seconds,
        "noise": updates.noise_seconds,
        "data": clock.data,
        "evaluation": clock.evaluation,
    }
