"""Methods: the cells, their sizes and their initialisation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.core.cell_words import CellWords, cell_words, field_values
from bench.core.wording import count, listed, plain
from bench.report.inputs import ReportData
from bench.report.methods.subject import Subject, spread
from bench.results.labels import budget_label, size_label

BIASES = {"double": "an input and a recurrent bias", "single": "one bias", "none": "no bias"}
"""What every cell may be given beside its own fields."""

MOST_SIZES = 12


def cells(found: ReportData, subjects: Sequence[Subject]) -> list[str]:
    """Return the cells' equations, sizes and initialisation."""
    sentences = [_equations(subjects), *_sizes(found, subjects)]
    embedding = spread(subjects, _embedding)
    if embedding:
        sentences.append(f"Each symbol entered as {embedding}.")
    return [*sentences, f"Initial weights were {spread(subjects, _initial)}.", *_output_bias(subjects)]


def _equations(subjects: Sequence[Subject]) -> str:
    told: dict[str, dict[str, None]] = {}
    for subject in subjects:
        told.setdefault(subject.cell, {})[_cell(subject)] = None
    each = [f"{cell} had {'; or '.join(variants)}" for cell, variants in told.items() if any(variants)]
    return f"{'; '.join(each)}." if each else "The cells have no settings of their own."


def _cell(subject: Subject) -> str:
    node = subject.run.cell
    words, fields = cell_words(node), field_values(node)
    told = [_setting(subject, words, name, node[name]) for name in node if name in fields or name == "biases"]
    return listed(told) if told else ""


def _setting(subject: Subject, words: CellWords, name: str, value: object) -> str:
    if subject.is_searched(f"cell.{name}"):
        return f"{plain(name, 40)} as tuned"
    meaning = BIASES.get(str(value), "") if name == "biases" else ""
    return meaning or words.setting(name, value)


def _sizes(found: ReportData, subjects: Sequence[Subject]) -> list[str]:
    """Return how hidden sizes were chosen, and their values."""
    rows = {str(row["group"]): budget_label(row) for _, row in found.summary.iterrows()}
    by_key = dict(zip(found.runs["key"], found.runs["group"], strict=True))

    def chosen(subject: Subject) -> str:
        budget = rows[by_key[subject.record.key]]
        if subject.is_searched("hidden_size"):
            return "tuned"
        return f"chosen for a budget of {budget}" if budget else "set to a given number"

    return [f"Hidden sizes were {spread(subjects, chosen)}.", _listed_sizes(found)]


def _listed_sizes(found: ReportData) -> str:
    names = ["task_label", "cell", "hidden_size", "num_layers", "num_params_recurrent", "num_params_total"]
    sizes = found.summary[names].drop_duplicates()
    if len(sizes) > MOST_SIZES:
        known = sizes["num_params_recurrent"].dropna()
        span = f", from {count(known.min())} to {count(known.max())} recurrent parameters" if len(known) else ""
        return f"There were {len(sizes)} sizes{span}; the summary lists them."
    told = []
    for task, rows in sizes.groupby("task_label", sort=False):
        each = listed([_size(row, found) for _, row in rows.sort_values(names[1:]).iterrows()])
        where = f"on {plain(str(task), 80)}, " if sizes["task_label"].nunique() > 1 else ""
        told.append(f"{where}{each}")
    return f"The sizes (hidden size × layers): {'; '.join(told)}."


def _size(row: pd.Series, found: ReportData) -> str:
    shape = f"{found.looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"
    if pd.isna(row["num_params_total"]):
        return shape
    counts = f"{count(row['num_params_recurrent'])} recurrent and {count(row['num_params_total'])} parameters in all"
    return f"{shape} ({counts})"


def _embedding(subject: Subject) -> str:
    size = subject.run.embedding_size
    if subject.kind == "piano_roll" or not size:
        return ""
    dimensions = subject.value("embedding_size", size)
    return f"a learned embedding of {dimensions} dimensions"


def _initial(subject: Subject) -> str:
    init = subject.run.init
    scale = subject.value("init.scale", init.scale)
    return {
        "orthogonal": f"orthogonal matrices for the recurrent product of each gate, uniform within ±{scale} for all "
        "others, and 0 for biases",
        "torch": "uniform within ±1/√H for hidden size H",
        "zaremba2014": f"uniform within ±{scale}",
        "greff2017": f"normal with mean 0 and standard deviation {scale}",
    }[init.scheme]


def _output_bias(subjects: Sequence[Subject]) -> list[str]:
    bias = spread(subjects, _bias)
    return [f"The bias of the readout started {bias}."] if bias else []


def _bias(subject: Subject) -> str:
    if subject.run.init.output_bias != "marginals":
        return ""
    return "where the model predicts the frequencies of the training split"
