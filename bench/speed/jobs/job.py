"""Jobs: trainings as the literature has them, on real data, of which a turn takes an epoch of one part."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.cells import Cell
from bench.core.errors import ConfigError
from bench.core.settings import OptimSettings
from bench.core.yaml_files import load, paths
from bench.results.run import Run
from bench.speed.workloads import timed_run
from bench.tasks import Task
from bench.tasks.base import Sequences, Split
from bench.tasks.opened import Tasks
from bench.training.model import Shape

SEED = 0


@dataclass(frozen=True)
class Data:
    """A task with its training split, and its validation split."""

    task: Task
    validation: Split

    def part(self, share: int, batch_size: int) -> Data:
        """Return one part in `share` of both splits: every so manieth sequence, or the beginning of a text.

        A text ends where its parallel pieces are of equal length, so that a plain script scores all of it too.
        """
        train = _part(self.task.train, share, batch_size)
        return Data(self.task.with_train(train), _part(self.validation, share, self.task.tracks))


@dataclass(frozen=True)
class Job:
    """One model on one task. A turn is an epoch of one part in `share` of the task's data, with its evaluation."""

    name: str
    task_name: str
    hidden_size: int
    batch_size: int
    optim: OptimSettings
    share: int
    num_layers: int = 1
    embedding_size: int = 0
    window: int = 1
    weight_noise: float = 0.0

    def data(self, tasks: Tasks) -> Data:
        """Return what a turn trains and evaluates on.

        Raises DataError, naming every way to get data that are not there, and ConfigError where there is no such task.
        """
        known = paths("task")
        if self.task_name not in known:
            raise ConfigError("task", f"job `{self.name}` needs task `{self.task_name}`, which is not there")
        node = load(known[self.task_name])
        return Data(tasks.task(node), tasks.validation(node)).part(self.share, self.batch_size)

    def shape(self, cell: Cell, task: Task) -> Shape:
        """Return the shape of its model."""
        width = 0 if task.n_inputs else self.embedding_size
        return Shape(cell, task.n_inputs, task.n_outputs, width, self.hidden_size, self.num_layers)

    def run(self, cell: Cell, task: Task) -> Run:
        """Return its settings, without an end."""
        node = {"name": self.task_name, "version": task.spec.version, "metric": task.spec.metric}
        return timed_run(self, node, cell, self.optim, window=self.window, seed=SEED, weight_noise=self.weight_noise)


CHUNG = OptimSettings(name="rmsprop", lr=5e-4, momentum=0.9, alpha=0.95)
"""RMSProp with momentum, for the time it takes; that these are the settings of Chung et al. 2014 is not claimed."""

JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("jsb", "jsb_chorales", 46, 1, CHUNG, share=2, weight_noise=0.075),
        Job("nottingham", "nottingham", 46, 16, OptimSettings(lr=0.01), share=4),
        Job("ptb_char", "ptb_char", 128, 32, OptimSettings(lr=0.002), share=50, embedding_size=64, window=100),
        Job("ptb_word", "ptb_word", 200, 20, OptimSettings(lr=0.002), 150, num_layers=2, embedding_size=200, window=35),
    )
}
"""What is trained on a processor: music of Chung et al. 2014, in `jsb` one chorale an update, and Penn Treebank."""


def _part(split: Split, share: int, pieces: int) -> Split:
    if isinstance(split, Sequences):
        return replace(split, frames=split.frames[::share])
    n = split.n_units // share
    return replace(split, tokens=split.tokens[: max(pieces, n - n % pieces)])
