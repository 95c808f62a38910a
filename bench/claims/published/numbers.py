"""The published numbers: rows of a table shipped with the program, transcribed verbatim."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from bench.claims.published.names import tasks
from bench.core.metrics import METRICS
from bench.core.schema import build

Confidence = Literal["verified", "memory-high", "memory-low"]
"""`verified`: seen in the paper or a transcription of it, or computed; `memory-*`: quoted from memory."""

SPLITS = {"test": "test", "valid": "validation", "train": "train"}
"""The split that a row names, as it is called here; `unknown` is none of them."""

METRIC_OF = {
    "nats/timestep": "nll",
    "nats/word": "perplexity",
    "ppl": "perplexity",
    "bpc": "bits_per_char",
    "nats/char": "bits_per_char",
}
"""Unit of a row to the metric that it is, or can be turned into."""


@dataclass(frozen=True)
class Number:
    """One published number, its fields the text of its row.

    `source` says where it was seen and how; an empty or unknown `hidden_size` or `num_params` is not stated.
    """

    paper: str
    table: str
    task: str
    dataset: str
    cell: str
    variant: str
    hidden_size: str
    num_params: str
    split: str
    metric: str
    value: str
    unit: str
    confidence: Confidence
    source: str

    @property
    def here(self) -> str:
        return tasks()[self.task, self.dataset]

    @property
    def score_split(self) -> str:
        """The split here that the number is compared with; test if the row does not state its own."""
        return SPLITS.get(self.split, "test")

    @property
    def score_metric(self) -> str:
        return METRIC_OF[self.unit]

    @property
    def score(self) -> float:
        """The number in the task's metric: the sign of a log-likelihood changed, nats turned into the metric."""
        value = float(self.value)
        if self.metric == "log-likelihood":
            return -value
        is_nats = self.unit.startswith("nats/")
        return METRICS[self.score_metric].from_nats(value) if is_nats else value

    @property
    def units(self) -> int | None:
        """Hidden units, if a single number is stated."""
        return int(self.hidden_size) if self.hidden_size.isdecimal() else None

    @property
    def parameters(self) -> float:
        """Parameters, nan if not stated."""
        return float(self.num_params) if self.num_params.isdecimal() else math.nan

    @property
    def is_from_memory(self) -> bool:
        """Whether the number is quoted from memory; it is shown and marked, but never a reference."""
        return self.confidence != "verified"


@cache
def numbers() -> tuple[Number, ...]:
    """Return all numbers that ship with the program, in the order of the table."""
    text = files("bench.claims.published").joinpath("numbers.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(build(Number, row, f"numbers.csv, row {i}") for i, row in enumerate(rows, start=2))
