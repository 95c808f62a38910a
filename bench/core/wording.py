"""How numbers and names read: digits that the interval supports, counts with their nouns, lists of words."""

from __future__ import annotations

import math
import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.core.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from bench.core.interval import Interval

NO_NUMBER = "–"

NO_BREAK = "\u00a0"

SIGNIFICANT = 10
"""Digits of a number that is exported: sums in another order, as on another processor, agree in these."""

SHORT_METRICS = {"nll": "NLL", "bits_per_char": "bits/char", "perplexity": "perplexity"}

METRIC_NAMES = {"nll": "NLL", "bits_per_char": "Bits per character", "perplexity": "Perplexity"}

METRIC_MEANS = {
    "nll": "negative log-likelihood, in nats per frame: how surprised the model is by the next frame",
    "bits_per_char": "how many bits the model needs for the next character",
    "perplexity": "among how many equally likely words the model is, in effect, choosing the next one",
}


def rounded(node: Any) -> Any:
    """Return what is to be exported with its numbers at ten significant digits, those in mappings and lists too.

    All that is written for programs goes through here; a whole number, a text and a truth value stay as they are.
    """
    if isinstance(node, float):
        return float(f"{node:.{SIGNIFICANT}g}")
    if isinstance(node, Mapping):
        return {name: rounded(value) for name, value in node.items()}
    return [rounded(value) for value in node] if isinstance(node, list | tuple) else node


def score_label(metric: str, split: str) -> str:
    """Return the name of a score with its unit and split, e.g. `test NLL (nats per frame)`."""
    label = METRICS[metric].label if metric in METRICS else metric
    return f"{split} {label}"


def better(direction: str) -> str:
    """Return which way is better, in words."""
    return "higher is better" if direction == "maximise" else "lower is better"


def decimals(table: pd.DataFrame) -> int:
    """Return how many decimals scores deserve: two significant digits of the typical half width of an interval."""
    return digits_for(zip(table["low"], table["high"], strict=True))


def digits_for(intervals: Iterable[tuple[float, float]]) -> int:
    """Return how many decimals the scores of some intervals deserve."""
    widths = [(high - low) / 2 for low, high in intervals]
    widths = [width for width in widths if width > 0]
    if not widths:
        return 3
    return min(4, max(0, 1 - math.floor(math.log10(statistics.median(widths)))))


def digits_of(found: Sequence[Interval]) -> int:
    """Return how many decimals some means with their intervals deserve: none where all are counts without doubt."""
    is_counted = all(each.low == each.high and each.mean.is_integer() for each in found)
    return 0 if is_counted else digits_for((each.low, each.high) for each in found)


def number(value: float, digits: int) -> str:
    """Return a score with a fixed number of decimals, a dash for none, few digits for a huge one."""
    if math.isnan(value):
        return NO_NUMBER
    value = rounded(value)  # where it ends in a five, the last bit does not choose the digit
    text = (
        f"{value:.3g}" if abs(value) >= 1e6 else f"{round(value, digits) + 0.0:,.{digits}f}"
    )  # no minus before nought
    return text.replace("-", "−")


def interval(low: float, high: float, digits: int) -> str:
    """Return an interval in brackets, or "" where there is none."""
    return "" if math.isnan(low) else f"[{number(low, digits)}, {number(high, digits)}]"


def estimated(found: Interval, digits: int | None = None) -> str:
    """Return a mean with its interval, which a line does not break; without brackets where there is no doubt."""
    digits = digits_of([found]) if digits is None else digits
    bounds = "" if found.low == found.high else interval(found.low, found.high, digits)
    return f"{number(found.mean, digits)} {bounds.replace(' ', NO_BREAK)}".strip()


def count(value: float) -> str:
    """Return a whole number with thousands separated, a dash for none."""
    return NO_NUMBER if math.isnan(value) else f"{value:,.0f}"


def short(value: float) -> str:
    """Return a number for an axis: two or three digits, with k or M for thousands or millions."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def about(value: float) -> str:
    """Return a number rounded to two significant digits."""
    digits = 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):,.0f}" if digits <= 0 else f"{value:.{digits}f}"


def excess(value: float, smallest: float) -> float:
    """Return by how many percent a count exceeds the smallest, 0 where there is nothing to compare with."""
    return 100 * (value / smallest - 1) if smallest > 0 else 0.0


def quantity(n: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun, e.g. `1 run`, `3 runs`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def trials_each(n_trials: int, n_replications: int = 1) -> str:
    """Return a tuning budget: `30 trials`, or `7 × 3 trials` of seven replications of three."""
    return f"{n_replications:,} × " * (n_replications > 1) + quantity(n_trials, "trial")


def span(values: Iterable[float]) -> str:
    """Return `4` or `3 to 5`: the range of some counts."""
    low, high = min(values := list(values)), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def spanned(values: Iterable[float], noun: str) -> str:
    """Return a range of counts with their noun: `1 run`, `3 to 5 runs`."""
    counts = list(values)
    return f"{span(counts)} {noun}{'' if max(counts) == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    if math.isnan(seconds):
        return NO_NUMBER
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def printable(text: str) -> str:
    """Return text with a space for each control character: a terminal takes some of them for commands."""
    return "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in text)


def plain(text: str, width: int = 300) -> str:
    """Return text from a record as one printable line: no control characters, not longer than `width`."""
    line = re.sub(r"\s+", " ", printable(text)).strip()
    return line if len(line) <= width else line[: width - 1] + "…"
