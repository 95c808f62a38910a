"""The claims that there are: those that come with the program, and the user's own in `./claim/`."""

from __future__ import annotations

from pathlib import Path

from bench.claims.claim import Claim, claim_of
from bench.errors import ConfigError
from bench.shipped import conf_dir, load, paths

GROUP = "claim"


def read_claims() -> tuple[Claim, ...]:
    """Return all claims in the order of their names; a shipped one stands before one of the user's.

    Raises ConfigError for a file that is no claim.
    """
    return tuple(_read(path) for path in paths(GROUP).values())


def _read(path: Path) -> Claim:
    where = f"{GROUP}.{path.stem}" if path.parent.parent == conf_dir() else str(path)
    claim = claim_of(load(path), where)
    if claim.name != path.stem:
        raise ConfigError(f"{where}.name", f"must be that of its file, {path.stem}, got {claim.name}")
    return claim
