"""The expected best of k trials: which cell a smaller tuning budget would have favoured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.core.seeds import stream
from bench.core.wording import better, listed, quantity, score_label, spanned
from bench.report.figures.lines import Line, line_chart, span_of, styles
from bench.report.section import Chart, Section
from bench.results.labels import CellStyles
from bench.results.study import StudyRecord
from bench.results.trial_frames import TRIAL, Tuned, are_paired, sampler_of
from bench.stats.best_of_k import PERCENTILE, BestOfK, Stretch, best_of_k, stretches, told_apart

FEWEST = 2
"""Draws below which there is no curve."""

TRUSTED = 4
"""The interval is drawn in full up to a quarter of the trials, and faint beyond."""

EARLY = 2
"""Number of trials that decides how far the axis reaches: the mean of a single draw would squash the rest."""


def expected_best(tuned: Tuned, looks: CellStyles, heading: str) -> Section:
    """Return the expected best score after k trials of each study that searched at random."""
    draws = {name: _draws(tuned, name) for name, study in tuned.studies.items() if _has_draws(study)}
    if not draws:
        return Section(
            heading, ("Not computed: it needs trials drawn independently from one space, as random search does.",)
        )
    draws = {name: values for name, values in draws.items() if len(values) >= FEWEST}
    if not draws:
        return Section(heading, (f"Not computed: no study has {FEWEST} trials to draw from yet.",))
    curves = {name: _curve(tuned, name, values) for name, values in draws.items()}
    lines = _lines(tuned, curves, looks)
    limits = _limits(lines)
    axis = f"expected best,\n{score_label(tuned.first.metric, 'validation')},\n{better(tuned.first.direction)}"
    chart = Chart(
        name=f"{tuned.stem}-budget",
        alt=_alt(curves),
        caption=_caption(tuned, draws, lines, limits),
        figure=line_chart(lines, "trials, k", axis, limits),
        data=pd.concat([_data(tuned, name, curve) for name, curve in curves.items()]),
    )
    pooled = (POOLED,) if any(tuned.studies[name].replication for name in draws) else ()
    return Section(heading, (EXPLANATION, *pooled, *_comparisons(tuned, draws, curves)), chart=chart)


EXPLANATION = (
    "What a smaller budget would have found: the mean, over all draws of k trials from these, of the best score among "
    "the k. Where two curves cross, which cell is better depends on how much each was tuned."
)


POOLED = (
    "The trials of all replications are drawn from together, one by one and at random; those of one replication are "
    "spread more evenly than k of these."
)


def lead(names: tuple[str, str], signs: list[int]) -> str:
    """Return which of two studies leads at 1, 2, ... trials, in words; sign 1 is for the first, -1 for the second."""
    found = stretches(signs)
    ahead = [names[0] if stretch.sign > 0 else names[1] if stretch.sign < 0 else "neither" for stretch in found]
    if len(found) == 1:
        if found[0].sign == 0:
            return f"{names[0]} and {names[1]} have the same curve."
        behind = names[1] if found[0].sign > 0 else names[0]
        return f"{ahead[0]} is ahead of {behind} at every number of trials up to {len(signs)}: they do not cross."
    parts = [f"{ahead[0]} is ahead {'at' if found[0].last == 1 else 'up to'} {quantity(found[0].last, 'trial')}"]
    parts += [f"{name} from {_range(stretch)}" for name, stretch in zip(ahead[1:-1], found[1:-1], strict=True)]
    parts.append(f"{ahead[-1]} from {found[-1].first} on")
    return f"Of {names[0]} and {names[1]}, {', '.join(parts)}."


def _has_draws(study: StudyRecord) -> bool:
    """Return whether any trial is as good as a random draw: so is a point of a sequence that is shifted at random.

    Points of one sequence are not independent; those of several replications are a sample all the same. Those of a
    space that was widened are not of one distribution.
    """
    if study.extensions:
        return False
    return sampler_of(study) == "random" or (sampler_of(study) == "qmc" and study.replication > 0)


def _draws(tuned: Tuned, name: str) -> pd.Series[float]:
    """Return the score that each trial counted as a draw enters with, by replication and number."""
    trials = tuned.trials[tuned.trials["study"] == name]
    drawn = trials[trials["state"].isin(["done", "pruned", "diverged"])]
    return drawn.set_index(TRIAL)["counted"].dropna()


def _curve(tuned: Tuned, name: str, values: pd.Series[float]) -> BestOfK:
    study = tuned.studies[name]
    return best_of_k(list(values), study.direction, seed=stream("bootstrap", label=f"{study.key}:best of k"))


def _lines(tuned: Tuned, curves: Mapping[str, BestOfK], looks: CellStyles) -> list[Line]:
    looks_of = styles(tuned.studies, looks)
    return [
        Line(name, *looks_of[name], curve.mean, low=curve.low, high=curve.high, doubtful=max(1, curve.n // TRUSTED))
        for name, curve in curves.items()
    ]


def _limits(lines: list[Line]) -> tuple[float, float]:
    """Return an axis range set by what follows the first draws."""
    return span_of([part[EARLY - 1 :] for line in lines for part in (line.values, line.low) if part is not None])


def _comparisons(tuned: Tuned, draws: Mapping[str, pd.Series[float]], curves: Mapping[str, BestOfK]) -> list[str]:
    """Return how each study compares with the one that leads at the largest common number of trials."""
    n_common = min(curve.n for curve in curves.values())
    sign = 1 if tuned.first.direction == "maximise" else -1
    winner = max(curves, key=lambda name: sign * float(curves[name].mean[n_common - 1]))
    sentences = []
    for name in curves:
        if name != winner:
            n = min(curves[name].n, curves[winner].n)
            difference = sign * (curves[winner].mean[:n] - curves[name].mean[:n])
            sentences.append(
                f"{lead((winner, name), [int(each) for each in np.sign(difference)])} "
                f"{_significance(tuned, (winner, name), draws)}"
            )
    return sentences


def _significance(tuned: Tuned, names: tuple[str, str], draws: Mapping[str, pd.Series[float]]) -> str:
    studies = [tuned.studies[name] for name in names]
    if not are_paired(studies):
        return "They did not try the same settings, so whether chance explains the difference is not tested."
    both = pd.concat([draws[name] for name in names], axis=1, join="inner").to_numpy()
    label = ":".join(sorted(study.key for study in studies))
    told = told_apart(
        list(both[:, 0]), list(both[:, 1]), tuned.first.direction, seed=stream("bootstrap", label=f"{label}:swaps")
    )
    found = [stretch for stretch in stretches([int(each) for each in told]) if stretch.sign]
    if not found:
        return "The difference is nowhere more than chance explains."
    return f"The difference is more than chance explains at {listed([_range(stretch) for stretch in found])} trials."


def _range(stretch: Stretch) -> str:
    return str(stretch.first) if stretch.first == stretch.last else f"{stretch.first} to {stretch.last}"


def _data(tuned: Tuned, name: str, curve: BestOfK) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "study": name,
            "cell": tuned.studies[name].cell,
            "k": np.arange(1, curve.n + 1),
            "expected_best": curve.mean,
            "low": curve.low,
            "high": curve.high,
            "n": curve.n,
        }
    )


def _caption(
    tuned: Tuned, draws: Mapping[str, pd.Series[float]], lines: list[Line], limits: tuple[float, float]
) -> str:
    cut = " The axis leaves out what lies beyond the values at k = 2." if _is_cut(lines, limits) else ""
    return (
        f"n = {spanned([len(values) for values in draws.values()], 'draw')} per study{_counting(tuned, draws)}. Line: "
        f"exact expectation, draws with replacement. Band: 95 % {PERCENTILE}, each k by itself; faint beyond a quarter "
        "of the trials, where it is far too narrow, as no resample holds a better trial than the best (of simulated "
        "studies of 30 trials it covers the truth in 93 % at k = 1, 89 % at 7, 77 % at 15, 53 % at 30). Beyond chance: "
        f"by swapping the scores of each trial between two cells at random, 5 % over all k together.{cut}"
    )


def _counting(tuned: Tuned, draws: Mapping[str, pd.Series[float]]) -> str:
    """Return a phrase on how trials without a final score are counted."""
    states = tuned.trials["state"][tuned.trials["study"].isin(list(draws))].value_counts()
    counted = {"diverged": "as the worst score of any", "pruned": "as the best score that they had reached"}
    said = [f"{states[state]} {state} count {what}" for state, what in counted.items() if state in states]
    left_out = [f"{states[state]} {state}" for state in ("failed", "infeasible", "waiting") if state in states]
    said += [f"no draw: {listed(left_out)}"] if left_out else []
    return f" ({'; '.join(said)})" if said else ""


def _is_cut(lines: list[Line], limits: tuple[float, float]) -> bool:
    return any((line.values > limits[1]).any() or (line.values < limits[0]).any() for line in lines)


def _alt(curves: Mapping[str, BestOfK]) -> str:
    ends = "; ".join(
        f"{name} {curve.mean[0]:.4g} after 1, {curve.mean[-1]:.4g} after {curve.n}" for name, curve in curves.items()
    )
    return f"Expected best validation score against the number of trials: {ends}."
