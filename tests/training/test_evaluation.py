"""Evaluation by piece: each piece has the loss it has alone, and the scores keep their bits."""

from __future__ import annotations

import dataclasses
from itertools import accumulate, pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.core.settings import InitSettings
from bench.kernels import BPTT, Reference
from bench.kernels.fused import Fused
from bench.tasks.base import Sequences, Stream
from bench.training.batches import evaluation_batches
from bench.training.evaluation import evaluate, evaluate_by_piece
from bench.training.initial import initial_row
from bench.training.model import forward, zero_state
from tests.toys import machine, music_task, run, shape, text_task

ALONE = machine()
MACHINES = [
    *(dataclasses.replace(ALONE, kernel=kernel) for kernel in (Reference(), BPTT(), Fused())),
    dataclasses.replace(ALONE, kernel=BPTT(), is_joint=True),
]
if torch.cuda.is_available():
    MACHINES.append(dataclasses.replace(MACHINES[-1], device=torch.device("cuda")))


def named(on):
    return f"{on.kernel.name} on {on.device}{' jointly' * on.is_joint}"


def model(task):
    each = run("lstm", task=task.spec.name, hidden_size=19, num_layers=2)
    shape_ = shape(each, task)
    return shape_, initial_row(shape_, InitSettings(), seed=0, output_bias=task.output_bias(), dtype=torch.float64)


def batches_of(task, split, **sizes):
    return list(evaluation_batches(split, tracks=task.tracks, dtype=torch.float64, **sizes))


@pytest.mark.parametrize("on", MACHINES, ids=named)
def test_each_sequence_has_the_loss_that_it_has_alone_in_the_order_of_the_data(on):
    task = music_task()
    shape_, row = model(task)
    _, pieces = evaluate_by_piece(row.to(on.device), shape_, task, batches_of(task, task.train, batch_size=4), on)
    assert pieces.units == task.train.lengths
    for frames, nats, units in zip(task.train.frames, pieces.nats, pieces.units, strict=True):
        batches = batches_of(task, Sequences((frames,), "one"))
        (alone,) = evaluate(row[None], shape_, task, batches, ALONE)
        assert nats == pytest.approx(units * alone["nats"], rel=1e-7)


@pytest.mark.parametrize("on", MACHINES, ids=named)
@pytest.mark.parametrize("sizes", [{}, {"window": 7}, {"window": 7, "batch_size": 2}, {"window": 10_000}], ids=str)
def test_blocks_are_stretches_of_the_text_with_the_losses_of_their_tokens(on, sizes):
    task = text_task(tracks=3)
    shape_, row = model(task)
    losses = []
    for batch in batches_of(task, task.train, window=10_000, batch_size=1):
        state = zero_state(shape_, 1, 1, row[None])
        logits, _ = forward(shape_, shape_.views(row[None]), batch.inputs, state, Reference())
        losses += cross_entropy(logits[0, 0], batch.targets[0, 0], reduction="none").tolist()
    _, pieces = evaluate_by_piece(row.to(on.device), shape_, task, batches_of(task, task.train, **sizes), on)
    assert len(pieces.units) >= 3
    expected = [sum(losses[low:high]) for low, high in pairwise([0, *accumulate(pieces.units)])]
    assert sum(pieces.units) == len(losses)
    assert pieces.nats == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("on", MACHINES, ids=named)
@pytest.mark.parametrize("task", [music_task(), text_task(tracks=3)], ids=["music", "text"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_scores_keep_their_bits_and_are_the_sum_of_the_pieces(task, on, dtype):
    shape_, row = model(task)
    row, on = row.to(dtype), dataclasses.replace(on, dtype=dtype)
    batches = list(evaluation_batches(task.train, tracks=task.tracks, dtype=dtype, window=20))
    scores, pieces = evaluate_by_piece(row.to(on.device), shape_, task, batches, on)
    assert [scores] == evaluate(row[None].to(on.device), shape_, task, batches, on)
    assert sum(pieces.nats) / sum(pieces.units) == pytest.approx(scores["nats"], rel=1e-6)


@pytest.mark.parametrize(
    ("n_tokens", "tracks", "n_blocks"),
    [
        (442_423, 64, 128),
        (82_430, 20, 100),
        (55_770, 16, 96),
        (3000, 1, 12),
        (2560, 10, 10),
        (2561, 10, 11),
        (9, 20, 9),
    ],
)
def test_a_long_text_has_about_a_hundred_blocks_and_a_short_one_a_block_for_each_window(n_tokens, tracks, n_blocks):
    text = Stream(torch.arange(n_tokens), 0, "numbers")
    found = {}
    for batch in evaluation_batches(text, tracks=tracks, dtype=torch.float32):
        for tokens, mask, piece in zip(batch.targets[0], batch.mask[0], batch.pieces, strict=True):
            found.setdefault(piece, []).extend(tokens[mask].tolist())
    blocks = [found[piece] for piece in sorted(found) if found[piece]]
    assert len(blocks) == n_blocks
    assert [token for block in blocks for token in block] == list(range(n_tokens))
