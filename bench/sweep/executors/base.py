"""The hand-over of Runs: what an executor is given, what it tells, what it promises."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bench.core.process import Stop
from bench.core.settings import Site
from bench.results.run import Run

Pack = tuple[Run, ...]
"""Runs of equal shape, to be trained together."""

Delivery = Literal["recorded", "held", "interrupted", "lost", "unsaved"]
"""How a Run ended here: its record is in the store; another process works on it, and is waited for; it stopped and
goes on from its checkpoint; its process died, over and over; the store could not be written."""


@dataclass(frozen=True)
class Advanced:
    """A Run has come this far."""

    run: Run
    share: float


@dataclass(frozen=True)
class PruneQuery:
    """A Run asks, after an evaluation, whether it is worth going on; its validation losses so far."""

    run: Run
    nats: tuple[float, ...]


@dataclass(frozen=True)
class Retried:
    """The process of a Run died; it is tried again."""

    run: Run
    reason: str


@dataclass(frozen=True)
class Ended:
    """A Run has ended."""

    run: Run
    delivery: Delivery
    reason: str = ""


Event = Advanced | Retried | Ended


class FixedQueue:
    """A queue of packs that are known beforehand, whose Runs are all trained to their end."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self._packs = deque(packs)

    @property
    def n_waiting(self) -> int:
        """See `PackQueue`."""
        return len(self._packs)

    def next_pack(self) -> Pack | None:
        """See `PackQueue`."""
        return self._packs.popleft() if self._packs else None

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """See `PackQueue`."""
        return False


class PackQueue(Protocol):
    """Where an executor's packs come from, one at a time, and what becomes of their Runs under way."""

    @property
    def n_waiting(self) -> int:
        """How many packs are still to come, about."""
        ...

    def next_pack(self) -> Pack | None:
        """Return the next pack; None where there is none now, and none at all once no Run is under way."""
        ...

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """Return whether a Run is to be pruned after these validation losses, the first evaluation first."""
        ...


class GrowingQueue(PackQueue, Protocol):
    """A queue whose Runs are not all known beforehand."""

    @property
    def n_open(self) -> int:
        """How many Runs are still to be asked for."""
        ...

    def begin(self, waiting: Iterable[Run]) -> None:
        """Get ready on disk; the Runs that are known and wait come first."""
        ...

    def tell(self, run: Run) -> None:
        """Take in that a Run has ended."""
        ...

    def note(self, run: Run) -> str:
        """Return what is to be said of a Run besides its name."""
        ...


class Executor(Protocol):
    """Carries out packs of Runs somewhere."""

    @property
    def n_workers(self) -> int:
        """How many packs are carried out at once."""
        ...

    def carry_out(self, queue: PackQueue, site: Site, stop: Stop) -> Generator[Event, None, None]:
        """Carry out packs as they come, yielding what happens as it happens; each Run ends exactly once.

        Told to stop, it lets what runs make a checkpoint and yields `interrupted` for it, and nothing for what has
        not begun. A closed generator leaves no process behind.
        """
        ...
