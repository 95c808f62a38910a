"""Processes and their descendants; what a killed command leaves behind is handed to us instead of to init."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36

RULER_SECONDS = 0.5
"""Of computing, to see how busy the machine is: long enough to be interrupted as often as others are."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none escapes the count."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def below(ancestor: int) -> set[int]:
    """Return the living descendants of a process; one that has ended and was not waited for is not alive."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            children[int(parent)].append((int(path.parent.name), state not in "ZX"))
    found, waiting = set(), [ancestor]
    while waiting:
        for pid, is_alive in children[waiting.pop()]:
            waiting.append(pid)
            found |= {pid} if is_alive else set()
    return found


def workers_of(pid: int) -> list[int]:
    """Return the descendants of a command that work for it, multiprocessing's own bookkeeper left out."""
    return sorted(child for child in below(pid) if "resource_tracker" not in _words(child))


def orphans(seconds: float) -> list[str]:
    """Return what is still alive below this process after so many seconds of a free processor, and end it."""
    alive = _alive_after(seconds)
    if alive:
        alive = _alive_after(seconds * (slowed() - 1))
    names = [f"{pid}: {_words(pid)[:80]}" for pid in alive]
    for pid in alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return names


def slowed() -> float:
    """Return how many times as long as alone a computation takes now, with all else that the machine is at."""
    wall, own = time.perf_counter(), time.thread_time()
    while time.thread_time() - own < RULER_SECONDS:
        pass
    return max(1.0, (time.perf_counter() - wall) / RULER_SECONDS)


def _alive_after(seconds: float) -> set[int]:
    until = time.monotonic() + seconds
    while (alive := below(os.getpid())) and time.monotonic() < until:
        time.sleep(0.02)
    return alive


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
