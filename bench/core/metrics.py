"""Metrics: how a mean negative log-likelihood in nats per unit is printed, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

MetricName = Literal["nll", "bits_per_char", "perplexity"]
Direction = Literal["minimise", "maximise"]
Unit = Literal["frame", "word", "character"]


@dataclass(frozen=True)
class Metric:
    """A named score computed from mean nats per `unit`."""

    name: MetricName
    label: str
    unit: Unit
    direction: Direction
    from_nats: Callable[[float], float]


def _perplexity(nats: float) -> float:
    return math.exp(min(nats, 700.0))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("nll", "NLL (nats per frame)", "frame", "minimise", lambda nats: nats),
        Metric("bits_per_char", "bits per character", "character", "minimise", lambda nats: nats / math.log(2)),
        Metric("perplexity", "perplexity per word", "word", "minimise", _perplexity),
    )
}
