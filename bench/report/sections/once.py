"""How far a single experiment scatters: what each replication alone would have said, beside what one in print said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from bench.core.interval import ENOUGH
from bench.core.wording import interval, listed, number
from bench.report.section import Entry, Section, Table
from bench.results.labels import CellStyles, size_label
from bench.results.summary import repeat_of
from bench.stats.intervals import next_value

HEADING = "Had it been done once"

HEADERS = ("Pair", "Split", "Paper", "Published difference", "Here [one more experiment]", "In the order of print")

CAPTION = (
    "Left minus right. Each replication is the whole experiment: a search over the settings and one run at the best. "
    "Here: the mean over the replications, and the interval that holds the difference of one more such experiment with "
    "probability 95 % (Student's prediction interval). Published: of a single experiment. In the order of print: in "
    "how many of the replications the difference has the sign of the published one."
)


@dataclass(frozen=True)
class _Printed:
    """A published number of a cell, and what the replications of that cell found here, by their seeds."""

    cell: str
    name: str
    published: float
    here: pd.Series


def once(rows: pd.DataFrame, runs: pd.DataFrame, looks: CellStyles, digits: int) -> Section | None:
    """Return the differences that single experiments find here and found in print; None without replications.

    `rows` is a frame of `beside`, `runs` those of its task.
    """
    asked = rows[(rows["comparable"] != "no") & (rows["statistic"] == "") & (rows["n"] >= ENOUGH)]
    by_group = {str(group): own for group, own in runs.groupby("group")}
    groups = [group for group in asked["group"].unique() if repeat_of(by_group[group]) == "replication"]
    asked = asked[asked["group"].isin(groups)]
    entries, said = [], []
    for (paper, table, split), own in asked.groupby(["paper", "table", "split"], sort=False):
        printed = list(_printed(own, by_group, looks, str(split)))
        if len(printed) < 2:
            continue
        entries += [_entries(left, right, str(paper), str(split), digits) for left, right in combinations(printed, 2)]
        if split == "test":
            said.append(_winners(printed, f"{paper}, {table}", str(runs["direction"].iloc[0])))
    shown = [entry for entry in entries if entry is not None]
    return Section(HEADING, tuple(said), Table(HEADERS, tuple(shown), CAPTION)) if shown else None


def _printed(
    rows: pd.DataFrame, by_group: dict[str, pd.DataFrame], looks: CellStyles, split: str
) -> Iterator[_Printed]:
    """Yield the numbers of a table's cells that stand beside a group here; where one stands beside two, the first."""
    for group, own in rows.groupby("group", sort=False):
        first = own.iloc[0]
        here = by_group[str(group)].set_index("seed")[split].dropna()
        name = f"{looks[first['cell']].name} {size_label(first['hidden_size'], first['num_layers'])}"
        yield _Printed(str(first["cell"]), name, float(first["published"]), here)


def _entries(left: _Printed, right: _Printed, paper: str, split: str, digits: int) -> tuple[Entry, ...] | None:
    differences = (left.here - right.here).dropna().tolist()
    if len(differences) < ENOUGH:
        return None
    there, here = left.published - right.published, sum(differences) / len(differences)
    low, high = next_value(differences)
    alike = sum(difference * there > 0 for difference in differences)
    return (
        Entry(f"{left.name} − {right.name}"),
        Entry(split),
        Entry(paper),
        Entry(number(there, digits), there),
        Entry(f"{number(here, digits)} {interval(low, high, digits)}", here),
        Entry(f"{alike} of {len(differences)}" if there else "equal in print", alike),
    )


def _winners(printed: list[_Printed], where: str, direction: str) -> str:
    """Return which cell wins in print, and which in how many of the replications that all cells have."""
    sign = 1 if direction == "minimise" else -1
    best = min(sign * each.published for each in printed)
    first = [each.name for each in printed if sign * each.published == best]
    scores = pd.concat({each.name: sign * each.here for each in printed}, axis=1).dropna()
    won = Counter(scores.idxmin(axis=1))
    told = listed([f"{name} in {won[name]}" for name in scores.columns if won[name]])
    return f"The best of these cells in print ({where}) is {listed(first)}; here, of {len(scores)} experiments, {told}."
