"""Signals: a request to stop sets a flag that is polled between steps, so no step is interrupted by an exception."""

from __future__ import annotations

import atexit
import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TextIO

TERMINATION = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR2") if hasattr(signal, name))
"""Signals by which a system or a scheduler asks a process to end."""

SIGNAL_STATUSES = (130, 143)
"""What a process ends with that stops for a signal: after Ctrl-C, and after any other."""


class Stop:
    """Whether this process was asked to stop, and by which signal; it can be passed to `select`."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._reader, self._writer = os.pipe()

    def __bool__(self) -> bool:
        return self.signal is not None

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the process is asked to stop."""
        return self._reader

    @property
    def exit_code(self) -> int:
        """What a process that stops for this signal ends with: 130 after Ctrl-C, 143 otherwise."""
        return 130 if self.signal == signal.SIGINT else 143

    def ask(self, number: int, _frame: FrameType | None = None) -> None:
        """Record a signal; a second Ctrl-C exits at once."""
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or signal.Signals(number)
        os.write(self._writer, b".")

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def listening(*, for_keyboard: bool) -> Iterator[Stop]:
    """Turn signals that ask to stop into a flag; without `for_keyboard` Ctrl-C is left to the parent process."""
    stop = Stop()
    handlers = dict.fromkeys(TERMINATION, stop.ask)
    handlers[signal.SIGINT] = stop.ask if for_keyboard else signal.SIG_IGN  # type: ignore[assignment]
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


class Shutdown:
    """Ends the program when a signal asks for it, as long as there is nothing to be finished first.

    `status` is the exit status that the signal stands for: what is raised in the middle of a library may come out of
    it as something else.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        sys.unraisablehook = _quietly(sys.unraisablehook)
        for number in (*TERMINATION, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if self.status is None:
            print("stopped; run the same command to continue", file=sys.stderr)
        self.status = 130 if number == signal.SIGINT else 143
        sys.exit(self.status)


def _quietly(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a hook that says nothing of an exit asked for where nothing can be raised: in a destructor, at the end."""
    return lambda ignored: None if isinstance(ignored.exc_value, SystemExit) else hook(ignored)


@contextmanager
def keyboard_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: it reaches this one, which decides what it means for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent ends for any reason (Linux; elsewhere without effect)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGKILL)


class Forgiving:
    """A stream whose failed writes are ignored: the message is lost, and the program goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
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


def reader_has_gone() -> bool:
    """Return whether standard output is a pipe that nobody reads any more; what it still holds is dropped then."""
    states = select.poll()
    states.register(sys.stdout.fileno(), 0)
    has_gone = any(state & select.POLLERR for _, state in states.poll(0))
    if has_gone:
        _silence()
    return has_gone


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
    """Redirect the interpreter's final flush to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
