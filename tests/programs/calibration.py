"""How often the intervals cover and the cards err, over simulated sets of paired differences.

    python -m tests.programs.calibration [--n 20000] [--json]

Every rate is over sets whose truth is known: no effect, an effect at the edge of the margin, or a given effect.
Effects and margins are in standard deviations of one paired difference.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from bench.core.interval import Interval
from bench.stats.card import Card, Outcome
from bench.stats.intervals import expanded
from bench.stats.paired import PAIRED, bounds
from tests.programs.calibration_of_others import others

Bounds = tuple[np.ndarray, np.ndarray]

N_SEEDS = 10
EFFECTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
MARGINS = (0.5, 1.0, 1.5)
SAMPLE_SIZES = (6, 10, 15, 20, 30)
N_RESAMPLES = 1999


def _lognormal(draw: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    scale = math.sqrt(math.expm1(sigma**2)) * math.exp(sigma**2 / 2)
    return (np.exp(sigma * draw.normal(size=shape)) - math.exp(sigma**2 / 2)) / scale


NOISES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda draw, shape: draw.normal(size=shape),
    "t, 3 df": lambda draw, shape: draw.standard_t(3, size=shape) / math.sqrt(3),
    "lognormal, sigma 1": lambda draw, shape: _lognormal(draw, shape, 1.0),
    "lognormal, sigma 1/2": lambda draw, shape: _lognormal(draw, shape, 0.5),
    "exponential": lambda draw, shape: draw.exponential(size=shape) - 1,
    "two lognormal runs": lambda draw, shape: (
        (_lognormal(draw, shape, 1.0) - _lognormal(draw, shape, 1.0)) / math.sqrt(2)
    ),
}
"""Paired differences of mean 0 and standard deviation 1. The last is what two cells give that do not differ at all,
if the scores of runs are skewed: it is symmetric, while skewed differences come of cells whose noise differs."""


def student(samples: np.ndarray, confidence: float) -> Bounds:
    """Return the bounds of the t interval."""
    n = samples.shape[-1]
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * samples.std(axis=-1, ddof=1) / math.sqrt(n)
    return samples.mean(axis=-1) - half, samples.mean(axis=-1) + half


def bootstrap(samples: np.ndarray, confidence: float, method: str) -> Bounds:
    """Return the bounds of scipy's bootstrap, of many sets at once."""
    low, high = [], []
    for part in np.array_split(samples, max(1, len(samples) // 250)):
        result = stats.bootstrap(
            (part,),
            np.mean,
            axis=-1,
            confidence_level=confidence,
            n_resamples=N_RESAMPLES,
            method=method,
            rng=np.random.default_rng(1),
        )
        low.append(result.confidence_interval.low)
        high.append(result.confidence_interval.high)
    return np.concatenate(low), np.concatenate(high)


METHODS: dict[str, Callable[[np.ndarray, float], Bounds]] = {
    "paired_interval": lambda samples, confidence: bounds(samples, confidence=confidence),
    "Student t": student,
    "mean_interval": lambda samples, level: bootstrap(samples, expanded(level, samples.shape[-1]), "percentile"),
    "BCa bootstrap": lambda samples, confidence: bootstrap(samples, confidence, "BCa"),
}
"""The interval of the verdicts and its rivals; the bootstraps see a quarter of the sets."""


def samples_of(noise: str, n_sets: int, n: int = N_SEEDS) -> np.ndarray:
    """Return sets of differences without an effect, the same ones at every call."""
    return NOISES[noise](np.random.default_rng([n, list(NOISES).index(noise)]), (n_sets, n))


def coverage(noise: str, method: str, n_sets: int, n: int = N_SEEDS) -> tuple[int, int]:
    """Return how many of how many 95 % intervals hold the mean."""
    samples = samples_of(noise, n_sets if method in ("paired_interval", "Student t") else n_sets // 4, n)
    low, high = METHODS[method](samples, 0.95)
    return int(((low <= 0) & (high >= 0)).sum()), len(samples)


def cards_of(samples: np.ndarray, margin: float) -> Iterator[Card]:
    """Yield the card of each set of differences, left minus right, as `card_of` would give it."""
    n, wins = samples.shape[-1], Interval(math.nan, math.nan, math.nan, 0, "none")
    ends = (column.tolist() for column in (samples.mean(axis=-1), *bounds(samples, confidence=0.95)))
    for mean, low, high in zip(*ends, strict=True):
        found = Interval(mean, low, high, n, PAIRED)
        yield Card("", "left", "right", True, (0.0, 0.0), found, 0.95, margin, wins)


def count_outcomes(samples: np.ndarray, margin: float) -> Counter[Outcome]:
    """Return how many sets had each outcome."""
    return Counter(card.outcome for card in cards_of(samples, margin))


def told_apart(outcomes: Counter[Outcome]) -> int:
    """Return how many sets called either side better."""
    return sum(n for outcome, n in outcomes.items() if "better" in outcome)


def false_directions(noise: str, n_sets: int, n: int = N_SEEDS) -> int:
    """Return how many sets without an effect call either side better; with a margin of nothing, the most there are."""
    return told_apart(count_outcomes(samples_of(noise, n_sets, n), 0.0))


def false_likeness(noise: str, margin: float, n_sets: int, n: int = N_SEEDS) -> int:
    """Return how many sets with an effect at an edge of the margin are called alike, at the worse edge."""
    samples = samples_of(noise, n_sets, n)
    return max(count_outcomes(samples + edge, margin)["alike"] for edge in (-margin, margin))


def power_rows(n_sets: int) -> list[dict[str, float]]:
    """Return, for normal noise, how often each thing is found by n, effect and margin."""
    rows = []
    for n in SAMPLE_SIZES:
        samples = samples_of("normal", n_sets, n)
        for effect in EFFECTS:
            found = count_outcomes(samples + effect, 0.0)
            row = {"n": n, "effect": effect, "told apart": told_apart(found)}
            row["told apart, Student"] = int((student(samples + effect, 0.95)[0] > 0).sum())
            for margin in MARGINS:
                found = count_outcomes(samples + effect, margin)
                row |= {f"alike {margin}": found["alike"], f"beyond {margin}": found["right better"]}
            rows.append({name: value if name in ("n", "effect") else value / n_sets for name, value in row.items()})
    return rows


def calibration(n_sets: int) -> dict[str, list[dict[str, float | str]]]:
    """Return every table, each as rows."""
    covered, erred = [], []
    for noise in NOISES:
        rates = {method: coverage(noise, method, n_sets) for method in METHODS}
        covered.append({"noise": noise} | {method: hits / sets for method, (hits, sets) in rates.items()})
        alike = {f"alike at {margin}": false_likeness(noise, margin, n_sets) / n_sets for margin in MARGINS}
        erred.append({"noise": noise, "direction": false_directions(noise, n_sets) / n_sets} | alike)
    return {
        f"Coverage of the 95 % interval at n = {N_SEEDS}": covered,
        f"False verdicts at n = {N_SEEDS}: no effect, and an effect at the edge of the margin": erred,
        "Power, normal noise": power_rows(n_sets // 4),
        "Coverage of the other 95 % intervals": others(max(1, n_sets // 50)),
    }


def markdown(rows: list[dict[str, float | str]]) -> str:
    """Return rows as a Markdown table, rates as percentages."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(_cell(name, row[name]) for name in names) + " |" for row in rows])


def _cell(name: str, value: float | str) -> str:
    is_rate = isinstance(value, float) and name != "effect"
    return f"{100 * value:.1f} %" if is_rate else f"{value}"


def main() -> None:
    """Print the calibration."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=20_000, help="simulated sets per rate")
    parser.add_argument("--json", action="store_true", help="rows instead of tables")
    arguments = parser.parse_args()
    tables = calibration(arguments.n)
    if arguments.json:
        print(json.dumps({"n_sets": arguments.n, "tables": tables}, indent=1))
        return
    for title, rows in tables.items():
        print(f"## {title}\n\n{markdown(rows)}\n")


if __name__ == "__main__":
    main()
