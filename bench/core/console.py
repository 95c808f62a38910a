"""Lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.core.wording import plain


def say(text: str) -> None:
    """Print a line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_damaged(damaged: Sequence[str]) -> int:
    """Print a message about each damaged file; return how many there are."""
    for message in damaged:
        say(f"damaged: {plain(message)}")
    return len(damaged)
