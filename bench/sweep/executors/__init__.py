"""Executors: they run the Runs of a sweep. Results are not sent back: a Run writes its own record."""

from __future__ import annotations

from importlib.util import find_spec

from bench.core.errors import UsageError
from bench.core.settings import Command
from bench.sweep.executors.base import Executor
from bench.sweep.executors.local import Local, usable_cores

PACKAGES = {"slurm": "submitit", "ray": "ray"}


def executor_of(command: Command) -> Executor:
    """Return the executor that a command asks for. Raises UsageError if it is not available."""
    package = PACKAGES.get(command.executor)
    if package is not None and find_spec(package) is None:
        name = command.executor
        raise UsageError(f"executor={name} needs the package {package}: pip install 'gatebench[{name}]'")
    match command.executor:
        case "slurm":
            from bench.sweep.executors.slurm import Slurm

            return Slurm.of(command)
        case "ray":
            from bench.sweep.executors.ray import Ray

            return Ray.of(command)
        case "local":
            return Local(command.workers or usable_cores())
