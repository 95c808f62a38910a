"""Damage to the bytes of a file, and what is said about it: nothing may pass in silence."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from bench.__main__ import main
from tests.programs.faults import product


def damaged(content: bytes, random: Random) -> tuple[bytes, str]:
    """Return the content with one bit changed, cut short, or with a stretch of zeros, and what was done in words."""
    kind, place = random.random(), random.randrange(len(content))
    if kind < 0.7:
        bit = random.randrange(8)
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        return bytes(changed), f"bit {bit} of byte {place}"
    if kind < 0.85:
        return content[:place], f"cut to {place} bytes"
    n = min(random.randrange(1, 65), len(content) - place)
    return content[:place] + bytes(n) + content[place + n :], f"{n} zeros from byte {place}"


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Give a file another content for a while; whatever became of it, it is whole again afterwards."""
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        for aside in path.parent.glob(f"{path.name}.damaged-*"):
            aside.unlink()
        path.write_bytes(whole)


def interrupted(folder: Path, words: Sequence[str], name: str, tries: int = 20) -> Path | None:
    """Kill a Run when it has two checkpoints and return its directory; None where it never has two."""
    for _ in range(tries):
        command = product.start(folder, words, is_cold=False)
        pairs: list[Path] = []
        while not command.poll():
            pairs = [path.parent for path in (folder / "results" / name).glob("runs/*/checkpoint.previous")]
            if pairs and (pairs[0] / "checkpoint").exists():
                command.kill_group()
        product.left_behind()
        if not pairs or (pairs[0] / "record.json").exists():
            return None
        if (pairs[0] / "checkpoint").exists():
            return pairs[0]
    return None


def said_by(words: Sequence[str]) -> tuple[int, str, str]:
    """Run the product's `main` in this process and return its exit status, stdout and stderr.

    An exception that escapes is a traceback to a user, and the status is then 1.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
        except Exception as error:
            return 1, out.getvalue(), f"{err.getvalue()}Traceback: {type(error).__name__}: {error}"
    return 0, out.getvalue(), err.getvalue()
