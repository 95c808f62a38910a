"""What the job of a cluster does with its packs: a small sweep on the machine it runs on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing

from bench.core import process
from bench.core.settings import Site
from bench.sweep.executors.base import Ended, Pack


def run_packs(packs: Sequence[Pack], site: Site, place: str, n_workers: int) -> list[Ended]:
    """Run packs as a job, from the directory `place`, and return how the Runs ended.

    Limits, retries and signals work as for worker processes on one machine.
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
