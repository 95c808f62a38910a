"""Where the time of a job goes in this project: a run with a clock around what it calls, apart from the paired one.

A profiler would slow down Python far more than arithmetic, and so move the shares it is to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from bench.kernels.fused import interface
from bench.speed.jobs.contenders import Ours
from bench.speed.timing import CLOCKS, ClockName
from bench.tasks.base import Split
from bench.training import loop, optim
from bench.training.batches import Batch, Batches, Ragged

P = ParamSpec("P")
T = TypeVar("T")

REST = "python"
SHARES = ("arithmetic", "noise", "data", "evaluation", REST)
"""`arithmetic` are the calls of forward, backward, clipping and optimiser (for a kernel other than fused, with the
Python in them), `data` are the batches, `python` is what remains: the loop and what it hands from one to the other."""

CALLS = (
    ("arithmetic", interface, "step"),
    ("arithmetic", interface, "update"),
    ("arithmetic", loop, "gradients"),
    ("arithmetic", optim.TorchOptimiser, "step"),
    ("noise", loop, "with_weight_noise"),
    ("noise", loop, "with_input_noise"),
    ("noise", loop, "dropout"),
    ("evaluation", loop, "evaluate"),
)
"""What is clocked, where its caller finds it; a call within a call counts as the outer one."""

LEAST_SECONDS = 0.5


@dataclass
class Stopwatch:
    """Seconds by what they went to."""

    now: Callable[[], float]
    seconds: dict[str, float] = field(default_factory=dict)
    is_running: bool = False

    def timed(self, what: str, call: Callable[P, T]) -> Callable[P, T]:
        """Return a call whose time is added up, unless it is within another."""

        def clocked(*args: P.args, **kwargs: P.kwargs) -> T:
            if self.is_running:
                return call(*args, **kwargs)
            self.is_running, started = True, self.now()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[what] = self.seconds.get(what, 0.0) + self.now() - started
                self.is_running = False

        return clocked


@dataclass(frozen=True)
class ClockedBatches:
    """The batches of a member, with a clock around the making of each."""

    inner: Batches
    watch: Stopwatch

    @property
    def split(self) -> Split:
        return self.inner.split

    @property
    def n_per_epoch(self) -> int:
        return self.inner.n_per_epoch

    def batch(self, epoch: int, position: int) -> Batch:
        return self.watch.timed("data", self.inner.batch)(epoch, position)

    def ragged(self, epoch: int, position: int) -> Ragged | None:
        return self.watch.timed("data", self.inner.ragged)(epoch, position)


def shares_of(ours: Ours, clock: ClockName, least_seconds: float = LEAST_SECONDS) -> dict[str, float]:
    """Go on training, for whole epochs, and return what share of the time went to what; they add up to 1."""
    now = CLOCKS[clock]
    watch = Stopwatch(now)
    with clocked(ours, watch):
        started = now()
        ours.epoch()
        while (total := now() - started) < least_seconds:
            ours.epoch()
    found = {what: watch.seconds.get(what, 0.0) / total for what in SHARES if what != REST}
    return {**found, REST: 1 - sum(found.values())}


@contextmanager
def clocked(ours: Ours, watch: Stopwatch) -> Iterator[None]:
    """Put the clock around every call, and take it off at the end."""
    with ExitStack() as stack:
        for what, owner, name in CALLS:
            stack.enter_context(_replaced(owner, name, watch.timed(what, getattr(owner, name))))
        stack.enter_context(_replaced(ours.member, "batches", ClockedBatches(ours.member.batches, watch)))
        yield


@contextmanager
def _replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
