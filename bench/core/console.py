"""Lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import PurePath

from bench.core.wording import plain


def say(text: str) -> None:
    """Print a line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def say_damaged(damaged: Sequence[str]) -> int:
    """Print a message about each damaged file; return how many there are."""
    for message in damaged:
        say(f"damaged: {plain(message)}")
    return len(damaged)


def program() -> str:
    """Return how the program was called: `gatebench`, or `python -m bench`."""
    first = next((word for word in sys.orig_argv[1:] if not word.startswith("-")), "")
    return "gatebench" if PurePath(first).stem == "gatebench" else "python -m bench"
