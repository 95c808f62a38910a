"""Interface of executors: the queue they take packs from, the events they yield, and what they guarantee."""

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
"""How an executor hands a Run back: with its record in the store; locked by another process; stopped, to continue from
its checkpoint; without a record because its process died on every try; unsaved because the store cannot be written."""


@dataclass(frozen=True)
class Advanced:
    """A Run has made progress: the fraction of its budget that is spent."""

    run: Run
    progress: float


@dataclass(frozen=True)
class PruneQuery:
    """A Run asks after an evaluation whether to prune it; `nats` are its validation losses so far."""

    run: Run
    nats: tuple[float, ...]


@dataclass(frozen=True)
class Retried:
    """The process of a Run died; the Run is retried."""

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
    """A queue of packs known in advance, without pruning."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self._packs = deque(packs)

    @property
    def n_waiting(self) -> int:
        return len(self._packs)

    def next_pack(self) -> Pack | None:
        return self._packs.popleft() if self._packs else None

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        return False


class PackQueue(Protocol):
    """Where an executor takes its packs from, one at a time, and which decides about pruning."""

    @property
    def n_waiting(self) -> int:
        """Approximate number of packs still to come."""
        ...

    def next_pack(self) -> Pack | None:
        """Return the next pack, or None if there is none now; there may be one again while a Run is being trained."""
        ...

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """Return whether to prune a Run after these validation losses, in order of evaluation."""
        ...


class GrowingQueue(PackQueue, Protocol):
    """A queue whose Runs are not all known in advance."""

    @property
    def n_open(self) -> int:
        """Number of Runs not yet known."""
        ...

    @property
    def searched(self) -> frozenset[str]:
        """Names of the settings that a note tells."""
        ...

    def begin(self, waiting: Iterable[Run]) -> None:
        """Prepare the files of the queue and queue the known Runs that are not finished."""
        ...

    def tell(self, run: Run) -> None:
        """Record that a Run has ended."""
        ...

    def note(self, run: Run) -> str:
        """Return a note to show beside a Run's name."""
        ...


class Executor(Protocol):
    """Runs packs on some machines."""

    @property
    def n_workers(self) -> int:
        """Number of packs run at once."""
        ...

    def carry_out(self, queue: PackQueue, site: Site, stop: Stop) -> Generator[Event, None, None]:
        """Run packs as the queue gives them, yielding events as they occur; each Run ends exactly once.

        When `stop` is set, Runs in training write a checkpoint and end as `interrupted`; Runs that have not begun
        yield nothing. A closed generator leaves no process behind.
        """
        ...
