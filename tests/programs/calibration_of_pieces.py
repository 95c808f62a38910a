"""How often the interval over new repetitions and new test pieces covers, over simulated crossed sets.

    python -m tests.programs.calibration_of_pieces [--n 2000] [--json]

The loss of a piece in a repetition differs by its units times the sum of what the repetition, the piece, and the two
together draw. Units are lognormal (sigma 0.6, about 60 at the median).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import stats

from bench.stats.paired import bounds
from bench.stats.pieces import pseudo_values, reaches_of_pieces
from tests.programs.calibration import NOISES, Bounds

SIZES = ((6, 20), (10, 77), (10, 180))
"""Repetitions and pieces."""

SPREAD_OF_UNITS = 0.6
N_RESAMPLES = 499
SHARE_OF_BOOTSTRAPS = 10
"""The bootstrap, which is slow, is tried on one in so many sets."""


@dataclass(frozen=True)
class Sources:
    """Standard deviations of what a repetition, a piece, and the two together add to a unit's loss.

    With `is_by_length` a piece's part is its log length alone, so that the long pieces pull the mean to one side.
    """

    repetition: float
    piece: float
    both: float
    is_by_length: bool = False


SOURCES = {
    "pieces alone": Sources(0.03, 0.3, 0.0),
    "pieces, both": Sources(0.03, 0.3, 0.2),
    "pieces by length": Sources(0.03, 0.3, 0.2, is_by_length=True),
    "all alike": Sources(0.1, 0.3, 0.3),
    "repetitions, both": Sources(0.1, 0.1, 0.2),
    "two equal cells": Sources(0.03, 0.0, 0.3),
    "both alone": Sources(0.0, 0.0, 0.3),
}
"""Two equal cells differ by no piece as such: what a piece adds is another in every repetition."""

DISTRIBUTIONS = {
    "normal": ("normal", "normal", "normal"),
    "skewed pieces": ("normal", "lognormal, sigma 1", "normal"),
    "heavy tails": ("normal", "t, 3 df", "t, 3 df"),
    "a little skewed": ("lognormal, sigma 1/2", "lognormal, sigma 1/2", "lognormal, sigma 1/2"),
}
"""Of the repetition's, the piece's and their joint part."""


@dataclass(frozen=True)
class Sets:
    """Summed losses (sets, R, P), left minus right, with the units (sets, P) and the expected mean difference."""

    losses: np.ndarray
    units: np.ndarray
    truth: float


def sets_of(draw: np.random.Generator, n_sets: int, size: tuple[int, int], names: tuple[str, str]) -> Sets:
    """Return sets of a source of variance and a distribution, by their names."""
    (n, n_pieces), sources = size, SOURCES[names[0]]
    of_repetition, of_piece, of_both = (NOISES[name] for name in DISTRIBUTIONS[names[1]])
    length = draw.normal(size=(n_sets, 1, n_pieces))
    units = np.ceil(60 * np.exp(SPREAD_OF_UNITS * length))
    piece = length if sources.is_by_length else of_piece(draw, (n_sets, n_pieces))[:, None]
    repetition, both = of_repetition(draw, (n_sets, n)), of_both(draw, (n_sets * n, n_pieces))
    per_unit = sources.repetition * repetition[..., None] + sources.piece * piece
    per_unit = per_unit + sources.both * both.reshape(n_sets, n, n_pieces)
    truth = sources.piece * _mean_length() if sources.is_by_length else 0.0
    return Sets(per_unit * units, units[:, 0], truth)


def _mean_length() -> float:
    """Return the mean log length of a unit's piece, in standard deviations, with units that are whole numbers."""
    length = np.linspace(-8, 8, 200_001)
    weight = stats.norm.pdf(length) * np.ceil(60 * np.exp(SPREAD_OF_UNITS * length))
    return float((weight * length).sum() / weight.sum())


def crossed(sets: Sets, confidence: float) -> Bounds:
    """Return the bounds of `crossed_difference`."""
    differences, pseudo = pseudo_values(sets.losses, sets.units)
    centre, (low, high) = differences.mean(axis=-1), bounds(differences, confidence=confidence)
    down, up = reaches_of_pieces(pseudo, confidence=confidence)
    return centre - np.hypot(centre - low, down), centre + np.hypot(high - centre, up)


