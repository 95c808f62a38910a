"""Surfaces of loss against learning rate, taken from committed trials, and the procedure of tuning simulated on them.

A surface is linear between the trials of one study, in the logarithm of the rate: each trial is one training, whose
noise is therefore in the surface as well as in what is simulated on it. Trials do not open the test split: a test
score is the surface plus the mean difference of test and validation in the seeds that confirmed the study's winner,
and the noise of a training has the standard deviations of these seeds. Where the nearest trial diverged, so does
whatever is drawn there.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.results.records import read
from bench.results.run import RunRecord
from bench.results.studies import read_studies
from bench.results.study import StudyRecord, best_of, outcome_of

RATE = "optim.lr"
GOLDEN = (math.sqrt(5) - 1) / 2
"""Step of the lattice: the multiples of the golden ratio, modulo 1, leave no large gap at any number of them."""

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return normal noise of mean 0 and standard deviation 1."""
    return draw.normal(size=shape)


@dataclass(frozen=True)
class Surface:
    """Loss against rate of one cell: `rates` are base-10 logarithms in ascending order, `low` and `high` their range.

    `losses` are of validation, infinite where the trial diverged; `gap` is what the test loss has above them, and
    the standard deviations are of a trial's validation and of a confirming seed's test loss.
    """

    task: str
    cell: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    low: float
    high: float
    trial_sd: float
    confirm_sd: float
    gap: float

    def loss(self, rates: np.ndarray) -> np.ndarray:
        """Return the validation loss at each rate; beyond the outermost trials it is theirs."""
        losses = np.array(self.losses)
        is_done = np.isfinite(losses)
        found = np.interp(rates, np.array(self.rates)[is_done], losses[is_done])
        return np.where(np.interp(rates, self.rates, ~is_done) > 0.5, np.inf, found)

    @property
    def best_rate(self) -> float:
        return self.rates[int(np.argmin(self.losses))]


@dataclass(frozen=True)
class Search:
    """How a procedure draws its rates: at random or as a lattice with a random shift, over the range or a window of it.

    A window is `decades` wide, with the cell's best rate in its middle as far as the range admits.
    """

    n_trials: int
    is_lattice: bool = False
    decades: float | None = None

    def __str__(self) -> str:
        kind = "lattice" if self.is_lattice else "random"
        return f"{self.n_trials} {kind}, {'range' if self.decades is None else f'{self.decades:g} decades'}"

    def places(self, draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return the places of the trials within their window, from 0 to 1, along a last axis."""
        if not self.is_lattice:
            return draw.random((*shape, self.n_trials))
        return (draw.random((*shape, 1)) + GOLDEN * np.arange(self.n_trials)) % 1

    def rates(self, surface: Surface, places: np.ndarray) -> np.ndarray:
        """Return the logarithms of the rates at places within the window of a surface."""
        width = min(self.decades or math.inf, surface.high - surface.low)
        start = min(max(surface.best_rate - width / 2, surface.low), surface.high - width)
        return start + width * places


def procedure(
    surface: Surface,
    search: Search,
    places: np.ndarray,
    draw: np.random.Generator,
    *,
    n_seeds: int = 1,
    noise: Noise = normal,
) -> np.ndarray:
    """Return the test losses (..., n_seeds) of procedures that train once at each place and confirm what is best."""
    rates = search.rates(surface, places)
    found = surface.loss(rates) + surface.trial_sd * noise(draw, rates.shape)
    chosen = np.take_along_axis(rates, found.argmin(axis=-1)[..., None], axis=-1)
    luck = surface.confirm_sd * noise(draw, (*chosen.shape[:-1], n_seeds))
    return np.asarray(surface.loss(chosen) + surface.gap + luck)


def read_surfaces(directory: Path) -> list[Surface]:
    """Return the surface of every study of a results directory that searched the learning rate alone."""
    records = read(directory, curves=False).records
    by_key = {record.key: record for record in records}
    confirmed = defaultdict(list)
    for record in records:
        if record.run.phase == "confirm" and record.outcome.status == "done":
            confirmed[dataclasses.replace(record.run, seed=0, phase="tune").key].append(record)
    studies = [study for study in read_studies(directory).records if list(study.space) == [RATE]]
    found = [surface for study in studies if (surface := _surface(directory.name, study, by_key, confirmed))]
    return sorted(found, key=lambda surface: (surface.task, surface.cell))


def _surface(
    name: str, study: StudyRecord, records: dict[str, RunRecord], confirmed: dict[str, list[RunRecord]]
) -> Surface | None:
    outcomes = [outcome_of(trial, study.metric, records) for trial in study.trials]
    best = best_of(study, outcomes)
    if best is None or study.direction != "minimise":
        return None
    run = records[best.runs[0]].run
    scores = [record.outcome.scores for record in confirmed[dataclasses.replace(run, seed=0).key]]
    validation, test = ([each[split][study.metric] for each in scores] for split in ("validation", "test"))
    trials = sorted(
        (math.log10(trial.params[RATE]), outcome.score if math.isfinite(outcome.score) else math.inf)
        for trial, outcome in zip(study.trials, outcomes, strict=True)
    )
    rates, losses = zip(*trials, strict=True)
    size = "printed sizes" if study.settings.get("hidden_size") else f"equal {run.size.count}"
    dimension = study.space[RATE]
    return Surface(
        f"{name} {study.task} {size}, {100 * run.train.fraction:.0f} % of data",
        study.cell,
        rates,
        losses,
        math.log10(dimension.low),
        math.log10(dimension.high),
        statistics.stdev(validation),
        statistics.stdev(test),
        statistics.mean(test) - statistics.mean(validation),
    )
