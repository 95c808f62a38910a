"""Workloads: training steps of fixed shapes, on synthetic data in memory, with the floating-point work they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import torch

from bench.cells import Cell, cell_of, shipped_cell
from bench.core.errors import UsageError, did_you_mean
from bench.core.seeds import stream
from bench.core.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.core.yaml_files import load, paths
from bench.results.run import Run
from bench.tasks.base import Sequences, Stream, Task
from bench.tasks.language_model import LanguageModel
from bench.tasks.piano_roll import PianoRoll
from bench.tasks.rolls import KEYS
from bench.tasks.spec import LanguageModelSpec, PianoRollSpec
from bench.tasks.vocabulary import Vocabulary
from bench.training.model import Shape

CELLS = ("gru", "lstm", "tanh")
"""The cells that are timed where none are asked for: those that torch.nn has too."""

ALL = "all"

KEYS_SOUNDING = 4
"""Average number of the 88 keys sounding in a frame, as in the four music data sets."""

NO_LIMIT = 1_000_000_000
CLIP_NORM = 1.0
LR = 1e-3


@dataclass(frozen=True)
class Workload:
    """Shapes of one training step of K members; `vocabulary` and `embedding_size` are 0 for music."""

    name: str
    members: int
    hidden_size: int
    batch_size: int
    length: int
    num_layers: int = 1
    vocabulary: int = 0
    embedding_size: int = 0

    @property
    def is_music(self) -> bool:
        """Whether inputs are frames of keys and not tokens."""
        return self.vocabulary == 0

    def shape(self, cell: Cell) -> Shape:
        """Return the shape of a member."""
        n_inputs, n_outputs = (KEYS, KEYS) if self.is_music else (0, self.vocabulary)
        return Shape(cell, n_inputs, n_outputs, self.embedding_size, self.hidden_size, self.num_layers)

    def flops(self, cell: Cell) -> int:
        """Return the floating-point operations of one step of one member, a multiply-add counted as two.

        The products that `Shape.num_flops` counts, once forward and twice backward (towards weights and towards
        operands), except that frames as inputs take no gradient. What is done element by element, loss, clipping and
        the optimiser are left out.
        """
        shape = self.shape(cell)
        towards_frames = 2 * shape.weights["layer0.W"].size if self.is_music else 0
        return self.batch_size * self.length * (3 * shape.num_flops()["total"] - towards_frames)

    def task(self) -> Task:
        """Return the task whose training split is exactly one batch, without padding, in every epoch: one object."""
        return _task_of(self)

    def new_task(self) -> Task:
        """Return a new object for such a task."""
        generator = torch.Generator().manual_seed(stream("order", task=self.name, seed=0, epoch=0))
        return self._music(generator) if self.is_music else self._text(generator)

    def run(self, cell: Cell, seed: int) -> Run:
        """Return the settings of one member: clipped Adam without any noise, dropout or limit."""
        task = {"name": self.name, "version": 1, "metric": "nll" if self.is_music else "perplexity"}
        return timed_run(self, task, cell, OptimSettings(name="adam", lr=LR), window=self.length, seed=seed)

    def _music(self, generator: torch.Generator) -> Task:
        draws = torch.rand(self.batch_size, self.length, KEYS, generator=generator)
        frames = (draws < KEYS_SOUNDING / KEYS).to(torch.uint8)
        spec = PianoRollSpec(**_about(self.name, "piano_roll"), metric="nll")
        return PianoRoll(spec, Sequences(tuple(frames.unbind()), "synthetic"), None)

    def _text(self, generator: torch.Generator) -> Task:
        tokens = torch.randint(self.vocabulary, (self.batch_size * self.length,), generator=generator)
        words = tuple(f"w{number}" for number in range(self.vocabulary))
        spec = LanguageModelSpec(**_about(self.name, "language_model"), metric="perplexity", level="word")
        return LanguageModel(spec, Vocabulary(words), Stream(tokens, 0, "synthetic"), None)


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("music36", 16, 36, 8, 100),
        Workload("music46", 16, 46, 16, 100),
        Workload("music100", 4, 100, 16, 200),
        Workload("char128", 4, 128, 32, 100, vocabulary=64, embedding_size=64),
        Workload("ptb200", 1, 200, 20, 35, num_layers=2, vocabulary=10_000, embedding_size=200),
    )
}
"""The shapes that speed is measured on: music of Chung et al. 2014, characters, Penn Treebank."""


class Sizes(Protocol):
    """The sizes of a model that is timed, and of its batches."""

    @property
    def hidden_size(self) -> int: ...

    @property
    def num_layers(self) -> int: ...

    @property
    def embedding_size(self) -> int: ...

    @property
    def batch_size(self) -> int: ...


def timed_run(
    sizes: Sizes,
    task: Mapping[str, Any],
    cell: Cell,
    optim: OptimSettings,
    *,
    window: int,
    seed: int,
    weight_noise: float = 0.0,
) -> Run:
    """Return the settings of a training whose updates are timed: without an end, as torch starts it and clipped."""
    return Run(
        task=task,
        cell=cell.node,
        hidden_size=sizes.hidden_size,
        num_layers=sizes.num_layers,
        embedding_size=sizes.embedding_size,
        size=SizeSettings(),
        init=InitSettings(scheme="torch", output_bias="zero"),
        optim=optim,
        train=TrainSettings(
            max_epochs=0,
            max_updates=NO_LIMIT,
            batch_size=sizes.batch_size,
            window=window,
            clip_norm=CLIP_NORM,
            weight_noise=weight_noise,
        ),
        kernel="auto",
        device="cpu",
        seed=seed,
        phase="tune",
    )


def cells_named(names: Sequence[str], default: Sequence[str] = CELLS) -> tuple[Cell, ...]:
    """Return the shipped cells and those of the user's `./cell/NAME.yaml` of some names, or of `all`.

    Raises UsageError for a name that there is not, ConfigError for a file that is no cell.
    """
    known = paths("cell")
    wanted = tuple(known) if ALL in names else names or default
    return tuple(cell_of(load(known[name])) for name in chosen(wanted, tuple(known), "cell"))


@cache
def plain_lstm() -> Cell:
    """Return the cell that the others' times are divided by."""
    return shipped_cell("lstm")


def chosen(names: Sequence[str], legal: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the names asked for, or all of them when none is. Raises UsageError for one that is not legal."""
    for name in names:
        if name not in legal:
            raise UsageError(f"unknown {what} `{name}`; {did_you_mean(name, legal)}")
    return tuple(dict.fromkeys(names)) or tuple(legal)


def _about(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "version": 1,
        "title": "synthetic",
        "licence": "none",
        "direction": "minimise",
        "sources": (),
    }


@cache
def _task_of(workload: Workload) -> Task:
    return workload.new_task()
