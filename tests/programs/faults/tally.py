"""The frame of every program here: its options, its counts, its misses, one summary line, and the exit status."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.programs.faults import processes, product

SHOWN = 40


@dataclass
class Tally:
    """What was tried and how it ended; a miss is a sentence that says which trial, what was wanted and what was got."""

    n: int
    is_cold: bool
    random: Random
    parts: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, float] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        """Add to one of the counts."""
        self.counts[what] += number

    def check(self, is_met: bool, miss: str) -> bool:
        """Note a miss unless what was wanted is met, and return whether it is."""
        if not is_met:
            self.misses.append(miss)
            print(f"  miss: {miss}", file=sys.stderr, flush=True)
        return is_met

    def greatest(self, what: str, value: float) -> None:
        """Keep the largest value of a figure."""
        self.figures[what] = round(max(value, self.figures.get(what, value)), 3)

    def wants(self, part: str) -> bool:
        """Return whether a part of the program was asked for."""
        return not self.parts or part in self.parts


def conduct(name: str, purpose: str, body: Callable[[Tally], None], *, n: int, parts: Sequence[str] = ()) -> None:
    """Run a program with the options of its command line and exit with 1 if anything was missed."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.programs.faults.{name}", description=purpose)
    parser.add_argument("--n", type=int, default=n, help=f"how many trials (default: {n})")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    parser.add_argument("--cold", action="store_true", help="a new interpreter for every command: slower, as users do")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON on stdout")
    parser.add_argument("--only", action="append", default=[], choices=parts, help="a part of the program")
    asked = parser.parse_args()
    tally = Tally(asked.n, asked.cold, Random(asked.seed), frozenset(asked.only))
    started = time.monotonic()
    processes.adopt_orphans()
    product.warm_up()
    body(tally)
    tally.figures["seconds"] = round(time.monotonic() - started, 1)
    _report(name, tally, as_json=asked.json)
    sys.exit(1 if tally.misses else 0)


def _report(name: str, tally: Tally, *, as_json: bool) -> None:
    counted = {**tally.counts, **tally.figures, "misses": len(tally.misses)}
    line = f"{name}: " + ", ".join(f"{what} {value}" for what, value in counted.items())
    if not as_json:
        print(line)
        return
    print(line, file=sys.stderr)
    print(json.dumps({"program": name, **counted, "missed": tally.misses[:SHOWN]}, indent=1))
