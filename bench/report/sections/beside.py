"""The figure of published numbers beside ours: one row per group of Runs, below its seeds one lane per paper."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.claims.published import Difference, Here, Number, comparable, differences, facts_of, here, numbers, protocols
from bench.core.cell_words import CellWords, cell_words
from bench.core.interval import ENOUGH
from bench.report.figures.rows import WIDTH
from bench.results.groups import Settings, settings_of
from bench.results.labels import GREY, TEXT_COLOUR, CellStyle, CellStyles, size_label
from bench.results.run import RunRecord
from bench.results.summary import done, interval_of, repeat_of, reported, trials_of_search
from bench.stats.intervals import next_value

SEEDS, MEAN, FIRST, STEP, END = -0.38, -0.1, 0.2, 0.24, 0.36
"""Where things are in a row: points of the seeds, their mean, the first paper; from lane to lane; from row to row."""

INCHES = 0.85
"""Height of a row's unit."""


def beside_figure(rows: pd.DataFrame, points: pd.DataFrame, looks: CellStyles, x_label: str) -> Figure:
    """Return a figure of some published numbers (a frame of `beside`) and of the seeds of the groups next to them."""
    groups = [own for _, own in rows.groupby("group", sort=False)]
    heights = [FIRST + STEP * (own["paper"].nunique() - 1) + END - SEEDS for own in groups]
    places = [sum(heights[:i]) for i in range(len(groups))]
    figure = Figure(figsize=(WIDTH, 1.1 + INCHES * sum(heights)), layout="constrained")
    axes = figure.subplots()
    for y, own in zip(places, groups, strict=True):
        first = own.iloc[0]
        _draw_ours(axes, y, first, points.loc[points["group"] == first["group"], "score"], looks[str(first["cell"])])
    low, high = axes.get_xlim()
    low, high = min(low, rows["published"].min()), max(high, rows["published"].max())
    for y, own in zip(places, groups, strict=True):
        _draw_print(axes, y, own, low, high)
    axes.set_yticks([y + MEAN for y in places], [_label(own.iloc[0], looks) for own in groups])
    axes.set_ylim(sum(heights) + SEEDS - 0.1, SEEDS - 0.14)
    for y in places[1:]:
        axes.axhline(y + SEEDS - 0.14, color="#dadce0", linewidth=0.8, zorder=0)
    axes.set_xlabel(x_label)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(handles=_handles(rows), loc="outside upper left", ncols=3)
    return figure


def _label(row: pd.Series, looks: CellStyles) -> str:
    return f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"


def _draw_ours(axes: Axes, y: float, group: pd.Series, values: pd.Series, style: CellStyle) -> None:
    seeds = values.dropna()
    lanes = [y + SEEDS + 0.16 * i / max(len(seeds) - 1, 1) for i in range(len(seeds))]
    axes.scatter(seeds, lanes, s=16, color=style.colour, marker=style.marker, alpha=0.6, linewidths=0, zorder=3)
    if not pd.isna(group["low"]):
        around = [[max(0.0, group["mean"] - group["low"])], [max(0.0, group["high"] - group["mean"])]]
        axes.errorbar(
            group["mean"], y + MEAN, xerr=around, fmt="none", ecolor=style.colour, elinewidth=2.0, capsize=4, zorder=4
        )
    axes.plot(group["mean"], y + MEAN, "D", color=style.colour, markersize=7, zorder=5)


