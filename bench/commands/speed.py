"""Time one training step of K members: every kernel of ours and torch.nn (and jax), in turns on one core."""

from __future__ import annotations

import argparse
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--workloads", type=_words, default=(), metavar="A,B", help="music46,... (default: all)")
    parser.add_argument("--cells", type=_words, default=(), metavar="A,B", help="gru,lstm,tanh (default: all)")
    parser.add_argument("--kernels", type=_words, default=(), metavar="A,B", help="kernels of ours (default: all)")
    parser.add_argument("--members", type=int, metavar="K", help="members trained together (default: per workload)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of every contender (default: 7)")
    parser.add_argument(
        "--clock",
        choices=("process", "wall"),
        default="process",
        help="process (default): CPU seconds of this process, which other jobs do not steal; wall: elapsed seconds",
    )
    parser.add_argument("--json", action="store_true", help="print header and rows as JSON on stdout")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="draw ratios to torch.nn as PATH.png and PATH.svg")


def run(arguments: argparse.Namespace) -> int:
    """Print the figures and return the exit status."""
    from bench.speed import command

    return command.run(arguments)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
