"""Executors: who carries out the Runs of a sweep. Results never travel back: a Run writes its own record."""

from __future__ import annotations

from bench.executors.local import Local, usable_cores
from bench.handover import Executor
from bench.settings import Command


def executor_of(command: Command) -> Executor:
    """Return the executor that a command asks for."""
    return Local(command.workers or usable_cores())
