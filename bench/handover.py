"""The hand-over of Runs: what an executor is given, what it tells, what it promises."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bench.records import Run
from bench.settings import Site
from bench.signals import Stop

Pack = tuple[Run, ...]
"""Runs of equal shape, to be trained together."""

Ending = Literal["recorded", "held", "interrupted", "lost", "unsaved"]
"""How a Run ended here: its record is in the store; another process works on it; it stopped and goes on from its
checkpoint; its process died, over and over; the store could not be written."""


@dataclass(frozen=True)
class Advanced:
    """A Run has come this far."""

    run: Run
    share: float


@dataclass(frozen=True)
class Retried:
    """The process of a Run died; it is tried again."""

    run: Run
    reason: str


@dataclass(frozen=True)
class Ended:
    """A Run has ended."""

    run: Run
    ending: Ending
    reason: str = ""


Event = Advanced | Retried | Ended


class Executor(Protocol):
    """Carries out packs of Runs somewhere."""

    @property
    def n_workers(self) -> int:
        """How many packs are carried out at once."""
        ...

    def carry_out(self, packs: Sequence[Pack], site: Site, stop: Stop) -> Generator[Event, None, None]:
        """Carry out the packs in order, yielding what happens as it happens; each Run ends exactly once.

        Told to stop, it lets what runs make a checkpoint and yields `interrupted` for it, and nothing for what has
        not begun. A closed generator leaves no process behind.
        """
        ...
