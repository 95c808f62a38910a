"""Lines for a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import TextIO

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


COLOURS = {"green": 32, "yellow": 33, "cyan": 36}
"""Colours by their numbers in ECMA-48."""


def has_colours(stream: TextIO) -> bool:
    """Return whether to write in colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: str) -> str:
    """Return text in colour and bold, for a terminal."""
    return f"\x1b[1;{COLOURS[colour]}m{text}\x1b[0m"
