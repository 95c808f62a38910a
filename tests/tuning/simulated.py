"""A tuning without training: Runs whose curves are a function of their settings, trained out one at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from bench import results
from bench.core.settings import Command, NoPruner, OptimSettings, Site, TrainSettings, TuneSettings
from bench.core.settings.search_space import space_of
from bench.results.run import Cost, CurvePoint, Outcome, Provenance, RunRecord
from bench.tuning.definition import definitions
from bench.tuning.stages import TrialQueue
from bench.tuning.study import StudyRunner
from tests.toys import cell_node, music_task, rolls

SPACE = {"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}}
N_EPOCHS = 6
TASK = {"name": "toy_music", "version": 1, "metric": "nll", "kind": "toy", "title": "Toy", "direction": "minimise"}


class ToyTasks:
    """Stands for the tasks that a process has opened."""

    def task(self, node):
        return TOY

    def validation(self, node):
        return rolls(4, seed=9)

    def test_digest(self, node):
        return ""

    def announce_once(self, line):
        """Say nothing."""


TOY = music_task()


def command(cell="gru", space=None, name="default", **tune) -> Command:
    return Command(
        task=TASK,
        cell=cell_node(cell),
        optim=OptimSettings(lr=0.01),
        train=TrainSettings(max_epochs=N_EPOCHS, batch_size=4),
        hidden_size=7,
        name=name,
        space=space or SPACE,
        tune=TuneSettings(**{"n_trials": 8, **tune}),
    )


def trials(directory, *commands, reflect=lambda definition: None, **place) -> TrialQueue:
    """Return the trials of a command as they are when it starts, and begun."""
    is_pruning = not isinstance(commands[0].tune.pruner, NoPruner)
    site = Site(directory, is_pruning=is_pruning, **place)
    runners = [StudyRunner(definition, site, ToyTasks()) for definition in definitions(commands)]
    made = TrialQueue(runners, site, ToyTasks(), reflect)
    runs = {run.key: run for runner in runners for run in runner.wanted}
    ended = {key for runner in runners for key in runner._ended}
    made.begin([run for key, run in runs.items() if key not in ended])
    return made


def curve(run) -> list[float]:
    """Return validation losses that fall towards a level, least at lr 1e-2; the seed adds little."""
    level = 8 + (math.log10(run.optim.lr) + 2) ** 2 + 0.01 * run.seed
    return [level + 2 / epoch for epoch in range(1, N_EPOCHS + 1)]


def run_trials(made: TrialQueue, most: int | None = None, status_of=lambda run: "done", curve_of=curve) -> list:
    """Carry out Runs one after another until none is left, or so many; return them in their order."""
    trained = []
    while (most is None or len(trained) < most) and (pack := made.next_pack()):
        for run in pack:
            nats, status = curve_of(run), status_of(run)
            for n in range(1, N_EPOCHS):
                if status == "done" and made.should_prune(run, nats[:n]):
                    nats, status = nats[:n], "pruned"
                    break
            write(made._site.directory, run, status, nats)
            made.tell(run)
            trained.append(run)
    return trained


def write(directory, run, status, nats) -> None:
    points = tuple(CurvePoint(float(i), i, 9.0, value, 0.01) for i, value in enumerate(nats, 1))
    scores = {"validation": {"nll": min(nats)}} if status == "done" else {}
    outcome = Outcome(status, "", "none", 1, float(len(nats)), 1, points, scores, {}, {}, {}, "")
    origin = Provenance(stamp(directory), "", False, {}, "", "", "cpu", 1)
    cost = Cost(1.0, 0.0, 1.0, 0.0, (), 1, "frame", 0)
    results.write(directory, RunRecord(run.key, run, outcome, cost, origin))


def stamp(directory) -> str:
    """Return a time that is later for each Run of a directory."""
    return (datetime(2026, 1, 1) + timedelta(seconds=len(list(directory.glob("runs/*"))))).isoformat()


def params(made: TrialQueue, runner: int = 0) -> list[dict]:
    return [dict(trial.params) for trial in made.runners[runner].record.trials]


def states(made: TrialQueue, runner: int = 0) -> list[str]:
    return [outcome.state for outcome in made.runners[runner].outcomes]


def space(node):
    return space_of(node)


def with_tune(each: Command, **changes) -> Command:
    return replace(each, tune=replace(each.tune, **changes))
