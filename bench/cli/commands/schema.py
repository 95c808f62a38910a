"""Print the JSON Schema of a kind of YAML file, with which an editor completes and checks such files."""

from __future__ import annotations

import argparse
import json

from bench.cli.schemas import SCHEMAS, schema
from bench.core.errors import ConfigError


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("kind", nargs="?", help=", ".join(SCHEMAS))


def run(arguments: argparse.Namespace) -> int:
    """Print the schema and return the exit status."""
    if arguments.kind not in SCHEMAS:
        got = "none" if arguments.kind is None else repr(arguments.kind)
        raise ConfigError("schema", f"must be one of {', '.join(SCHEMAS)}, got {got}")
    print(json.dumps(schema(arguments.kind), indent=1, ensure_ascii=False))
    return 0
