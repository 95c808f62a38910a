"""The errors that a user can meet, each with one message (where, what, got, allowed) and an exit code."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path


class BenchError(Exception):
    """A problem to show as one message without a traceback."""

    exit_code = 1


class UsageError(BenchError):
    """The command asks for something that does not exist or is not allowed."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or out of range."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"bad config at `{_shorten(where)}`: {_shorten(problem)}")


class DataError(UsageError):
    """A data set is missing, damaged or not what its task says."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"bad data in {_shorten(where)}: {_shorten(problem)}")


class StorageError(BenchError):
    """The disk refused: full, read-only, broken."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")


class LinkError(StorageError):
    """A part of a results directory is a link, and would lead what is written, deleted or read to somewhere else."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        BenchError.__init__(self, f"{path} is a link and may lead anywhere: nothing in a results directory may be one")


class DivergedError(BenchError):
    """Training produced a loss or a gradient that is not finite."""

    def __init__(self, update: int, what: str) -> None:
        super().__init__(f"{what} is not finite at update {update}")
        self.update = update


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """Return a clause naming the nearest legal word; where none is near, all of them or all of the same section."""
    words = sorted(legal)
    near = _near(name, words)
    return f"did you mean `{near}`?" if near else "legal: " + ", ".join(_beside(name, words).values() or words)


def _near(name: str, words: list[str]) -> str | None:
    """Return the nearest word: by its last part in the same section, then by that in another, then as a whole."""
    last, own = name.rpartition(".")[2], _beside(name, words)
    short = "".join(part[:1] for part in last.split("_"))  # `lr` for `learning_rate`
    if short in own and len(short) > 1:
        return own[short]
    if found := difflib.get_close_matches(last, own, n=1, cutoff=0.6):
        return own[found[0]]
    for alike in (last, short) if "." in name or "_" in last else ():
        if elsewhere := [word for word in words if word.endswith(f".{alike}")]:
            return elsewhere[0]
    return next(iter([] if own else difflib.get_close_matches(name, words, n=1, cutoff=0.6)), None)


def _beside(name: str, words: list[str]) -> dict[str, str]:
    """Return the words of the same section by their last part, none for a name without a section."""
    section = name.rpartition(".")[0]
    return {word.removeprefix(f"{section}."): word for word in words if section and word.startswith(f"{section}.")}


def _shorten(text: str) -> str:
    """Return a text whose words of more than 200 characters are cut, but for their ends, where a path has its file."""
    return re.sub(r"\S{201,}", lambda found: f"{found[0][:80]}...{found[0][-80:]}", text)
