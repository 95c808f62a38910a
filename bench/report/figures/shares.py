"""Importance of settings: the share of the score variance that each explains, its interval, and the chance level."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

from bench.claims.importance import (
    N_DECOYS,
    N_RESAMPLES,
    N_TREES,
    N_TREES_DECOYS,
    N_TREES_RESAMPLED,
    PERCENTILE,
    EvaluatorName,
    Share,
)
from bench.claims.shares import PANELS, Series
from bench.core.wording import listed, plain, quantity, spanned
from bench.report.figures.lines import columns_for
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart
from bench.results.labels import GREY
from bench.results.study import StudyRecord
from bench.results.trial_frames import INDEPENDENT, Tuned, sampler_of

SPREAD = 0.6
"""How far apart the first and the last series of a row lie, in rows."""


MEANING = (
    "A forest finds structure in noise too. So each setting is set beside decoys, its own values dealt out anew among "
    "the trials: a share that is not above those of its decoys (the grey tick) is no more than chance."
)


def in_words(series: Series) -> str:
    """Return a sentence with the shares of the variance, largest first, and the remainder."""
    shares = series.shares["fanova"]
    parts = [f"{plain(name, 80)} {_percent(shares[name])}" for name in ordered([series])]
    left = max(0.0, 1 - sum(share.interval.mean for share in shares.values()))
    return (
        f"{series.label}: {listed(parts)} of the variance over {quantity(series.n, 'finished trial')}; "
        f"{100 * left:.0f} % are interactions and noise."
    )


def caveats(studies: Sequence[StudyRecord]) -> list[str]:
    """Return the caveats that follow from how the trials were sampled."""
    names = sorted({sampler_of(study) for study in studies} - set(INDEPENDENT))
    if not names:
        return []
    return [
        f"The sampler ({plain(listed(names), 80)}) goes where scores are good: these are shares of where it looked."
    ]


def chart_of(tuned: Tuned, name: str, series: Sequence[Series], studies: Sequence[str]) -> Chart:
    """Return the chart of some shares, which are of the trials of these studies."""
    return Chart(
        name=f"{tuned.stem}-{name}",
        alt=f"Shares of the settings, two panels. {' '.join(in_words(each) for each in series)}",
        caption=_caption(series, tuned.trials[tuned.trials["study"].isin(studies)]),
        figure=share_chart(series),
        data=share_data(series),
    )


def share_chart(series: Sequence[Series]) -> Figure:
    """Return a figure with one row per setting, the largest share on top."""
    names = ordered(series)
    figure = Figure(figsize=(WIDTH, 1.25 + 0.3 * len(names) * max(1.4, len(series))), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, (measure, label) in zip(panels, PANELS.items(), strict=True):
        for place, each in enumerate(series):
            shift = SPREAD * (place / max(1, len(series) - 1) - 0.5) if len(series) > 1 else 0.0
            _draw(axes, each, measure, names, shift)
        axes.set_xlabel(label)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    panels[0].set_xlim(-0.02, 1.02)
    panels[0].set_yticks(range(len(names)), [plain(name, 32) for name in names])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    if len(series) > 1:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=columns_for(labels))
    return figure


def ordered(series: Sequence[Series]) -> list[str]:
    """Return all settings, ordered by their largest share of the variance in any series."""
    largest: dict[str, float] = {}
    for each in series:
        for name, share in each.shares["fanova"].items():
            largest[name] = max(largest.get(name, 0.0), share.interval.mean)
    return sorted(largest, key=lambda name: (-largest[name], name))


def share_data(series: Sequence[Series]) -> pd.DataFrame:
    """Return the chart's data, one row per setting, series and measure."""
    return pd.DataFrame(
        {
            "of": each.label,
            "measure": measure,
            "setting": name,
            "share": share.interval.mean,
            "low": share.interval.low,
            "high": share.interval.high,
            "chance": share.chance,
            "n": share.interval.n,
        }
        for each in series
        for measure, shares in each.shares.items()
        for name, share in shares.items()
    )


def _draw(axes: Axes, series: Series, measure: EvaluatorName, names: Sequence[str], shift: float) -> None:
    shares = series.shares[measure]
    ys = [names.index(name) + shift for name in shares]
    intervals = [share.interval for share in shares.values()]
    means = [interval.mean for interval in intervals]
    around = [[each.mean - each.low for each in intervals], [each.high - each.mean for each in intervals]]
    style = series.style
    axes.errorbar(
        means, ys, xerr=around, fmt=style.marker, color=style.colour, label=series.label, markersize=6, capsize=3
    )
    axes.plot([share.chance for share in shares.values()], ys, "|", color=GREY, markersize=11, markeredgewidth=1.6)


def _percent(share: Share) -> str:
    interval = share.interval
    beyond = "" if share.is_above_chance else ", no more than chance"
    mean = f"{100 * interval.mean:.0f}" if interval.mean >= 0.005 else "under 1"
    return f"{mean} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}{beyond}]"


def _caption(series: Sequence[Series], trials: pd.DataFrame) -> str:
    states = trials["state"].value_counts()
    diverged = f", diverged ones ({states['diverged']}) at the worst score of any" if "diverged" in states else ""
    others = [f"{states[state]} {state}" for state in ("pruned", "failed", "infeasible", "waiting") if state in states]
    out = f" Left out: {listed(others)}." if others else ""
    return (
        f"n = {spanned([each.n for each in series], 'finished trial')}{diverged}.{out} Bar: 95 % {PERCENTILE}, "
        f"{N_RESAMPLES} resamples. Grey tick: the largest share of {N_DECOYS} decoys. Forests: {N_TREES} trees for a "
        f"share, {N_TREES_RESAMPLED} for a resample, {N_TREES_DECOYS} for a decoy. Right: adds up to 100 %. With "
        "few trials both measures lean to numbers over choices."
    )
