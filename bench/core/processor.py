"""What the system tells of the processor; psutil and platform know neither its model nor what it can do."""

from __future__ import annotations

from pathlib import Path


def described(field: str) -> list[str]:
    """Return what /proc/cpuinfo says in a field, each text once; empty where there is no such field (not Linux)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    pairs = (line.partition(":") for line in lines)
    return list(dict.fromkeys(value.strip() for name, _, value in pairs if name.strip() == field))
