"""What a trained model writes: a text, or music as a MIDI file, the same for the same seed."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.core.errors import DataError, UsageError
from bench.core.seeds import stream
from bench.results.run import RunRecord
from bench.sweep.weights import BestWeights
from bench.tasks import Task
from bench.tasks.base import Sequences
from bench.tasks.language_model import LanguageModel
from bench.tasks.midi import midi_of
from bench.tasks.opened import Tasks
from bench.tasks.rolls import Roll
from bench.tasks.vocabulary import opening, spelt
from bench.training.loop import threads
from bench.training.sample import continuation
from bench.training.trained import TrainedModel


def text_of(
    record: RunRecord, best: BestWeights, tasks: Tasks, *, n: int, temperature: float, seed: int, prime: str
) -> str:
    """Return a text that begins with `prime` and goes on for so many words or characters.

    Raises DataError for a token of the beginning that the model does not know.
    """
    task = _task(record, tasks)
    if not isinstance(task, LanguageModel):
        raise UsageError(f"run {record.run.label} models no text")
    vocabulary = task.vocabulary
    given = vocabulary.encode(opening(prime, task.spec), "--prime")
    first = torch.cat([torch.tensor([vocabulary.before]), given])
    drawn = _drawn(best, task, first, n, temperature, _generator(seed))
    return spelt([vocabulary.tokens[number] for number in [*given.tolist(), *drawn.tolist()]], task.spec)


def music_of(record: RunRecord, best: BestWeights, tasks: Tasks, *, n: int, temperature: float, seed: int) -> bytes:
    """Return a MIDI file of so many frames; where the first is given it is that of a training piece, drawn too."""
    task, generator = _task(record, tasks), _generator(seed)
    if not isinstance(task.train, Sequences):
        raise UsageError(f"run {record.run.label} models no music")
    first = torch.zeros((1, task.n_inputs))
    if task.train.n_given:
        piece = int(torch.randint(len(task.train.frames), (1,), generator=generator))
        first = task.train.frames[piece][:1].float()
    drawn = _drawn(best, task, first, n, temperature, generator)
    roll: Roll = torch.cat([first[: task.train.n_given], drawn]).byte().numpy()
    return midi_of(roll)


def _drawn(
    best: BestWeights, task: Task, first: Tensor, n: int, temperature: float, generator: torch.Generator
) -> Tensor:
    model = TrainedModel(best.shape, best.row)
    with threads(1):
        return continuation(model, task.head, first, n=n, temperature=temperature, generator=generator)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream("sample", seed=seed))


def _task(record: RunRecord, tasks: Tasks) -> Task:
    """Return the task of a Run. Raises DataError where its data are others than the Run was trained on."""
    task, before = tasks.task(record.run.task), record.outcome.data_digests
    if before.get("train", task.train.digest) != task.train.digest:
        raise DataError(f"task {record.run.task_name}", "not the data that the run was trained on")
    return task
