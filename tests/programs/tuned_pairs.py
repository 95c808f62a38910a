"""Pairs of cells tuned and confirmed on surfaces, moved to a known effect, and the outcomes of their cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.stats.card import LEVEL, SHARE, Outcome
from bench.stats.paired import bounds
from tests.programs.surfaces import Noise, Search, Surface, normal, procedure

R = 10
"""Replications of the whole procedure, or seeds that confirm the winner of one search."""

N_FOR_MEANS = 40_000
"""Procedures that a cell's expected loss is taken from."""

Losses = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class TunedPair:
    """Test losses (sets, R) of two sides: of `replicated` procedures, and of the seeds that confirm `once` tuned ones.

    `means` are the expected losses of the two sides' procedures.
    """

    task: str
    cells: tuple[str, str]
    replicated: Losses
    once: Losses
    means: tuple[float, float]

    def moved(self, effect: float, *, is_once: bool = False) -> Losses:
        """Return the losses, those of the right side moved by a constant.

        The expected losses are then `effect` margins apart: the right side is better where that is above 0.
        """
        left, right = self.once if is_once else self.replicated
        factor = 1 / (1 + SHARE * effect) if effect > 0 else 1 - SHARE * effect
        return left, right + (self.means[0] * factor - self.means[1])

    def share(self, effect: float, kinds: Sequence[str], *, is_once: bool = False) -> float:
        """Return the share of sets whose outcome at an effect is among some."""
        return float(np.isin(outcomes(*self.moved(effect, is_once=is_once)), kinds).mean())

    def share_covered(self, *, is_once: bool = False) -> float:
        """Return the share of sets whose interval holds the difference of the procedures' expected losses."""
        left, right = self.moved(0.0, is_once=is_once)
        low, high = bounds(left - right, confidence=1 - LEVEL)
        return float(((low <= 0) & (high >= 0)).mean())

    def share_found(self, r: int = R) -> float:
        """Return how often a difference of two margins is seen to be one, at the worse of its signs.

        Other numbers of replications than R are drawn from all those that were simulated.
        """
        rates = []
        for effect, side in ((2.0, "right"), (-2.0, "left")):
            left, right = self.moved(effect)
            if r != R:
                taken = np.random.default_rng(r).integers(left.size, size=(len(left), r))
                left, right = left.ravel()[taken], right.ravel()[taken]
            rates.append(float(np.isin(outcomes(left, right), [f"{side} better", f"{side} better, open"]).mean()))
        return min(rates)

    @property
    def margin(self) -> float:
        return SHARE * min(self.means)

    @property
    def sd(self) -> float:
        """Standard deviation of the difference of one replication."""
        return float((self.replicated[0] - self.replicated[1]).std())


def outcomes(left: np.ndarray, right: np.ndarray, *, n_comparisons: int = 1) -> np.ndarray:
    """Return the outcomes of many cards at once, of losses along the last axis and with the default margin.

    They are those of `card_of(...).outcome`, for losses that are finite and differences that are not all equal.
    """
    low, high = bounds(left - right, confidence=1 - LEVEL / n_comparisons)
    margin = SHARE * np.abs(np.minimum(left.mean(axis=-1), right.mean(axis=-1)))
    rules: list[tuple[np.ndarray, Outcome]] = [
        ((-margin < low) & (high < margin), "alike"),
        ((low <= 0) & (high >= 0), "undecided"),
        (high < -margin, "left better"),
        (margin < low, "right better"),
        (high < 0, "left better, open"),
        (low > 0, "right better, open"),
    ]
    return np.select([rule for rule, _ in rules], [outcome for _, outcome in rules], default="undecided")


BETTER = ("left better", "left better, open", "right better", "right better, open")
WHOLLY = ("left better", "right better")


def admitted(effect: float) -> tuple[str, ...]:
    """Return the outcomes that are not wrong at an effect, in margins: none, one at the edge, or one beyond it."""
    if effect == 0:
        return ("alike", "undecided")
    side = "right" if effect > 0 else "left"
    return ("undecided", f"{side} better, open", *([f"{side} better"] if abs(effect) > 1 else []))


def share_of_families_wrong(pairs: Sequence[TunedPair], effects: Sequence[float]) -> float:
    """Return the share of families, a set of each pair judged together, with even one wrong outcome."""
    wrong = [
        ~np.isin(outcomes(*pair.moved(effect), n_comparisons=len(pairs)), admitted(effect))
        for pair, effect in zip(pairs, effects, strict=True)
    ]
    return float(np.any(wrong, axis=0).mean())


def expected_loss(surface: Surface, search: Search, *, noise: Noise = normal, seed: int = 0) -> float:
    """Return the mean test loss of many simulated procedures."""
    draw = np.random.default_rng([seed, 1])
    return float(procedure(surface, search, search.places(draw, (N_FOR_MEANS,)), draw, noise=noise).mean())


def tuned_pair(
    surfaces: tuple[Surface, Surface],
    search: Search,
    n_sets: int,
    *,
    means: tuple[float, float],
    is_shared: bool,
    n_confirm: int = 1,
    noise: Noise = normal,
    seed: int = 0,
) -> TunedPair:
    """Return the losses of two cells whose searches draw the same places, or each its own.

    A replication's loss is the mean of `n_confirm` seeds that confirm its winner.
    """
    draw = np.random.default_rng([seed, 2])
    places = [search.places(draw, (n_sets, R))]
    places.append(places[0] if is_shared else search.places(draw, (n_sets, R)))
    left, right = (
        procedure(surface, search, own, draw, n_seeds=n_confirm, noise=noise).mean(axis=-1)
        for surface, own in zip(surfaces, places, strict=True)
    )
    once = [
        procedure(surface, search, own[:, :1], draw, n_seeds=R, noise=noise)[:, 0]
        for surface, own in zip(surfaces, places, strict=True)
    ]
    cells = (surfaces[0].cell, surfaces[1].cell)
    return TunedPair(surfaces[0].task, cells, (left, right), (once[0], once[1]), means)
