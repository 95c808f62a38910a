"""Search: an Optuna study with an ask-and-tell interface."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

import optuna
from optuna.trial import Trial, TrialState

from bench.claims.importance import quiet
from bench.core.digest import digest_of
from bench.core.endings import TrialEnding
from bench.core.metrics import Direction
from bench.core.seeds import SEEDS, stream
from bench.core.settings import Grid, Pruner, Sampler
from bench.core.settings.search_space import Space, Value
from bench.tuning.distributions import distributions, drawn, grid, settings, suggest
from bench.tuning.samplers import LEARNING, RESEEDED, pruner_of, sampler_of

DIRECTIONS: Mapping[Direction, Literal["minimize", "maximize"]] = {"minimise": "minimize", "maximise": "maximize"}

OPTUNA_STATES = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Search:
    """Asks for trials one by one; the n-th depends on the space, the seed, n and, for a sampler that learns, on the
    results reported before.

    Every cell gets the same random draws; an interrupted study continues with the same trials once what is on disk
    has been asked and told again in the same order; a longer study begins with the trials of a shorter one.
    """

    def __init__(
        self, space: Space, sampler: Sampler, pruner: Pruner, *, direction: Direction, seed: int, n_steps: int
    ) -> None:
        self._space, self._sampler, self._seed = space, sampler, seed
        self._points = list(grid(space)) if isinstance(sampler, Grid) else []
        self._distributions = distributions(space)
        self._name = digest_of({path: dataclasses.asdict(dimension) for path, dimension in space.items()})
        self._trials: list[Trial] = []
        with quiet():
            self._study = optuna.create_study(
                direction=DIRECTIONS[direction],
                sampler=sampler_of(sampler, self._drawn_seed(0), list(space)),
                pruner=pruner_of(pruner, n_steps),
            )

    @property
    def learns(self) -> bool:
        """Whether a trial depends on the scores of those before."""
        return isinstance(self._sampler, LEARNING)

    @property
    def n_independent(self) -> float:
        """Number of first trials that depend on no score."""
        return self._sampler.n_startup_trials if isinstance(self._sampler, LEARNING) else math.inf

    def n_points(self, n_trials: int) -> int:
        """Return how many trials there are to ask for: fewer than wanted where a grid has fewer points."""
        return min(n_trials, len(self._points)) if isinstance(self._sampler, Grid) else n_trials

    def ask(self, params: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """Return the settings of the next trial; `params` are those it is known to have had."""
        number = len(self._trials)
        with quiet():
            if params is None and isinstance(self._sampler, Grid):
                params = self._points[number]
            if isinstance(self._sampler, RESEEDED):
                seed = self._drawn_seed(number)
                self._study.sampler = optuna.samplers.RandomSampler(seed) if params else sampler_of(self._sampler, seed)
            if params is not None:
                self._study.enqueue_trial(drawn(self._space, params))
            trial = self._study.ask()
            _ = trial.relative_params  # drawn even if they are known, so that a sequence continues from there
            for path, distribution in self._distributions.items():
                suggest(trial, path, distribution)
        self._trials.append(trial)
        return dict(params) if params is not None else settings(self._space, self._trials[-1].params)

    def report(self, number: int, step: int, value: float) -> bool:
        """Report an intermediate value of a trial and return whether to prune the trial."""
        with quiet():
            self._trials[number].report(value, step)
            return self._trials[number].should_prune()

    def tell(self, number: int, ending: TrialEnding, score: float | None = None) -> None:
        """Tell Optuna how a trial ended; a pruned one counts with its last intermediate value."""
        with quiet():
            value = score if ending == "done" else None
            self._study.tell(self._trials[number], value, state=OPTUNA_STATES[ending])

    def _drawn_seed(self, number: int) -> int:
        return stream("sampler", space=self._name, seed=self._seed, trial=number) % SEEDS
