"""Callbacks look after Runs while they train: they tell how far these are, keep checkpoints, end what must end."""

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
"""Checkpoints take at most this share of the time."""


Tell = Callable[[Run, float], None]
"""Takes in what share of its budget a Run has spent."""

ShouldPrune = Callable[[Run, Sequence[float]], bool]
"""Returns whether a Run is to be pruned after these validation losses."""


class StoppedError(Exception):
    """Training stopped because it was asked to; a checkpoint is there."""


class Callbacks:
    """Watches over the members of one Population; `notes` has what is known of each Run's resumptions, by key."""

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
        self._last_told = self._last_saved = time.monotonic()
        self._seconds_to_save = 0.0

    def watch(self, members: Sequence[Member]) -> None:
        """Look at the members after an update of each. Raises StoppedError or StorageError."""
        now = time.monotonic()
        if now - self._last_told >= TELL_SECONDS:
            self._last_told = now
            for member in members:
                self._tell(member.run, min(member.share, 1.0))
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
        """Save a member; one whose folder is gone, and with it its lock, ends as failed and stops no other."""
        folder = results.folder_of(self._site.directory, member.run)
        try:
            checkpoint.save(folder, checkpoint.taken(member, self._machine, self._notes[member.run.key]))
        except StorageError:
            if folder.exists():
                raise
            member.status, member.reason = "failed", "its folder was deleted while it was trained"

    def _end_if_pruned(self, member: Member) -> None:
        """Ask after each evaluation whether a member is worth going on; one that has ended is not asked about."""
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
    """Return what the bits of a training depend on besides its settings."""
    versions = {name: origin.versions[name] for name in ("torch", "numpy") if name in origin.versions}
    library = {"compiled library": origin.library or UNRECORDED} if kernel == Fused.name else {}
    threads = str(origin.threads)
    return {"cpu": origin.cpu, "device": origin.device, "threads": threads, "kernel": kernel, **library, **versions}


def resumed(
    make: Callable[[], Member], run: Run, site: Site, machine: Mapping[str, str]
) -> tuple[Member, tuple[str, ...]]:
    """Return a Run's member where its checkpoint left it, or a fresh one, and what is worth knowing about that."""
    member = make()
    found, notes = checkpoint.load(results.folder_of(site.directory, run), run.key)
    if found is None:
        return member, tuple(notes)
    if found.machine.get("kernel") != machine["kernel"]:
        return member, (*notes, f"started anew: the checkpoint was made by kernel {found.machine.get('kernel')}")
    try:
        checkpoint.restore(member, found)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        return make(), (*notes, f"started anew: the checkpoint does not fit, {type(error).__name__}: {error}")
    how = _compared(found.machine, machine, found.resumed)
    return member, (*found.resumed, *notes, f"resumed after {member.n_updates} updates, {how}")


def _compared(before: Mapping[str, str], now: Mapping[str, str], resumed: tuple[str, ...]) -> str:
    """Return whether going on gives the bits of a training in one piece, and if not why."""
    there = {name: before.get(name, UNRECORDED) for name in now}
    changed = [f"{name} {value}" for name, value in there.items() if value != now[name] or value == UNRECORDED]
    if changed:
        return f"{NOT_IDENTICAL}, the checkpoint was made with {', '.join(changed)}"
    if any(NOT_IDENTICAL in line for line in resumed):
        return "on the machine and the build of the checkpoint, which had not been made in one piece"
    return "bit-identical"
