"""What a card says of the runs behind it, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.claims.claim import TIMED, Comparison
from bench.claims.quantities import Measured
from bench.claims.sides import Side, Steps
from bench.core.wording import listed, plain, quantity
from bench.results.labels import budget_label, size_label
from bench.results.summary import repeat_of, tuning_budget

UNTUNED = "none"
"""The tuning of sides that ran with given settings."""

NEARBY = 8
"""Units of width within which a ratio of times has to hold: kernels compute in steps of so many, and the next model is
hardly ever of the very same width."""


SCOPES = {
    "": "for the settings that ran",
    "search": "for the settings that this search found",
    "replications": "",
}
"""For which settings a card speaks, by how these were chosen; nothing where the whole search was carried out again."""


def scope_of(sides: tuple[Side, Side]) -> str:
    """Return for which settings a card speaks, "" where it is for whatever the same procedure would find."""
    found = [SCOPES[side.row["chosen_by"]] for side in sides]
    return next((scope for scope in reversed(SCOPES.values()) if scope in found and scope), "")


def runs_phrase(comparison: Comparison, steps: Steps, found: Measured) -> str:
    """Return which runs are compared, how they are paired, and which are left out."""
    sides, is_swept = steps[-1], len(steps) > 1
    shapes = [
        f"{side.name} at {size_label(side.row['hidden_size'], side.row['num_layers'])}{'' if is_swept else _set(side)}"
        for side in sides
    ]
    each = f", each {_steps_phrase(comparison, found)}" * is_swept
    budgets = {budget_label(side.row) for side in sides}
    budget = f", sizes for {budgets.pop()}" if len(budgets) == 1 and "" not in budgets else ""
    kernel = f", all on the kernel {plain(sides[0].done['kernel'].iloc[0], 40)}" if comparison.metric in TIMED else ""
    pairs = f"paired by {quantity(len(found.seeds), repeat_of(pd.DataFrame([side.row for side in sides])))}"
    if comparison.data is not None:
        each += f", each trained on {sides[0].row['train_fraction']:g} of the training split"
    if comparison.pairs == "trials":
        pairs = f"over {quantity(len(found.seeds), 'trial')} of equal settings in which either got there"
    left_out = _left_out_phrase([side for sides in steps for side in sides], found)
    return f"{listed(shapes)} (hidden × layers){budget}{each}{kernel}, {pairs}{left_out}"


def _steps_phrase(comparison: Comparison, found: Measured) -> str:
    if comparison.regulariser is not None:
        return f"without {comparison.regulariser} and with it"
    return f"trained on {listed([f'{fraction:g}' for fraction in found.fractions])} of the training split"


def _left_out_phrase(sides: Sequence[Side], found: Measured) -> str:
    unreached = [reached.count(False) for reached in found.is_reached]
    never = f"; {unreached[0]} and {unreached[1]} runs never got there" if any(unreached) else ""
    worst = f"; {quantity(found.n_diverged, 'run')} that diverged counted at the worst loss" if found.n_diverged else ""
    unfinished = sum(int((side.runs["status"] != "done").sum()) for side in sides)
    elsewhere = sum(len(side.runs) - len(side.done) for side in sides) - unfinished
    failed = unfinished - found.n_diverged - _lost_on_the_way(sides, found)
    parts = [f"{quantity(failed, 'run')} that did not finish"] if failed else []
    parts += [f"{quantity(elsewhere, 'run')} on another kernel or machine"] if elsewhere else []
    return f"{never}{worst}; left out: {listed(parts)}" if parts else f"{never}{worst}"


def _lost_on_the_way(sides: Sequence[Side], found: Measured) -> int:
    """Return how many runs that diverged are among those that never reached a threshold."""
    if not any(found.is_reached):
        return 0
    return sum(int((side.runs["status"] == "diverged").sum()) for side in sides)


def _set(side: Side) -> str:
    return f" with {plain(side.row['settings'], 80)}" if side.row["settings"] else ""


def tuning_phrase(sides: tuple[Side, Side]) -> str:
    """Return how many trials each side had."""
    left, right = (tuning_budget(side.row) for side in sides)
    if left != right:
        return f"{left} and {right} trials: unequal"
    return UNTUNED if left == "0" else f"{left} {'trial' if left == '1' else 'trials'} each"


def widths_phrase(ratios: Sequence[tuple[Steps, Measured]]) -> str:
    """Return the ratios at some widths, "" where there is one alone."""
    if len(ratios) < 2:
        return ""
    medians = [float(np.median(np.divide(found.left, found.right))) for _, found in ratios]
    told = [
        f"{median:.3g} at {' / '.join(str(side.row['hidden_size']) for side in steps[0])}"
        for median, (steps, _) in zip(medians, ratios, strict=True)
    ]
    turns = "; depends on the width" if min(medians) < 1 < max(medians) else ""
    return f"{turns}; the interval holds all widths within {NEARBY} units: {listed(told)}"
