"""What a results directory holds, read without the product's own reader: outcomes as text, and files as they lie."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

FINAL = ("done", "pruned", "diverged")


def outcomes(results: Path) -> dict[str, str]:
    """Return the outcome and the settings of every Run that has ended, as canonical JSON, by its label.

    Of kept weights it is the SHA-256, by the path of their file.
    """
    found = {path.parent.name: _canonical(path) for path in sorted(results.glob("runs/*/record.json"))}
    for path in sorted(results.glob("runs/*/weights.safetensors")):
        found[f"{path.parent.name}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def stamps(results: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of change of the record of every finished Run: both change when it is written again."""
    found = {}
    for path in results.glob("runs/*/record.json"):
        if _status(path) in FINAL:
            found[path.parent.name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def differences(reference: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return a line for each Run that is missing, too many, or different in any bit."""
    lines = [f"{label}: no record" for label in reference.keys() - found.keys()]
    lines += [f"{label}: not in the reference" for label in found.keys() - reference.keys()]
    for label in reference.keys() & found.keys():
        if reference[label] != found[label]:
            lines.append(f"{label}: {_first_difference(reference[label], found[label])}")
    return sorted(lines)


def checkpoints(results: Path) -> int:
    """Return how many unfinished Runs have a checkpoint to go on from."""
    folders = [path for path in results.glob("runs/*") if not (path / "record.json").exists()]
    return sum(any(folder.glob("checkpoint*")) for folder in folders)


def forgotten(results: Path) -> list[str]:
    """Return the checkpoints of finished Runs, which nothing has a use for."""
    names = ("checkpoint", "checkpoint.previous")
    folders = [path.parent for path in results.glob("runs/*/record.json") if _status(path) in FINAL]
    return sorted(f"{folder.name}/{name}" for folder in folders for name in names if (folder / name).exists())


def _canonical(path: Path) -> str:
    try:
        node = json.loads(path.read_bytes())
        return json.dumps({part: node[part] for part in ("outcome", "run")}, sort_keys=True)
    except (ValueError, KeyError, TypeError) as error:
        return f"unreadable: {type(error).__name__}: {error}"


def _status(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["outcome"]["status"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def _first_difference(a: str, b: str) -> str:
    place = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"`{a[max(place - 30, 0) : place + 40]}` became `{b[max(place - 30, 0) : place + 40]}`"
