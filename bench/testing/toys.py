"""Small tasks held in memory, Runs and machines, with which the suites train."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch

from bench.cells import cell_of
from bench.core.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.kernels import Reference
from bench.results.run import Run
from bench.tasks.base import Sequences, Split, Stream, Task
from bench.tasks.language_model import LanguageModel
from bench.tasks.piano_roll import PianoRoll
from bench.tasks.rolls import KEYS
from bench.tasks.spec import LanguageModelSpec, PianoRollSpec
from bench.tasks.vocabulary import Vocabulary
from bench.training.evaluation import Machine
from bench.training.loop import fit, member_of
from bench.training.member import Member
from bench.training.model import Shape

SENTENCE = "the quick brown fox jumps over the lazy dog\npack my box with five dozen liquor jugs\n"


def music_spec(**changes: Any) -> PianoRollSpec:
    """Return the spec of a piano-roll task without sources."""
    fields: dict[str, Any] = dict(
        name="toy_music",
        kind="piano_roll",
        version=1,
        title="Toy music",
        licence="none",
        metric="nll",
        direction="minimise",
        sources=(),
    )
    return PianoRollSpec(**{**fields, **changes})


def text_spec(**changes: Any) -> LanguageModelSpec:
    """Return the spec of a character task without sources."""
    fields: dict[str, Any] = dict(
        name="toy_text",
        kind="language_model",
        version=1,
        title="Toy text",
        licence="none",
        metric="bits_per_char",
        direction="minimise",
        sources=(),
        closed_vocabulary=True,
    )
    return LanguageModelSpec(**{**fields, **changes})


def rolls(n: int, *, seed: int, longest: int = 12, n_given: Literal[0, 1] = 0) -> Sequences:
    """Return n random piano rolls of 3 to `longest` frames."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, longest + 1, (n,), generator=generator).tolist()
    frames = tuple((torch.rand(length, KEYS, generator=generator) < 0.05).to(torch.uint8) for length in lengths)
    return Sequences(frames, f"toy {n} {seed}", n_given)


def music_task(n: int = 10, **changes: Any) -> PianoRoll:
    """Return a piano-roll task of n sequences."""
    spec = music_spec(**changes)
    return PianoRoll(spec, rolls(n, seed=1, n_given=1 if spec.first_step == "given" else 0), None)


def text_task(repeats: int = 6, **changes: Any) -> LanguageModel:
    """Return a character task of two lines, repeated."""
    spec = text_spec(**changes)
    vocabulary = Vocabulary.of(SENTENCE, spec)
    tokens = vocabulary.encode(SENTENCE * repeats, "toy")
    return LanguageModel(spec, vocabulary, Stream(tokens, vocabulary.before, "toy"), None)


def cell_node(name: str, **fields: Any) -> dict[str, Any]:
    """Return a cell's YAML node."""
    return {"name": name, "kind": name, **fields}


def run(cell: Mapping[str, Any] | str = "gru", *, task: str = "toy_music", **changes: Any) -> Run:
    """Return a Run of two epochs with 7 units on a toy task."""
    node = cell_node(cell) if isinstance(cell, str) else cell
    metric = "nll" if task == "toy_music" else "bits_per_char"
    about = {"name": task, "version": 1, "metric": metric, "kind": "toy", "title": task, "direction": "minimise"}
    fields: dict[str, Any] = dict(
        task=about,
        cell=node,
        hidden_size=7,
        num_layers=1,
        embedding_size=0 if task == "toy_music" else 5,
        size=SizeSettings(),
        init=InitSettings(),
        optim=OptimSettings(lr=0.01),
        train=TrainSettings(max_epochs=2, batch_size=4, window=9),
        kernel="reference",
        device="cpu",
        seed=0,
        phase="confirm",
    )
    return Run(**{**fields, **changes})


def noisy(seed: int, cell: Mapping[str, Any] | str = "gru") -> Run:
    """Return a Run of two layers with everything random switched on."""
    settings = {"weight_noise": 0.05, "input_noise": 0.1, "dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.3}
    return changed(run(cell, num_layers=2, seed=seed), "train", **settings)


def changed(run: Run, section: str, **values: Any) -> Run:
    """Return the Run with values of one section changed."""
    sections: dict[str, Any] = {section: dataclasses.replace(getattr(run, section), **values)}
    return dataclasses.replace(run, **sections)


def shape(run: Run, task: Task) -> Shape:
    """Return the shapes of a Run's model."""
    size = 0 if task.n_inputs else run.embedding_size
    return Shape(cell_of(run.cell), task.n_inputs, task.n_outputs, size, run.hidden_size, run.num_layers)


def machine(dtype: torch.dtype = torch.float64) -> Machine:
    """Return the reference kernel on the CPU."""
    return Machine(Reference(), torch.device("cpu"), dtype)


def _nothing(_: object) -> None:
    """Do nothing."""


def trained(
    runs: Sequence[Run],
    task: Task,
    validation: Split,
    on: Machine,
    watch: Callable[[Sequence[Member]], None] = _nothing,
    prepare: Callable[[Member], None] = _nothing,
) -> list[Member]:
    """Return the members of Runs of equal shape, trained together, each prepared before."""
    members = [member_of(each, shape(each, task), task, on) for each in runs]
    for member in members:
        prepare(member)
    for _ in fit(members, shape(runs[0], task), task, validation, on, watch):
        pass
    return members
