"""What one network scores by the formulas that a mean over a data set of pieces can be.

    python -m tests.programs.figures.formulas                    # of the first confirming run of each cell and set

Each run of `results/chung2014` at the paper's sizes is trained again, to the bit, and every piece of the training and
the test split is scored by itself: the mean over all frames, which is ours; the mean over pieces of each piece's mean,
in which a short piece counts like a long one; and the sum over frames divided by the frames of batches of 64 that are
padded with silence, as a loss has it that forgets its mask.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bench import results
from bench.results.run import RunRecord
from bench.sweep.probe import retrained_weights
from bench.sweep.resolve import shape_of
from bench.tasks.base import Sequences
from bench.tasks.opened import Tasks
from bench.training.batches import Batch, evaluation_batches
from bench.training.evaluation import evaluate
from bench.training.loop import machine_for, threads

RESULTS = Path("results/chung2014")
BATCH = 64
HEADER = "task           cell            split   by frame  by piece  padded"


def scores(record: RunRecord, tasks: Tasks) -> dict[str, tuple[float, float, float]]:
    """The score by each formula, in nats per frame, for the training and the test split."""
    task, validation = tasks.task(record.run.task), tasks.validation(record.run.task)
    shape = shape_of(record.run, task)
    row = retrained_weights(record, shape, task, validation)
    assert row is not None, "a run that is done ends with weights"
    found = {}
    with threads(1):
        machine = machine_for(record.run, shape)
        for split, pieces in (("train", task.train), ("test", task.read("test"))):
            assert isinstance(pieces, Sequences)
            lengths = np.array([len(frames) for frames in pieces.frames])
            nats = np.array(
                [
                    evaluate(row.unsqueeze(0), shape, task, list(_alone(frames, machine.dtype)), machine)[0]["nats"]
                    for frames in pieces.frames
                ]
            )
            found[split] = ((nats * lengths).sum() / lengths.sum(), nats.mean(), _padded(nats * lengths, lengths))
    return found


def _alone(frames: torch.Tensor, dtype: torch.dtype) -> Iterator[Batch]:
    return evaluation_batches(Sequences((frames,), digest=""), tracks=1, dtype=dtype)


def _padded(sums: np.ndarray, lengths: np.ndarray) -> float:
    starts = range(0, len(sums), BATCH)
    n_frames = sum(len(lengths[i : i + BATCH]) * lengths[i : i + BATCH].max() for i in starts)
    return float(sums.sum() / n_frames)


if __name__ == "__main__":
    tasks = Tasks(os.environ.get("BENCH_DATA"))
    records = [
        record
        for record in results.read(RESULTS, curves=False).records
        if (record.run.phase, record.run.seed, record.run.size.count) == ("confirm", 1000, "recurrent")
    ]
    print(HEADER)
    for record in sorted(records, key=lambda record: (record.run.task_name, record.run.cell_name)):
        for split, means in scores(record, tasks).items():
            numbers = "  ".join(f"{mean:8.3f}" for mean in means)
            print(f"{record.run.task_name:14} {record.run.cell_name:15} {split:6} {numbers}", flush=True)
