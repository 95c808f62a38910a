"""Scheduling: which Runs train together, in which order, and how long it may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench import results
from bench.core.endings import RunStatus
from bench.core.settings import Site
from bench.results.run import Run
from bench.sweep.executors.base import Pack
from bench.tasks import Task
from bench.tasks.base import Sequences
from bench.tasks.subset import n_kept
from bench.training.model import Shape

ASSUMED_RATE = 4e10
"""Floating-point operations per second of one core, assumed until a Run has finished."""

PASSES = 3.0
"""A training step takes as much as three forward passes: backwards there are two products for each."""

POPULATION = {"cpu": 1, "cuda": 64}
"""Runs that train together unless told otherwise. On a CPU members are computed one after the other, so that company
brings nothing, and a worker that dies takes fewer with it."""

ALIKE = 2.0
"""Packs whose lengths differ by less than this factor take turns."""


@dataclass(frozen=True)
class Load:
    """What a Run's model is like and what its training takes, in floating-point operations (0 where unknown)."""

    num_params: Mapping[str, int]
    num_flops: Mapping[str, int]
    operations: float
    alike: str


@dataclass(frozen=True)
class Past:
    """What is known of a Run from its record, and whether it lacks weights that are to be kept."""

    status: RunStatus
    seconds: float
    lacks_weights: bool = False

    def is_over(self, site: Site) -> bool:
        """Return whether the Run is finished, or timed out under a limit that has not been raised."""
        limit = site.limits.seconds
        is_timed_out = self.status == "timeout" and limit is not None and self.seconds >= limit
        return self.is_finished(site) or is_timed_out

    def is_finished(self, site: Site) -> bool:
        """Return whether there is nothing more to train."""
        return results.is_final(self.status, is_pruning=site.is_pruning) and not self.lacks_weights


def load_of(run: Run, shape: Shape, task: Task) -> Load:
    """Return the load of a Run; Runs that are `alike` can train together."""
    flops = shape.num_flops()
    alike = repr((run.task_name, shape, run.kernel, run.device, run.phase))
    return Load(shape.num_params(), flops, PASSES * flops["total"] * _units(run, task), alike)


def packs(runs: Iterable[Run], loads: Mapping[str, Load], population: int | None) -> list[Pack]:
    """Return the Runs in packs of equal shape, the longest first."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(loads[run.key].alike, []).append(run)
    chunks = [
        tuple(group[start : start + size])
        for group in groups.values()
        for size in [population or POPULATION[group[0].device]]
        for start in range(0, len(group), size)
    ]
    return sorted(chunks, key=lambda pack: -_operations(pack, loads))


def interleaved_packs(runs: Iterable[Run], loads: Mapping[str, Load], population: int | None) -> list[Pack]:
    """Return the Runs in packs of equal shape, the longest first, those of about one length seed by seed.

    Runs of one seed that are to be compared thus train next to each other, and what slows the machine down for a while
    slows all of them down.
    """
    places, longest = [], math.inf
    for pack in packs(runs, loads, population):
        length = _operations(pack, loads)
        longest = length if length * ALIKE < longest else longest
        places.append((-longest, pack[0].seed, -length, pack))
    return [pack for *_, pack in sorted(places, key=lambda place: place[:-1])]


def _operations(pack: Pack, loads: Mapping[str, Load]) -> float:
    return sum(loads[run.key].operations for run in pack)


def _units(run: Run, task: Task) -> float:
    """Return about how many frames or tokens a Run trains on at most."""
    settings, kept = run.train, n_kept(task.train, run.train.fraction)
    units = task.train.n_units * settings.fraction
    epochs = [float(settings.max_epochs)] if settings.max_epochs else []
    if settings.max_updates:
        if isinstance(task.train, Sequences):
            batches = -(-kept // settings.batch_size)
        else:
            batches = -(-(kept // settings.batch_size) // settings.window)
        epochs.append(settings.max_updates / batches)
    return units * min(epochs, default=0.0)
