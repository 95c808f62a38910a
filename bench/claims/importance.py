"""How much each searched setting matters for the score: fANOVA and Optuna's PED-ANOVA, with intervals over trials."""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.claims.fanova import main_effects
from bench.core.interval import Interval
from bench.core.metrics import Direction
from bench.core.seeds import SEEDS
from bench.core.settings.search_space import Dimension, Space, Value

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

EvaluatorName = Literal["fanova", "ped_anova"]

PERCENTILE = "percentile bootstrap over trials"

FEWEST = 20
"""Finished trials of a study below which nothing is said of importance."""

N_RESAMPLES = 50
"""What time allows: the chapter of three studies of 30 trials over two settings takes 9 s of a busy core."""

N_DECOYS = 19
"""A share above those of 19 decoys is there by chance in one case of 20."""

N_TREES = 64
"""Trees of the forest behind a share; it needs more than those for its interval and its decoys, which are many."""

N_TREES_RESAMPLED = 4

N_TREES_DECOYS = 8

MAX_DEPTH = 6
"""Of a tree: 64 leaves. Full depth takes time with the square of the trials and gives the same shares."""

BEST = 0.25
"""Share of the trials that PED-ANOVA tells from the rest."""


@dataclass(frozen=True)
class Share:
    """How much of the whole one setting explains, the interval of that over trials, and what chance gives.

    `chance` is the largest share of its decoys, which are its own values dealt out anew among the trials, each beside
    all true settings. `resampled` are its shares in each resample, in an order that all settings have in common.
    """

    interval: Interval
    chance: float
    resampled: tuple[float, ...] = field(default=(), repr=False)

    @property
    def is_above_chance(self) -> bool:
        """Whether the setting has more than its values without a meaning, at a level of about 5 %."""
        return self.interval.mean > self.chance


def importance(
    settings: Mapping[str, Sequence[Value]],
    scores: Sequence[float],
    space: Space,
    *,
    direction: Direction,
    evaluator: EvaluatorName,
    seed: int,
    n_resamples: int,
    blocks: Sequence[int] | None = None,
) -> dict[str, Share]:
    """Return the share of each setting of `space`, given its value and the score of each trial.

    `fanova`: the share of the variance of the scores that a setting explains by itself, over the whole space; what is
    left over are interactions and noise. `ped_anova`: its part in telling the best quarter of the trials from all;
    these add up to one. Trials of one block, those of several cells with the same settings, are resampled together.

    A forest fits noise too, and by a number rather than by a choice of two: where 60 scores are noise, two numbers get
    0.3 each and a choice of two 0.03. So a share says something only where it is above `chance`. As decoys take a part
    of what is noise, theirs are divided by what the setting keeps of its share beside them. Of 160 simulated studies of
    30 trials that are noise, 7.5 % and 6.2 % have their two settings above chance.

    Where a setting has a quarter of the variance or more, the interval covers its share in 88 to 100 % of simulated
    studies of 30 or 60 trials for a number and in 64 to 88 % for a choice of two, whose share comes out too small: 0.22
    for 0.29. A share of nothing is hardly ever covered, as none is below zero.

    Raises ValueError for a score that is not finite.
    Source: Hutter et al. 2014, ICML, An Efficient Approach for Assessing Hyperparameter Importance; Watanabe et al.
    2023, arXiv 2304.10255. Deviations: the decoys; numbers enter by their place in their range, in the logarithm where
    they were drawn in it, so that the variance is over what was drawn.
    """
    losses = np.asarray(scores, dtype=float) * (-1.0 if direction == "maximise" else 1.0)
    if not np.isfinite(losses).all():
        raise ValueError("importance needs scores that are all finite")
    draw = np.random.default_rng(seed)
    together = np.arange(len(losses)) if blocks is None else np.asarray(blocks)
    trials = _Trials(space, _coordinates(settings, space), losses, together, evaluator)
    means = trials.shares(N_TREES, draw)[0]
    resampled = np.array([trials.resampled(draw).shares(N_TREES_RESAMPLED, draw)[0] for _ in range(n_resamples)])
    beside = np.array([trials.shares(N_TREES_DECOYS, draw, decoys=True) for _ in range(N_DECOYS)])  # (N_DECOYS, 2, D)
    kept = np.divide(beside[:, 0].mean(axis=0), means, out=np.ones_like(means), where=means > 0)
    chance = beside[:, 1].max(axis=0) / np.where(kept > 0, kept, 1.0)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return {
        name: Share(
            Interval(
                means[i].item(), min(low[i], means[i]).item(), max(high[i], means[i]).item(), len(losses), PERCENTILE
            ),
            chance[i].item(),
            tuple(resampled[:, i].tolist()),
        )
        for i, name in enumerate(space)
    }


