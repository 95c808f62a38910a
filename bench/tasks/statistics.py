"""Check a split against what its task says it holds."""

from __future__ import annotations

from bench.errors import DataError
from bench.tasks.spec import TaskSpec


def check(spec: TaskSpec, split: str, *, sequences: int, units: int, digest: str, where: str) -> None:
    """Raise DataError, about the place `where`, if a split's counts or content differ from the task's `statistics`."""
    expected = (spec.statistics or {}).get(split)
    if expected is None:
        return
    for what, found, wanted in (
        ("sequences", sequences, expected.sequences),
        ("units", units, expected.units),
    ):
        if found != wanted:
            raise DataError(where, f"must hold {wanted} {what}, got {found}; these are not the published data")
    if expected.digest is not None and digest != expected.digest:
        raise DataError(
            where, f"content has SHA-256 {digest[:16]}..., must be {expected.digest[:16]}...; the data differ"
        )
