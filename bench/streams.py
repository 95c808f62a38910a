"""Standard output and error that never end a training: closed, full or of a narrow character set."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn, TextIO


class Forgiving:
    """A stream whose writes may fail: what a person would have read is lost, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text if it can be written."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


def prepare() -> None:
    """Open what was closed, write what a character set lacks as escapes, and go on where standard error is full."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stderr = Forgiving(sys.stderr)


def finish() -> int:
    """Write out what standard output still holds; return 0, or 1 after saying why it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as `| head` does
        _silence()
        return 0
    except OSError as error:
        print(f"error: cannot write to standard output: {error.strerror}", file=sys.stderr)
        _silence()
        return 1
    return 0


def leave(status: int) -> NoReturn:
    """End the process without taking the interpreter down piece by piece.

    That takes half a second of a processor once torch is loaded, and many times as long where others want the processor
    too; who stops a program does not wait for it. What was registered for the end of the program is still done.
    """
    atexit._run_exitfuncs()
    finish()
    sys.stderr.flush()
    os._exit(status)


def _silence() -> None:
    """Let the interpreter's own last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
