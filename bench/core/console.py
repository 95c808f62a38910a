"""Lines for a person."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)