def _draw_print(axes: Axes, y: float, rows: pd.DataFrame, low: float, high: float) -> None:
    """Draw a lane for each paper and write its name in the lane's widest gap, the number with it where it has one."""
    for lane, (paper, own) in enumerate(rows.groupby("paper", sort=True)):
        height = y + FIRST + STEP * lane
        is_hollow = own["comparable"] == "no"
        for part, face, edge in ((own[~is_hollow], TEXT_COLOUR, TEXT_COLOUR), (own[is_hollow], "white", GREY)):
            places = [height] * len(part)
            axes.scatter(part["published"], places, s=36, marker="o", facecolors=face, edgecolors=edge, zorder=4)
        x, is_left = _widest_gap(sorted(own["published"]), low, high)
        axes.annotate(
            f"{paper}: {own['printed'].iloc[0]}" if len(own) == 1 else str(paper),
            (x, height),
            xytext=(-7 if is_left else 7, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize="small",
            color=GREY if is_hollow.all() else TEXT_COLOUR,
        )


def _widest_gap(values: Sequence[float], low: float, high: float) -> tuple[float, bool]:
    """Return the value next to the widest gap, and whether the gap is on its left."""
    ends = [low, *values, high]
    gaps = [after - before for before, after in pairwise(ends)]
    widest = gaps.index(max(gaps))
    return (values[0], True) if widest == 0 else (values[widest - 1], False)


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    handles = [_symbol("D", "mean here", GREY, GREY)]
    if (rows["comparable"] != "no").any():
        handles.append(_symbol("o", "published", TEXT_COLOUR, TEXT_COLOUR))
    if (rows["comparable"] == "no").any():
        handles.append(_symbol("o", "published, another measure or from memory", GREY, "white"))
    return handles


def _symbol(marker: str, label: str, edge: str, face: str) -> Line2D:
    return Line2D(
        [], [], marker=marker, label=label, linestyle="none", markersize=7, markeredgecolor=edge, markerfacecolor=face
    )


COLUMNS = (
    *("cell", "group", "hidden_size", "num_layers", "split", "metric", "mean", "low", "high", "n"),
    *("next_low", "next_high", "agrees"),
    *(
        "published",
        "printed",
        "paper",
        "table",
        "variant",
        "statistic",
        "confidence",
        "source",
        "comparable",
        "because",
    ),
)


SPLITS = ("test", "validation", "train")


CHOSEN_EACH = "chosen in each replication"


def settings_by_group(records: Sequence[RunRecord], runs: pd.DataFrame) -> dict[str, Settings]:
    """Return the settings of each group of Runs: those in which its Runs differ have no one value to compare."""
    by_key = {record.key: record for record in records}
    return {str(group): _in_common(by_key, rows) for group, rows in reported(runs).groupby("group", sort=False)}


def _in_common(by_key: Mapping[str, RunRecord], rows: pd.DataFrame) -> Settings:
    """Return the settings of a group; one that each replication chose by itself reads as that."""
    first = settings_of(by_key[rows["key"].iloc[0]].run)
    if repeat_of(rows) == "seed":
        return first
    others = [settings_of(by_key[key].run) for key in rows["key"].iloc[1:]]
    return {
        name: value if all(other.get(name) == value for other in others) else CHOSEN_EACH
        for name, value in first.items()
    }


def of_task(runs: pd.DataFrame) -> list[Number]:
    """Return the published numbers that are of the task of some Runs, in its metric."""
    name, metric = runs["task"].iloc[0], runs["metric"].iloc[0]
    return [number for number in numbers() if (number.here, number.score_metric) == (name, metric)]


def beside(table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings]) -> pd.DataFrame:
    """Return one row per published number that has the task, the metric and the cell of some Runs of one task.

    `published` is the number in the task's metric, `printed` how it reads; `mean`, `low`, `high` and `n` are ours on
    its split, or on the split that ours are scored on where they have no score on that. `next_low` and `next_high` are
    where one more run of ours would be; `agrees` says whether the number is there, "" where that is not asked: of
    another measure, of fewer than six runs.
    """
    groups = _groups(table, runs, settings)
    rows = []
    for number in of_task(runs):
        candidates = [group for group in groups if number.cell in group.words.published]
        if candidates and not facts_of(number).other:
            rows.append(_row(number, candidates))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Group:
    """A group of Runs of one task: its row of the summary, its Runs that are done, its settings."""

    row: pd.Series
    runs: pd.DataFrame
    settings: Settings

    @cached_property
    def words(self) -> CellWords:
        return cell_words(json.loads(self.runs["cell_node"].iloc[0]))

    @cached_property
    def n_scored(self) -> dict[str, int]:
        return {split: int(self.runs[split].notna().sum()) for split in SPLITS}

    @cached_property
    def ways(self) -> dict[str, str]:
        ways = here(str(self.row["task"]), str(self.runs["kind"].iloc[0]))
        is_given = self.settings.get("task.first_step") == "given"
        return {**ways, "first step": "not scored"} if is_given else ways

    def split_for(self, number: Number) -> str:
        return number.score_split if self.n_scored[number.score_split] else str(self.row["split"])

    def differences(self, number: Number) -> tuple[Difference, ...]:
        split = self.split_for(number)
        counts = {name: float(self.row[f"num_params_{name}"]) for name in ("recurrent", "total")}
        n_trials, repeat = trials_of_search(self.row), repeat_of(self.runs)
        ours = Here(self.settings, self.ways, counts, split, n_trials, self.n_scored[split], self.words, repeat)
        return differences(number, facts_of(number), ours)


def _groups(table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings]) -> list[_Group]:
    """Return the groups that have a score, best on validation first."""
    scored = table[table["n"] > 0].sort_values(["validation", "group"])
    ended = dict(list(done(reported(runs)).groupby("group")))
    return [_Group(row, ended[row["group"]], settings[row["group"]]) for _, row in scored.iterrows()]


def _row(number: Number, groups: Sequence[_Group]) -> dict[str, object]:
    found = [group.differences(number) for group in groups]
    i = min(range(len(groups)), key=lambda i: (sum(part.kind == "measure" for part in found[i]), len(found[i]), i))
    group, split = groups[i], groups[i].split_for(number)
    interval = interval_of(group.runs[split], f"{group.row['group']}:{split}:{group.row['metric']}")
    comparability = comparable(found[i])
    low, high = next_value(group.runs[split].dropna().tolist()) if interval.n >= ENOUGH else (math.nan, math.nan)
    is_asked = comparability != "no" and interval.n >= ENOUGH
    return {
        **{name: group.row[name] for name in ("cell", "group", "hidden_size", "num_layers", "metric")},
        **{"split": split, "mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n},
        **{"next_low": low, "next_high": high},
        **{"agrees": ("yes" if low <= number.score <= high else "no") if is_asked else ""},
        **{"published": number.score, "printed": _as_printed(number), "paper": protocols()[number.paper].title},
        **{name: getattr(number, name) for name in ("table", "variant", "confidence", "source")},
        "statistic": facts_of(number).statistic,
        "comparable": comparability,
        "because": "; ".join(map(str, found[i])),
    }


def _as_printed(number: Number) -> str:
    """Return a number with the digits of its paper, or three where it had to be turned into the task's metric."""
    value = number.value.removeprefix("-")
    return value if math.isclose(float(value), number.score) else f"{number.score:.3g}"
