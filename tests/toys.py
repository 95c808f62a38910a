"""Small tasks, Runs and machines for the tests."""

from __future__ import annotations

import dataclasses

import torch
import yaml

from bench.cells import cell_of
from bench.core.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.kernels import Reference
from bench.results.run import Run
from bench.tasks.base import Sequences, Stream
from bench.tasks.language_model import LanguageModel
from bench.tasks.piano_roll import PianoRoll
from bench.tasks.spec import LanguageModelSpec, PianoRollSpec
from bench.tasks.vocabulary import Vocabulary
from bench.training.evaluation import Machine
from bench.training.loop import fit, member_of
from bench.training.member import Member
from bench.training.model import Shape

SENTENCE = "the quick brown fox jumps over the lazy dog\npack my box with five dozen liquor jugs\n"


def music_spec(**changes) -> PianoRollSpec:
    fields = dict(
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


def text_spec(**changes) -> LanguageModelSpec:
    fields = dict(
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


def rolls(n: int, *, seed: int, longest: int = 12) -> Sequences:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, longest + 1, (n,), generator=generator).tolist()
    frames = tuple((torch.rand(length, 88, generator=generator) < 0.05).to(torch.uint8) for length in lengths)
    return Sequences(frames, f"toy {n} {seed}")


def music_task(n: int = 10, **changes) -> PianoRoll:
    return PianoRoll(music_spec(**changes), rolls(n, seed=1), None)


def text_task(repeats: int = 6, **changes) -> LanguageModel:
    spec = text_spec(**changes)
    vocabulary = Vocabulary.of(SENTENCE, spec)
    tokens = vocabulary.encode(SENTENCE * repeats, "toy")
    return LanguageModel(spec, vocabulary, Stream(tokens, vocabulary.before, "toy"), None)


def cell_node(name: str, **fields) -> dict:
    return {"name": name, "kind": name, **fields}


def run(cell: dict | str = "gru", *, task: str = "toy_music", **changes) -> Run:
    node = cell_node(cell) if isinstance(cell, str) else cell
    metric = "nll" if task == "toy_music" else "bits_per_char"
    fields = dict(
        task={
            "name": task,
            "version": 1,
            "metric": metric,
            "kind": "toy",
            "title": task,
            "direction": "minimise",
        },
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


def changed(run: Run, section: str, **values) -> Run:
    """Return the Run with values of one section changed."""
    return dataclasses.replace(run, **{section: dataclasses.replace(getattr(run, section), **values)})


def shape(run: Run, task) -> Shape:
    size = 0 if task.n_inputs else run.embedding_size
    return Shape(cell_of(run.cell), task.n_inputs, task.n_outputs, size, run.hidden_size, run.num_layers)


def machine(dtype: torch.dtype = torch.float64) -> Machine:
    return Machine(Reference(), torch.device("cpu"), dtype)


def trained(
    runs, task, validation, on: Machine, watch=lambda members: None, prepare=lambda member: None
) -> list[Member]:
    """Return the members of Runs of equal shape, trained together, each prepared before."""
    members = [member_of(each, shape(each, task), task, on) for each in runs]
    for member in members:
        prepare(member)
    for _ in fit(members, shape(runs[0], task), task, validation, on, watch):
        pass
    return members


def write_text_task(folder, node) -> None:
    """Write a task of the user's own and its text into a working directory."""
    (folder / "task").mkdir(parents=True, exist_ok=True)
    (folder / "task" / f"{node['name']}.yaml").write_text(yaml.safe_dump(node))
    (folder / "mine.txt").write_text(SENTENCE * 30)
