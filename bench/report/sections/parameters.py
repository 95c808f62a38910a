"""Parameter counts: how large each model is, and how far the cells are from equal."""

from __future__ import annotations

import pandas as pd

from bench.core.wording import count, excess, listed
from bench.report.section import Entry, Section, Table
from bench.results.labels import CellStyles, budget_label, size_label

HEADERS = ("Cell", "Hidden × layers", "Recurrent", "Against the smallest", "Total", "Against the smallest total")

SWEPT_HEADERS = ("Cell", "Hidden × layers", "Recurrent", "Total")

COUNTS = ("num_params_recurrent", "num_params_total")

CAPTION = "Counted from the model that ran, not from a formula; identical for every run of a row."

EXPLANATION = (
    "Recurrent parameters are those of the recurrent layers; the total adds the readout and, for text, the embedding, "
    "which are no part of a cell. Cells matched in one count are not matched in the other."
)


def parameters(table: pd.DataFrame, looks: CellStyles) -> Section:
    """Return the parameter counts of one task's groups, each shape once."""
    heading = "Parameters"
    known = table.dropna(subset=list(COUNTS)).drop_duplicates(["cell", "hidden_size", "num_layers", *COUNTS])
    if known.empty:
        return Section(heading, ("No run of this task got as far as building its model.",))
    known = known.sort_values(["num_params_recurrent", "cell"])
    is_swept = bool(known["cell"].duplicated().any())
    rows = tuple(_entries(row, looks, None if is_swept else known) for _, row in known.iterrows())
    table_of_counts = Table(SWEPT_HEADERS if is_swept else HEADERS, rows, CAPTION)
    return Section(heading, (EXPLANATION, *_budgets(table), *_match(known, is_swept)), table_of_counts)


def _entries(row: pd.Series, looks: CellStyles, others: pd.DataFrame | None) -> tuple[Entry, ...]:
    shape = size_label(row["hidden_size"], row["num_layers"])
    entries = [Entry(looks[row["cell"]].name), Entry(shape, row["hidden_size"])]
    for name in COUNTS:
        entries.append(Entry(count(row[name]), row[name]))
        if others is not None:
            more = excess(row[name], others[name].min())
            entries.append(Entry(f"+{more:.1f} %" if more else "smallest", more))
    return tuple(entries)


def _budgets(table: pd.DataFrame) -> tuple[str, ...]:
    budgets = [budget for _, row in table.iterrows() if (budget := budget_label(row))]
    return (f"Hidden sizes are for {listed(list(dict.fromkeys(budgets)))}.",) if budgets else ()


def _match(known: pd.DataFrame, is_swept: bool) -> tuple[str, ...]:
    if is_swept or len(known) < 2:
        return ()
    spread = [excess(known[name].max(), known[name].min()) for name in COUNTS]
    return (f"The recurrent counts differ by up to {spread[0]:.1f} %, the totals by up to {spread[1]:.1f} %.",)
