"""Resident memory: the peak of this process, the present of another.

The peak is read from Linux itself: psutil knows one on Windows alone, and cannot start a new measurement.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import psutil

GIB = 1 << 30


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
    """Return the memory of this machine."""
    return int(psutil.virtual_memory().total)


def resident_bytes(pid: int) -> int:
    """Return the resident size of another process, 0 where there is none or the system does not tell."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
