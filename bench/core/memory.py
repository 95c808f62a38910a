"""Resident memory: the peak of this process, the present of another."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path


def reset_peak() -> None:
    """Start a new measurement where the system allows it (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_bytes() -> int:
    """Return the largest resident size since `reset_peak`, or since the process started where it has no effect."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def total_bytes() -> int:
    """Return the memory of this machine, 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def resident_bytes(pid: int | None) -> int:
    """Return the resident size of another process, 0 where the system does not tell (elsewhere than on Linux)."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    return 0
