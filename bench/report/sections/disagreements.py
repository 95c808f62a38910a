"""Where numbers in print and the runs here disagree by more than one run's luck, and what is declared to differ."""

from __future__ import annotations

import pandas as pd

from bench.report.ink import Inks
from bench.report.naming import size_label
from bench.report.section import Entry, Section, Table
from bench.report.wording import interval, number, quantity

HEADERS = (
    "Cell",
    "Split",
    "In print",
    "Here [one more run]",
    "Off by",
    "Paper",
    "What is declared to differ: there (here)",
)

CAPTION = (
    "Here: the mean of the runs, and the interval in which one more run of the same kind would be with a probability "
    "of 95 % (Student's prediction interval), for most numbers in print are single runs. Off by: in print minus here. "
    "What is declared to differ is what may explain it; where nothing is but the number of runs, it is open."
)

OPEN = "open: nothing that is declared differs but the number of runs"


def disagreements(rows: pd.DataFrame, looks: Inks, digits: int) -> Section | None:
    """Return the section on a frame of numbers in print beside ours; None where no number of the same measure is."""
    asked = rows[rows["agrees"] != ""]
    if asked.empty:
        return None
    apart = asked[asked["agrees"] == "no"]
    heading = "Where print and these runs disagree"
    n_alike = len(asked) - len(apart)
    text = (
        f"Of {quantity(len(asked), 'number')} in print of the same measure, {n_alike} "
        f"{'is' if n_alike == 1 else 'are'} where one more run here would be; {len(apart)} "
        f"{'is' if len(apart) == 1 else 'are'} further off than the luck of one seed explains.",
    )
    if apart.empty:
        return Section(heading, text)
    entries = tuple(_entries(row, looks, digits) for _, row in apart.iterrows())
    return Section(heading, text, Table(HEADERS, entries, CAPTION))


def _entries(row: pd.Series, looks: Inks, digits: int) -> tuple[Entry, ...]:
    off = row["published"] - row["mean"]
    ours = f"{number(row['mean'], digits)} {interval(row['next_low'], row['next_high'], digits)}"
    return (
        Entry(f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"),
        Entry(row["split"]),
        Entry(row["printed"], row["published"]),
        Entry(ours, row["mean"]),
        Entry(f"{'+' if off > 0 else ''}{number(off, digits)}", off),
        Entry(f"{row['paper']}, {row['table'].split(' (')[0]}"),
        Entry(OPEN if row["comparable"] == "yes" else row["because"]),
    )
