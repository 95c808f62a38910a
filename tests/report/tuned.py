"""Studies made up for tests: trials whose scores are a formula of their settings, measured nowhere."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from bench.core.settings.search_space import Dimension, Value
from bench.results.replications import confirmed_by
from bench.results.run import CurvePoint, RunRecord
from bench.results.study import StudyRecord, TrialRecord, best_of, outcome_of
from tests.report.fabricated import failure, record, run, scores, task

LR = Dimension(low=1e-5, high=1e-1, log=True)
HIDDEN = Dimension(low=20, high=200, log=True, whole=True)

Params = Mapping[str, Value]
Loss = Callable[[str, Params, float], float]
"""The score of a cell's trial, given its settings and a draw from the normal distribution."""


def bowl(cell: str, params: Params, noise: float) -> float:
    """The learning rate decides everything, and all cells are equal."""
    return 8.5 + (math.log10(float(params["optim.lr"])) + 2.6) ** 2 + 0.02 * noise


def drawn(space: Mapping[str, Dimension], n: int, seed: int = 0) -> list[dict[str, Value]]:
    """The same trials for every cell, as random search draws them."""
    draw = np.random.default_rng(seed)
    trials: list[dict[str, Value]] = [{} for _ in range(n)]
    for path, dimension in space.items():
        for params in trials:
            params[path] = _draw(dimension, draw)
    return trials


def _draw(dimension: Dimension, draw: np.random.Generator) -> Value:
    if dimension.choices:
        value: Value = dimension.choices[int(draw.integers(len(dimension.choices)))]
        return value
    low, high = dimension.bounds
    number = math.exp(draw.uniform(math.log(low), math.log(high))) if dimension.log else draw.uniform(low, high)
    return round(number) if dimension.whole else float(number)


def study(
    cell: str = "gru",
    n: int = 30,
    *,
    loss: Loss = bowl,
    space: Mapping[str, Dimension] | None = None,
    endings: Mapping[int, str] | None = None,
    task_name: str = "made_up_music",
    metric: str = "nll",
    n_trials: int | None = None,
    settings: Mapping[str, Any] | None = None,
    size: SizeSettings | None = None,
    draws: int = 0,
    trial_seed: int = 0,
    **fields: Any,
) -> tuple[StudyRecord, list[RunRecord]]:
    """A study by random search with the records of its Runs; `endings` says which trials are not done, and how.

    Other `draws` give other trials, of which each is a Run of its own by what was drawn.
    """
    space = {"optim.lr": LR} if space is None else space
    noise = np.random.default_rng(len(cell) + 7)
    trials, records = [], []
    for number, params in enumerate(drawn(space, n, draws)):
        ending = (endings or {}).get(number, "done")
        score = loss(cell, params, float(noise.normal()))
        node = task(task_name, metric=metric, title=task_name)
        made = _record(cell, 0 if draws else number, params, score, ending, node, size or SizeSettings(), trial_seed)
        problem = "hidden_size is too large" if ending == "infeasible" else ""
        trials.append(TrialRecord(number, params, () if problem else (made.key,), number, problem))
        records += [made] if ending not in ("waiting", "infeasible") else []
    whole: dict[str, Any] = {
        "key": f"{cell}-{task_name}-{len(settings or {})}-{fields.get('seed', 0)}{size or ''}".ljust(16, "0"),
        "label": f"{task_name} {cell}",
        "task": task_name,
        "cell": cell,
        "metric": metric,
        "space": space,
        "sampler": {"name": "random"},
        "pruner": {"name": "none"},
        "seed": 0,
        "seeds_per_trial": 1,
        "n_trials": n if n_trials is None else n_trials,
        "settings": {"num_layers": 1, **(settings or {})},
        "trials": tuple(trials),
        "finished": tuple(range(n)),
    }
    return StudyRecord(**{**whole, **fields}), records


LATTICE = {"name": "qmc", "sequence": "lattice", "scramble": True}


def replicated(
    cell: str = "gru", n: int = 4, n_times: int = 3, *, loss: Loss = bowl, **fields: Any
) -> tuple[list[StudyRecord], list[RunRecord]]:
    """Replications of a study of `n` trials, the Runs of their trials, and those that confirm the best of each."""
    studies, records = [], []
    for number in range(1, n_times + 1):
        made, trials = study(cell, n, loss=loss, draws=number, trial_seed=number - 1, sampler=LATTICE, **fields)
        made = dataclasses.replace(made, key=f"{number}{made.key}", search=made.key, replication=number)
        by_key = {each.key: each for each in trials}
        best = best_of(made, [outcome_of(trial, made.metric, by_key) for trial in made.trials])
        studies.append(made)
        records += trials
        if best is not None:
            confirmed = record(confirmed_by(made, by_key[best.runs[0]].run))
            score = loss(cell, best.params, 0.0) + 0.01 * number
            outcome = dataclasses.replace(confirmed.outcome, scores=scores(confirmed.run, score))
            records.append(dataclasses.replace(confirmed, outcome=outcome))
    return studies, records


def together(*made: tuple[StudyRecord, list[RunRecord]]) -> tuple[list[StudyRecord], list[RunRecord]]:
    """Several studies and all their records."""
    return [each for each, _ in made], [one for _, records in made for one in records]


def _record(
    cell: str,
    number: int,
    params: Params,
    score: float,
    ending: str,
    node: dict[str, Any],
    size: SizeSettings,
    seed: int,
) -> RunRecord:
    optim = OptimSettings(lr=float(params.get("optim.lr", 1e-3)))
    train = TrainSettings(max_epochs=20, dropout=number / 1000)  # another Run for each number, whatever is searched
    trial = run(cell, seed, phase="tune", task=node, optim=optim, train=train, size=size)
    if ending in ("failed", "diverged", "timeout"):
        return failure(trial, ending)
    if ending == "pruned":
        curve = (CurvePoint(2.0, 100, score + 1, score + 0.5, 1e-3), CurvePoint(4.0, 200, score, score + 0.25, 1e-3))
        return record(trial, status="pruned", reason="made up", n_epochs=4.0, curve=curve, scores={})
    made = record(trial)
    found = scores(trial, score)
    found["validation"][node["metric"]] = score
    return dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, scores=found))
