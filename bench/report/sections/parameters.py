"""Parameter counts: how large each model is, and how far the cells are from equal."""

from __future__ import annotations

import pandas as pd

from bench.report.ink import Inks
from bench.report.naming import size_label
from bench.report.section import Entry, Section, Table
from bench.report.wording import count, excess

HEADERS = (
    "Cell",
    "Hidden × layers",
    "Recurrent",
    "Against the smallest",
    "Total",
    "Against the smallest total",
)

COUNTS = ("num_params_recurrent", "num_params_total")

EXPLANATION = (
    "Recurrent parameters are those of the recurrent layers; the total adds the readout and, for text, the embedding, "
    "which are no part of a cell. Cells matched in one count are not matched in the other."
)


def parameters(table: pd.DataFrame, looks: Inks) -> Section:
    """Return the parameter counts of one task's groups, each shape once."""
    heading = "Parameters"
    known = table.dropna(subset=list(COUNTS)).drop_duplicates(["cell", "hidden_size", "num_layers", *COUNTS])
    if known.empty:
        return Section(heading, ("No run of this task got as far as building its model.",))
    known = known.sort_values(["num_params_recurrent", "cell"])
    smallest = {name: known[name].min() for name in COUNTS}
    rows = tuple(_entries(row, looks, smallest) for _, row in known.iterrows())
    caption = "Counted from the model that ran, not from a formula; identical for every seed of a row."
    return Section(heading, (EXPLANATION, _match(known)), Table(HEADERS, rows, caption))


def _entries(row: pd.Series, looks: Inks, smallest: dict[str, float]) -> tuple[Entry, ...]:
    entries = [
        Entry(looks[row["cell"]].name),
        Entry(size_label(row["hidden_size"], row["num_layers"]), row["hidden_size"]),
    ]
    for name in COUNTS:
        more = excess(row[name], smallest[name])
        entries += [Entry(count(row[name]), row[name]), Entry(f"+{more:.1f} %" if more else "smallest", more)]
    return tuple(entries)


def _match(known: pd.DataFrame) -> str:
    if known["cell"].nunique() < 2:
        return "Only one cell was run."
    spread = {name: excess(known[name].max(), known[name].min()) for name in COUNTS}
    return (
        f"Over all rows the recurrent counts differ by up to {spread['num_params_recurrent']:.1f} %, "
        f"the totals by up to {spread['num_params_total']:.1f} %."
    )