@dataclass(frozen=True)
class _Trials:
    """Coordinates (n, D), losses (n,) and blocks (n,) of trials, and how their settings are to be judged."""

    space: Space
    coordinates: np.ndarray
    losses: np.ndarray
    blocks: np.ndarray
    evaluator: EvaluatorName

    def resampled(self, draw: np.random.Generator) -> _Trials:
        """Return as many blocks, drawn with replacement; those that are drawn twice stay one block."""
        names = np.unique(self.blocks)
        rows = np.concatenate([np.flatnonzero(self.blocks == name) for name in draw.choice(names, len(names))])
        drawn = self.coordinates[rows], self.losses[rows], self.blocks[rows]
        return _Trials(self.space, *drawn, self.evaluator)

    def shares(self, n_trees: int, draw: np.random.Generator, *, decoys: bool = False) -> np.ndarray:
        """Return the share of each setting, and with `decoys` that of a decoy of each: (1 or 2, D)."""
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        n_settings, seed = len(self.space), int(draw.integers(SEEDS))
        dealt = [_dealt(column, self.blocks, draw) for column in self.coordinates.T] if decoys else []
        rows = np.column_stack([self.coordinates, *dealt])
        if np.ptp(self.losses) == 0:
            return np.zeros((rows.shape[1] // n_settings, n_settings))
        if self.evaluator == "fanova":  # a tree cuts the unit interval into equal choices
            shares = main_effects(rows, self.losses, n_trees=n_trees, max_depth=MAX_DEPTH, seed=seed)
            return shares.reshape(-1, n_settings)
        with quiet():
            judge = PedAnovaImportanceEvaluator(target_quantile=BEST, region_quantile=1.0, evaluate_on_local=True)
            study = _study_of(self._frozen(rows))
            found = get_param_importances(study, evaluator=judge, normalize=False)
        shares = np.array([found[str(i)] for i in range(rows.shape[1])], dtype=float).reshape(-1, n_settings)
        return shares / (shares[0].sum() or 1.0)

    def _frozen(self, rows: np.ndarray) -> list[FrozenTrial]:
        """Return the trials as Optuna has them, the settings of each by their column."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution
        from optuna.trial import FrozenTrial, TrialState

        columns: dict[str, list[float] | list[int]] = {}
        distributions: dict[str, BaseDistribution] = {}
        for i, (dimension, places) in enumerate(zip(cycle(self.space.values()), rows.T, strict=False)):
            n = len(dimension.choices)
            columns[str(i)] = [int(place * n) for place in places] if n else places.tolist()
            distributions[str(i)] = CategoricalDistribution(range(n)) if n else FloatDistribution(0.0, 1.0)
        return [
            FrozenTrial(
                number=number,
                trial_id=number,
                state=TrialState.COMPLETE,
                value=float(loss),
                params={name: values[number] for name, values in columns.items()},
                distributions=distributions,
                datetime_start=None,
                datetime_complete=None,
                user_attrs={},
                system_attrs={},
                intermediate_values={},
            )
            for number, loss in enumerate(self.losses)
        ]


def _study_of(trials: list[FrozenTrial]) -> Study:
    """Return a study that has these trials; adding them one by one would copy each twice, for a quarter of the time."""
    import optuna

    class Known(optuna.Study):
        def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
            return trials

    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="known")
    return Known("known", storage)


def _coordinates(settings: Mapping[str, Sequence[Value]], space: Space) -> np.ndarray:
    """Return trials by settings, each value by the middle of its part of the unit interval."""
    columns = [[_coordinate(dimension, value) for value in settings[name]] for name, dimension in space.items()]
    return np.array(columns).T


def _coordinate(dimension: Dimension, value: Value) -> float:
    if dimension.choices:
        return (dimension.choices.index(value) + 0.5) / len(dimension.choices)
    if dimension.whole or dimension.step:
        (low, high), half = dimension.bounds, (dimension.step or 1.0) / 2
        return replace(dimension, low=low - half, high=high + half).place_of(float(value))
    return dimension.place_of(float(value))


def _dealt(values: np.ndarray, blocks: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return values dealt out anew: between blocks where each block has one of them, otherwise within the blocks."""
    names, first, block_of = np.unique(blocks, return_index=True, return_inverse=True)
    if (values == values[first][block_of]).all():
        return np.asarray(draw.permutation(values[first])[block_of])
    dealt = values.copy()
    for name in names:
        rows = np.flatnonzero(blocks == name)
        dealt[rows] = draw.permutation(values[rows])
    return dealt


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling about studies and trials, and from warning of what it calls experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
