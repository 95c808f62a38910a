"""The margins within which an effect does not matter: one rule for each kind of quantity, and none in a claim."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import get_args

from bench.claims.claim import Kind
from bench.core.errors import ConfigError
from bench.core.yaml_files import conf_dir, load
from bench.stats.card import Margin, margin_of

FILE = "margin.yaml"


@cache
def margins() -> Mapping[Kind, Margin]:
    """Return the margin of each kind of quantity. Raises ConfigError for a file that lacks one."""
    path = conf_dir() / FILE
    node = load(path)
    found = {kind: margin_of(str(node.get(kind, ""))) for kind in get_args(Kind)}
    for kind, margin in found.items():
        if margin is None:
            got = node.get(kind, "none")
            raise ConfigError(f"{path}: {kind}", f"must be a number above 0, such as 0.05, or a share, got {got}")
    return {kind: margin for kind, margin in found.items() if margin is not None}
