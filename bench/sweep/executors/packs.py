"""Packs of Runs carried out by the job of a cluster: a sweep in small, from inside one process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from bench.core import process
from bench.core.settings import Site
from bench.sweep.executors.base import Ended, Pack

if TYPE_CHECKING:
    pass


def run_packs(packs: Sequence[Pack], site: Site, place: str, n_workers: int) -> list[Ended]:
    """Carry out packs as the job of an engine, from the directory `place`; return how Runs ended, for what it is worth.

    A job is a sweep in small: limits, retries and signals are those of worker processes on one machine.
    """
    from bench.sweep.executors.local import Local
    from bench.sweep.executors.prune_files import JobQueue

    os.chdir(place)
    endings: list[Ended] = []
    local, queue = Local(n_workers), JobQueue(packs, site)
    with process.listening(for_keyboard=True) as stop, closing(local.carry_out(queue, site, stop)) as events:
        for event in events:
            if isinstance(event, Ended) and not (stop and event.delivery == "lost"):
                endings.append(event)
            if isinstance(event, Ended) and event.delivery == "unsaved":
                break
    return endings
