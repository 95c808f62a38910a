"""The commands besides training, one file each: `declare` adds its arguments, `run` executes it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from bench.core.console import program
from bench.core.errors import UsageError, did_you_mean

COMMANDS = (
    *("tasks", "cells", "validate", "report", "status", "diff", "verify"),
    *("probe", "sample", "archive", "judge", "speed", "schema"),
)


def run_command(words: Sequence[str]) -> int:
    """Run one command and return the exit status. Raises UsageError for a word that is no command."""
    if words[0] not in COMMANDS:
        raise UsageError(f"unknown command `{words[0]}`; {did_you_mean(words[0], COMMANDS)}")
    command = import_module(f"bench.cli.commands.{words[0]}")
    parser = argparse.ArgumentParser(prog=f"{program()} {words[0]}", description=command.__doc__)
    command.declare(parser)
    return int(command.run(parser.parse_args(list(words[1:]))))