def uncorrected(sets: Sets, confidence: float) -> Bounds:
    """Return the same bounds with the interaction counted in both parts."""
    differences, pseudo = pseudo_values(sets.losses, sets.units)
    centre, (low, high) = differences.mean(axis=-1), bounds(differences, confidence=confidence)
    by_piece = pseudo.mean(axis=-2)
    low_p, high_p = bounds(by_piece - by_piece.mean(axis=-1, keepdims=True), confidence=confidence)
    return centre - np.hypot(centre - low, low_p), centre + np.hypot(high - centre, high_p)


def of_repetitions(sets: Sets, confidence: float) -> Bounds:
    """Return the bounds over new repetitions alone."""
    return bounds(pseudo_values(sets.losses, sets.units)[0], confidence=confidence)


def satterthwaite(sets: Sets, confidence: float) -> Bounds:
    """Return a symmetric t interval of the moment estimate of the variance."""
    differences, pseudo = pseudo_values(sets.losses, sets.units)
    (n, n_pieces), by_piece = pseudo.shape[-2:], pseudo.mean(axis=-2)
    rest = pseudo - pseudo.mean(axis=-1, keepdims=True)
    both = ((rest - rest.mean(axis=-2, keepdims=True)) ** 2).sum(axis=(-2, -1)) / ((n - 1) * (n_pieces - 1))
    parts = differences.var(axis=-1, ddof=1) / n, by_piece.var(axis=-1, ddof=1) / n_pieces, both / (n * n_pieces)
    variance = np.maximum(parts[0] + parts[1] - parts[2], np.maximum(parts[0], parts[1]))
    freedom = parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (n_pieces - 1) + parts[2] ** 2 / ((n - 1) * (n_pieces - 1))
    half = stats.t.ppf((1 + confidence) / 2, variance**2 / freedom) * np.sqrt(variance)
    return differences.mean(axis=-1) - half, differences.mean(axis=-1) + half


def bootstrap(sets: Sets, confidence: float) -> Bounds:
    """Return the percentile bounds of a bootstrap that draws repetitions and pieces apart (Owen 2007)."""
    draw, (n, n_pieces) = np.random.default_rng(2), sets.losses.shape[1:]
    rows = draw.multinomial(n, np.full(n, 1 / n), N_RESAMPLES) / n
    columns = draw.multinomial(n_pieces, np.full(n_pieces, 1 / n_pieces), N_RESAMPLES)
    found = [
        ((rows @ losses) * columns).sum(axis=1) / (columns @ units)
        for losses, units in zip(sets.losses, sets.units, strict=True)
    ]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    return low, high


METHODS: dict[str, Callable[[Sets, float], Bounds]] = {
    "crossed_difference": crossed,
    "uncorrected": uncorrected,
    "satterthwaite": satterthwaite,
    "crossed bootstrap": bootstrap,
    "repetitions alone": of_repetitions,
}


def coverage(sets: Sets, method: str, confidence: float = 0.95) -> float:
    """Return the share of intervals that hold the expected mean difference."""
    if method == "crossed bootstrap":
        sets = Sets(sets.losses[::SHARE_OF_BOOTSTRAPS], sets.units[::SHARE_OF_BOOTSTRAPS], sets.truth)
    low, high = METHODS[method](sets, confidence)
    return float(((low <= sets.truth) & (sets.truth <= high)).mean())


def rows(n_sets: int) -> Iterator[dict[str, float | str]]:
    """Yield the coverage of every method for every source, distribution and size."""
    for source, distribution, (n, n_pieces) in product(SOURCES, DISTRIBUTIONS, SIZES):
        sets = sets_of(np.random.default_rng(1), n_sets, (n, n_pieces), (source, distribution))
        about = {"source": source, "distribution": distribution, "repetitions": n, "pieces": n_pieces}
        for method in METHODS:
            found = {f"at {level:.0%}": coverage(sets, method, level) for level in (0.95, 0.99)}
            yield {**about, "method": method, **found}


def main() -> None:
    """Print a line for each rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000, help="simulated sets (default 2000)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    for row in rows(options.n):
        print(json.dumps(row) if options.json else "  ".join(f"{name}: {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
