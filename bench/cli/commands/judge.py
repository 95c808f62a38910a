"""Judge paired scores of your own, of any models: a CSV file in, an effect card for each pair of sides out.

The columns are `side`, `score`, and `seed` or `replication`, which says which scores of two sides are a pair; `task`
where there are several; others are not read. Of a task every two sides are compared. A card has the mean difference
with one interval, the margin within which a difference does not matter, and one word that these two give: better;
better, by how much is open; alike; undecided. The intervals hold all together with 95 %.

Pairs are taken to be independent: seeds, or replications of a whole procedure. Splits that are drawn again and again
from one data set share examples; their intervals are too narrow, and hold for that data set at best.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.claims.scores import cards_of, read_scores
from bench.cli.commands.tables import table
from bench.core.disk import write_whole
from bench.core.errors import UsageError
from bench.core.interval import ENOUGH
from bench.core.wording import estimated, plain, quantity, rounded
from bench.stats.card import READING, SHARE, Card, Margin, margin_of

COLUMNS = ("task", "left", "right", "word", "difference", "margin", "n", "left wins")

NOTE_WIDTH = 100
"""Characters in a line of the notes under the table."""


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("scores", metavar="SCORES.csv", type=Path)
    parser.add_argument("--sides", metavar="A,B", default="", help="which sides, in this order (default: all)")
    parser.add_argument(
        "--direction",
        choices=("minimise", "maximise"),
        default="minimise",
        help="which scores are better: minimise for low ones, such as losses; maximise for high ones, such as "
        "accuracies (default: minimise)",
    )
    parser.add_argument(
        "--margin",
        metavar="X",
        default=f"{100 * SHARE:g}%",
        help="largest difference that does not matter, fixed before the scores were seen: 0.05 in the unit of the "
        f"score, or 2%% of the better side's mean (default: {100 * SHARE:g}%%)",
    )
    parser.add_argument("--json", action="store_true", help="print the cards as JSON rows on stdout")
    parser.add_argument("--figure", metavar="PATH", type=Path, help="draw the cards as PATH.png and PATH.svg")
    parser.add_argument("--latex", metavar="PATH", type=Path, help="write the cards as a table for LaTeX")


def run(arguments: argparse.Namespace) -> int:
    """Print the cards of a file and return the exit status 0."""
    margin = _margin(arguments.margin)
    sides = [each.strip() for each in arguments.sides.split(",") if each.strip()]
    is_minimised = arguments.direction == "minimise"
    scores = read_scores(arguments.scores)
    cards = cards_of(arguments.scores, scores, sides=sides, margin=margin, is_minimised=is_minimised)
    files = _written(cards, arguments)
    rows = [row(card) for card in cards]
    print(json.dumps(rounded(rows), indent=1, allow_nan=False) if arguments.json else described(cards, margin))
    for path in files:
        print(f"wrote {path}", file=sys.stderr)
    return 0


def _margin(text: str) -> Margin:
    if (margin := margin_of(text)) is None:
        raise UsageError(f"--margin must be a number above 0, such as 0.05, or a share, such as 1%; got {text!r}")
    return margin


def _written(cards: Sequence[Card], arguments: argparse.Namespace) -> list[Path]:
    files = []
    if arguments.figure:
        from bench.report.figures.forest import write_forest

        files += write_forest(cards, arguments.figure)
    if arguments.latex:
        from bench.report.formats.latex import cards_table

        arguments.latex.parent.mkdir(parents=True, exist_ok=True)
        write_whole(arguments.latex, cards_table(cards).encode())
        files.append(arguments.latex)
    return files


def row(card: Card) -> dict[str, Any]:
    """Return a card as one JSON-safe object: None stands where one pair has no interval."""
    return {
        "task": card.task,
        "left": card.left,
        "right": card.right,
        "direction": "minimise" if card.is_minimised else "maximise",
        "word": card.word,
        "outcome": card.outcome,
        "left_mean": card.means[0],
        "right_mean": card.means[1],
        "difference": card.interval.mean,
        "low": None if math.isnan(card.interval.low) else card.interval.low,
        "high": None if math.isnan(card.interval.high) else card.interval.high,
        "confidence": card.confidence,
        "interval": card.interval.kind,
        "margin": card.margin,
        "n": card.interval.n,
        "left_wins": card.wins.mean,
        "left_wins_low": card.wins.low,
        "left_wins_high": card.wins.high,
    }


def described(cards: Sequence[Card], margin: Margin) -> str:
    """Return cards for a person: a table, and how to read it."""
    shown = [
        {
            "task": plain(card.task, 60),
            "left": plain(card.left, 40),
            "right": plain(card.right, 40),
            "word": plain(card.word, 120),
            "difference": estimated(card.interval),
            "margin": card.margin_text,
            "n": card.interval.n,
            "left wins": f"{100 * card.wins.mean:.0f} % [{100 * card.wins.low:.0f}, {100 * card.wins.high:.0f}]",
        }
        for card in cards
    ]
    columns = [name for name in COLUMNS if any(each[name] != "" for each in shown)]
    together = "" if len(cards) == 1 else f", so that all {len(cards)} hold together with 95 % (Bonferroni)"
    size = f"{100 * margin.size:g} % of the better side's mean" if margin.is_share else f"{margin.size:g}"
    kinds = dict.fromkeys(card.interval.kind for card in cards if card.interval.low < card.interval.high)
    notes = [
        f"Difference: left minus right, {'lower' if cards[0].is_minimised else 'higher'} is better, with its interval "
        f"of {100 * cards[0].confidence:.4g} %{together}{''.join(f'; {kind}' for kind in kinds)}.",
        f"Margin: {size}. {READING} Left wins: the share of pairs, where a tie is half a win, with its interval.",
    ]
    if any(card.interval.n < ENOUGH for card in cards):
        notes.append(f"With fewer than {quantity(ENOUGH, 'pair')} nothing is decided.")
    if any(card.interval.n > 1 and card.interval.low == card.interval.high for card in cards):
        notes.append("Differences that are all equal have no interval, and nothing is decided by them.")
    return "\n".join([table(shown, columns), "", *(textwrap.fill(note, NOTE_WIDTH) for note in notes)])
