"""Test claims on the runs of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import pandas as pd

from bench.claims.claim import TIMED, Claim
from bench.claims.judgement import UNTUNED, Finding, JudgeAt, Result, counted, judge_all, judge_each, verdict_at
from bench.claims.quantities import Measured, measured, measured_over_steps
from bench.claims.shares import Importances, against, missing, share_verdict_at
from bench.claims.sides import NotTestedError, Side, cell_name, of_cell, of_equal_conditions, steps_of
from bench.core.wording import listed, plain, quantity
from bench.results.frames import SIZE, TASK
from bench.results.labels import budget_label, size_label
from bench.results.summary import repeat_of, tuning_budget

FAMILIES = {"music": "piano_roll", "text": "language_model"}
"""Family of tasks to the kind that its members have."""

NO_IMPORTANCES: Importances = MappingProxyType({})


@dataclass(frozen=True)
class _Case:
    """A claim on one data set, ready to be judged."""

    result: Result
    judge_at: JudgeAt


def evaluate(
    claims: Sequence[Claim],
    runs: pd.DataFrame,
    points: pd.DataFrame,
    table: pd.DataFrame,
    importances: Importances = NO_IMPORTANCES,
) -> tuple[Finding, ...]:
    """Return a finding for each claim, given the frame of the runs, that of their curves, and their summary.

    Runs are paired by seed; where runs are confirmed, those alone speak. What studies say of the importance of
    settings is in `importances`.
    """
    tasks = [(rows, runs[(runs[TASK] == list(task)).all(axis=1)]) for task, rows in table.groupby(TASK, sort=False)]
    names = {claim.name: tuple(cell_name(choice, runs) for choice in claim.choices) for claim in claims}
    return tuple(replace(_finding(claim, tasks, points, importances), names=names[claim.name]) for claim in claims)


def _finding(
    claim: Claim,
    tasks: Sequence[tuple[pd.DataFrame, pd.DataFrame]],
    points: pd.DataFrame,
    importances: Importances,
) -> Finding:
    meant = [(rows, runs) for rows, runs in tasks if _is_meant(claim, runs.iloc[0])]
    if not meant:
        return Finding(claim, (), f"No runs on {listed(list(claim.tasks))}.")
    if claim.estimator == "exact_count_ratio":
        return _with_reason(Finding(claim, tuple(_count(claim, rows, runs) for rows, runs in meant)))
    if claim.estimator == "importance_share":
        looked = [_case_of_importance(claim, rows, importances) for rows, _ in meant]
    else:
        looked = [_case_of_runs(claim, rows, runs, points) for rows, runs in meant]
    cases = {i: case for i, case in enumerate(looked) if isinstance(case, _Case)}
    judges = {i: case.judge_at for i, case in cases.items()}
    overall, verdicts = judge_all(judges) if claim.across == "all" and len(judges) > 1 else ("", judge_each(judges))
    results = tuple(
        replace(case.result, verdict=verdicts[i], why=verdicts[i].reason) if isinstance(case, _Case) else case
        for i, case in enumerate(looked)
    )
    return _with_reason(Finding(claim, results, overall=overall))


def _with_reason(finding: Finding) -> Finding:
    """Return a finding with the reasons why it was tested on no data set, each reason once."""
    if finding.is_tested:
        return finding
    return replace(finding, why=" ".join(dict.fromkeys(result.why for result in finding.results)))


def _is_meant(claim: Claim, run: pd.Series) -> bool:
    names = {"all", run["task"], *(family for family, kind in FAMILIES.items() if kind == run["kind"])}
    return not names.isdisjoint(claim.tasks)


def _case_of_runs(claim: Claim, rows: pd.DataFrame, runs: pd.DataFrame, points: pd.DataFrame) -> Result | _Case:
    """Return the case to judge on one data set, or a result with the reason why there is none."""
    task, task_label = str(rows["task"].iloc[0]), str(rows["task_label"].iloc[0])
    try:
        steps = steps_of(claim, rows, runs)
        if claim.metric in TIMED:
            steps = tuple(of_equal_conditions(*sides) for sides in steps)
        found = measured(claim, steps[0], points) if len(steps) == 1 else measured_over_steps(claim, steps, points)
    except NotTestedError as error:
        return Result(task, task_label, None, str(error))
    sides, groups = steps[-1], tuple(str(side.row["group"]) for sides in steps for side in sides)
    sign = "/" if claim.is_ratio else "−"
    result = Result(
        task,
        task_label,
        None,
        compared=_compared_phrase(claim, steps, found),
        sides=f"{sides[0].name} {sign} {sides[1].name}",
        what=found.what,
        tuning=_tuning_phrase(sides),
        groups=groups,
    )
    return _Case(result, partial(verdict_at, claim, found, f"{claim.name}:{':'.join(groups)}"))


def _case_of_importance(claim: Claim, rows: pd.DataFrame, importances: Importances) -> Result | _Case:
    """Return the case of a claim about importance on one data set, or a result with the reason why there is none."""
    task, task_label = str(rows["task"].iloc[0]), str(rows["task_label"].iloc[0])
    shares = importances.get((task, claim.cells))
    if shares is None:
        return Result(task, task_label, None, "No study says what share of the variance a setting explains.")
    if unsearched := missing(claim, shares):
        return Result(task, task_label, None, f"The studies did not search {listed(unsearched)}.")
    result = Result(
        task,
        task_label,
        None,
        compared=f"{quantity(shares.n, 'finished trial')} of {listed(claim.cells)}",
        sides=f"{claim.factors[0]} − {against(claim)}",
        what="share of the variance explained",
        tuning=shares.tuning,
    )
    return _Case(result, partial(share_verdict_at, claim, shares))


def _count(claim: Claim, rows: pd.DataFrame, runs: pd.DataFrame) -> Result:
    task, task_label = str(rows["task"].iloc[0]), str(rows["task_label"].iloc[0])
    names = [cell_name(choice, runs) for choice in claim.choices]
    meant = [of_cell(choice, runs) for choice in claim.choices]
    counts = [_counts(of_runs) for of_runs in meant]
    ratios = (counts[0] / counts[1]).dropna()
    if ratios.empty:
        return Result(task, task_label, None, f"There is no width at which both {listed(names)} were built.")
    verdict = counted(claim, [float(ratio) for ratio in ratios])
    shapes = [size_label(int(hidden), int(layers)) for hidden, layers in ratios.index]
    compared = f"{listed(names)} at {listed(shapes[:5])}{' and more' * (len(shapes) > 5)} (hidden × layers)"
    return Result(
        task,
        task_label,
        verdict,
        verdict.reason,
        compared,
        sides=f"{names[0]} / {names[1]}",
        what="recurrent parameters",
        tuning="counted",
        groups=tuple(sorted(_groups_at(ratios.index, meant))),
    )


def _counts(runs: pd.DataFrame) -> pd.Series:
    """Return the recurrent parameters at each size, where all runs of a size have equally many."""
    sizes = runs.dropna(subset="num_params_recurrent").groupby(SIZE)["num_params_recurrent"]
    return sizes.first()[sizes.nunique() == 1]


def _groups_at(shapes: pd.Index, sides: Sequence[pd.DataFrame]) -> set[str]:
    runs = pd.concat(sides).set_index(SIZE)
    return set(runs.loc[runs.index.isin(shapes), "group"])


def _compared_phrase(claim: Claim, steps: Sequence[tuple[Side, Side]], found: Measured) -> str:
    sides, is_swept = steps[-1], len(steps) > 1
    shapes = [
        f"{side.name} at {size_label(side.row['hidden_size'], side.row['num_layers'])}{'' if is_swept else _set(side)}"
        for side in sides
    ]
    each = f", each {_steps_phrase(claim, found)}" * is_swept
    budgets = {budget_label(side.row) for side in sides}
    budget = f", sizes for {budgets.pop()}" if len(budgets) == 1 and "" not in budgets else ""
    kernel = f", all on the kernel {plain(sides[0].done['kernel'].iloc[0], 40)}" if claim.metric in TIMED else ""
    pairs = f"paired by {quantity(len(found.seeds), repeat_of(pd.DataFrame([side.row for side in sides])))}"
    left_out = _left_out_phrase([side for sides in steps for side in sides], found)
    return f"{listed(shapes)} (hidden × layers){budget}{each}{kernel}, {pairs}{left_out}"


def _steps_phrase(claim: Claim, found: Measured) -> str:
    if claim.regulariser is not None:
        return f"without {claim.regulariser} and with it"
    return f"trained on {listed([f'{fraction:g}' for fraction in found.fractions])} of the training split"


def _left_out_phrase(sides: Sequence[Side], found: Measured) -> str:
    unreached = [reached.count(False) for reached in found.is_reached]
    never = f"; {unreached[0]} and {unreached[1]} runs never got there" if any(unreached) else ""
    failed = sum(int((side.runs["status"] != "done").sum()) for side in sides)
    elsewhere = sum(len(side.runs) - len(side.done) for side in sides) - failed
    parts = [f"{quantity(failed, 'run')} that did not finish"] if failed else []
    parts += [f"{quantity(elsewhere, 'run')} on another kernel or machine"] if elsewhere else []
    return f"{never}; left out: {listed(parts)}" if parts else never


def _set(side: Side) -> str:
    return f" with {plain(side.row['settings'], 80)}" if side.row["settings"] else ""


def _tuning_phrase(sides: tuple[Side, Side]) -> str:
    left, right = (tuning_budget(side.row) for side in sides)
    if left != right:
        return f"{left} and {right} trials: unequal"
    return UNTUNED if left == "0" else f"{left} {'trial' if left == '1' else 'trials'} each"
