"""Callbacks during training: progress, checkpoints, pruning, the time limit and stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from bench import results
from bench.core.errors import StorageError
from bench.core.settings import Site
from bench.kernels import Fused
from bench.results.run import Provenance, Run
from bench.training import checkpoint
from bench.training.member import Member

NOT_IDENTICAL = "not bit-identical"
UNRECORDED = "not recorded"

TELL_SECONDS = 0.2
SHARE_OF_TIME = 0.01
"""Checkpoints take at most this fraction of the time."""


Tell = Callable[[Run, float], None]
"""Receives the progress of a Run: the fraction of its budget that is spent."""

ShouldPrune = Callable[[Run, Sequence[float]], bool]
"""Returns whether to prune a Run after these validation losses."""


class StoppedError(Exception):
    """Training was asked to stop, and a checkpoint was written."""


class Callbacks:
    """Callbacks for the members of one Population; `notes` describe each Run's resumptions, by key."""

    def __init__(
        self,
        site: Site,
        machine: Mapping[str, str],
        notes: Mapping[str, tuple[str, ...]],
        tell: Tell,
        should_prune: ShouldPrune | None,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._site, self._machine, self._tell, self._is_stopped = site, machine, tell, is_stopped
        self._should_prune, self._notes = should_prune, notes
        self._n_asked: dict[str, int] = {}
        self._last_progress = self._last_saved = time.monotonic()
        self._seconds_to_save = 0.0

    def watch(self, members: Sequence[Member]) -> None:
        """Act after an update of each member. Raises StoppedError or StorageError."""
        now = time.monotonic()
        if now - self._last_progress >= TELL_SECONDS:
            self._last_progress = now
            for member in members:
                self._tell(member.run, min(member.progress, 1.0))
        for member in members:
            self._end_if_pruned(member)
            self._end_if_out_of_time(member)
        is_stopped = self._is_stopped()
        if is_stopped or now - self._last_saved >= self._interval:
            self._save([member for member in members if member.status is None])
        if is_stopped:
            raise StoppedError

    @property
    def _interval(self) -> float:
        least = self._site.checkpoint_seconds
        return max(least, self._seconds_to_save / SHARE_OF_TIME) if least else 0.0

    def _save(self, members: Sequence[Member]) -> None:
        started = time.monotonic()
        for member in members:
            self._save_one(member)
        self._last_saved = time.monotonic()
        self._seconds_to_save = self._last_saved - started

    def _save_one(self, member: Member) -> None:
        """Save a member; if its folder and lock were deleted, it ends as failed and the others continue."""
        folder = results.folder_of(self._site.directory, member.run)
        try:
            checkpoint.save(folder, checkpoint.snapshot(member, self._machine, self._notes[member.run.key]))
        except StorageError:
            if folder.exists():
                raise
            member.status, member.reason = "failed", "its folder was deleted while it was trained"

    def _end_if_pruned(self, member: Member) -> None:
        """Ask after each evaluation whether to prune a member that has not ended."""
        n_points = len(member.curve)
        is_new = n_points > self._n_asked.get(member.run.key, 0)
        if self._should_prune is None or member.status is not None or not is_new:
            return
        self._n_asked[member.run.key] = n_points
        if self._should_prune(member.run, [point.validation_nats for point in member.curve]):
            member.status, member.reason = "pruned", f"pruned by tune.pruner after evaluation {n_points}"

    def _end_if_out_of_time(self, member: Member) -> None:
        limit = self._site.limits.seconds
        if limit is None or member.status is not None or member.clock.seconds < limit:
            return
        self._save([member])
        if member.status is not None:
            return
        member.status = "timeout"
        member.reason = f"limits.seconds: {limit:g} s are spent after {member.n_updates} updates"


def machine_of(origin: Provenance, kernel: str) -> dict[str, str]:
    """Return what bit-identity depends on besides the settings of a Run."""
    versions = {name: origin.versions[name] for name in ("torch", "numpy") if name in origin.versions}
    library = {"compiled library": origin.library or UNRECORDED} if kernel == Fused.name else {}
    threads = str(origin.threads)
    return {"cpu": origin.cpu, "device": origin.device, "threads": threads, "kernel": kernel, **library, **versions}


def resumed(
    make: Callable[[], Member], run: Run, site: Site, machine: Mapping[str, str]
) -> tuple[Member, tuple[str, ...]]:
    """Return a Run's member restored from its checkpoint, or a new one, and notes on the resumption."""
    member = make()
    found, notes = checkpoint.load(results.folder_of(site.directory, run), run.key)
    if found is None:
        return member, tuple(notes)
    if found.machine.get("kernel") != machine["kernel"]:
        return member, (*notes, f"restarted: the checkpoint was made by kernel {found.machine.get('kernel')}")
    try:
        checkpoint.restore(member, found)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        return make(), (*notes, f"restarted: the checkpoint does not fit, {type(error).__name__}: {error}")
    how = _compared(found.machine, machine, found.resumed)
    return member, (*found.resumed, *notes, f"resumed after {member.n_updates} updates, {how}")


def _compared(before: Mapping[str, str], now: Mapping[str, str], resumed: tuple[str, ...]) -> str:
    """Return whether resuming is bit-identical to training without interruption, and if not why."""
    there = {name: before.get(name, UNRECORDED) for name in now}
    changed = [f"{name} {value}" for name, value in there.items() if value != now[name] or value == UNRECORDED]
    if changed:
        return f"{NOT_IDENTICAL}, the checkpoint was made with {', '.join(changed)}"
    if any(NOT_IDENTICAL in line for line in resumed):
        return "on the machine and the build of the checkpoint, which had not been made in one piece"
    return "bit-identical"
