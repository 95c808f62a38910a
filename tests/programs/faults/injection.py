"""The shim: built on first use, preloaded into this process and all below it, and told through a mapped file."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
LOGGED, LINE = 8192, 192
VARIABLES = ("LD_PRELOAD", "FAULT_CONTROL", "FAULT_ROOT")


class Action(IntEnum):
    """What is done to the chosen operation."""

    COUNT = 0
    KILL = 1
    TORN = 2
    SHORT = 3
    NO_SPACE = 4
    NO_SPACE_ON = 5
    IO_ERROR = 6
    IO_ERROR_ON = 7


class _Control(ctypes.Structure):
    _fields_ = (
        ("counter", ctypes.c_uint64),
        ("target", ctypes.c_uint64),
        ("fired", ctypes.c_uint64),
        ("clock_jump", ctypes.c_int64),
        ("action", ctypes.c_uint32),
        ("armed", ctypes.c_uint32),
        ("log", (ctypes.c_char * LINE) * LOGGED),
    )


class Shim:
    """The shim as seen from here: armed for one command at a time, with the log of what that did to files.

    `folder` is the working directory whose `results` are watched, `variables` what preloads the shim into a command.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = {name: variables[name] for name in VARIABLES}
        self.folder = Path(variables["FAULT_ROOT"]).parent
        with open(variables["FAULT_CONTROL"], "r+b") as file:
            self._control = _Control.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(_Control)))

    def arm(self, action: Action, target: int = 0) -> None:
        """Count from one again, and do this to the operation of that number."""
        self._control.counter = self._control.fired = 0
        self._control.action, self._control.target, self._control.armed = action, target, 1

    def disarm(self) -> bool:
        """Leave files alone again; return whether anything was done to an operation."""
        self._control.armed = 0
        return bool(self._control.fired)

    def jump(self, seconds: int) -> None:
        """Set the wall clock of every process that has the shim forward or back."""
        self._control.clock_jump = seconds

    def remove(self) -> None:
        """Remove the library, the mapped file and the working directory."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    @property
    def operations(self) -> list[str]:
        """What was done to files since the shim was armed: name and path from the root."""
        n = min(self._control.counter, LOGGED)
        return [bytes(line.value).decode(errors="replace") for line in self._control.log[:n]]


def built() -> Shim:
    """Build the shim in a new folder, with a working directory beside it."""
    folder = Path(tempfile.mkdtemp(prefix="shim-")).resolve()
    library = folder / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    (folder / "control").write_bytes(bytes(ctypes.sizeof(_Control)))
    (folder / "work").mkdir()
    paths = (library, folder / "control", folder / "work" / "results")
    return Shim(dict(zip(VARIABLES, map(str, paths), strict=True)))


def preloaded() -> Shim:
    """Return the shim; where it is not in this process yet, start this program again with it."""
    if VARIABLES[1] in os.environ:
        return Shim(os.environ)
    os.environ |= built().variables
    return os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
