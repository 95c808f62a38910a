"""Methods: with which software, on which machine."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records import RunRecord
from bench.report.gathered import Gathered
from bench.report.wording import listed, plain, quantity

MOST = 3
"""Different machines or sets of versions that a sentence still holds."""


def machine(found: Gathered) -> list[str]:
    """Return the software and the machine of all Runs, those for tuning included."""
    records = found.records
    commits = _distinct([record.provenance.git_commit[:12] for record in records])
    dirty = sum(record.provenance.git_dirty for record in records)
    changed = f", with changes not committed in {quantity(dirty, 'run')}" if dirty else ""
    kernels = _distinct([record.outcome.kernel for record in records if record.outcome.kernel != "none"])
    return [
        f"Software: {_either([_versions(record) for record in records])}.",
        f"Machine: {_either([_computer(record) for record in records])}.",
        *([f"Kernel of the recurrent layers: {listed([plain(name, 40) for name in kernels])}."] if kernels else []),
        *([f"Code: commit {listed([plain(name, 12) for name in commits[:MOST]])}{changed}."] if any(commits) else []),
    ]


def _versions(record: RunRecord) -> str:
    versions = record.provenance.versions
    named = [f"{plain(name, 40)} {plain(versions[name], 40)}" for name in sorted(versions, key=_own_first)]
    return listed(named) if named else "versions not recorded"


def _own_first(name: str) -> tuple[bool, str]:
    return name != "gatebench", name


def _computer(record: RunRecord) -> str:
    origin = record.provenance
    where = f"{plain(origin.cpu, 80) or 'CPU not recorded'}, {plain(origin.platform, 80)}"
    device = "" if origin.device == "cpu" else f", trained on {plain(origin.device, 80)}"
    return f"{where}{device}, {quantity(origin.threads, 'thread')} for each run"


def _either(texts: Sequence[str]) -> str:
    found = _distinct(texts)
    more = f"; or one of {len(found) - MOST} more" if len(found) > MOST else ""
    return "; or ".join(found[:MOST]) + more


def _distinct(texts: Sequence[str]) -> list[str]:
    return sorted(set(texts))
