"""Batches: everything is there once, and no score depends on how it was cut."""

from __future__ import annotations

import pytest
import torch

from bench.core.settings import InitSettings
from bench.training.batches import evaluation_batches, stack, training_batches
from bench.training.evaluation import evaluate
from bench.training.initial import initial_row
from tests.toys import machine, music_task, run, shape, text_task


def score(task, split, **sizes):
    shape_ = shape(run(task=task.spec.name), task)
    row = initial_row(shape_, InitSettings(), seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    batches = list(evaluation_batches(split, tracks=task.tracks, dtype=torch.float64, **sizes))
    (scores,) = evaluate(row[None], shape_, task, batches, machine())
    return scores


@pytest.mark.parametrize("tracks", [1, 3, 7])
@pytest.mark.parametrize("sizes", [{"batch_size": b, "window": w} for b in (1, 2, 7) for w in (1, 5, 10_000)], ids=str)
def test_a_texts_score_does_not_depend_on_batch_size_or_window(tracks, sizes):
    task = text_task(tracks=tracks)
    expected = score(task, task.train)
    assert score(task, task.train, **sizes) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_music_score_does_not_depend_on_batch_size(batch_size):
    task = music_task()
    assert score(task, task.train, batch_size=batch_size) == pytest.approx(score(task, task.train), rel=1e-12)


@pytest.mark.parametrize("tracks", [1, 4, 9])
@pytest.mark.parametrize("window", [1, 7, 1000])
def test_evaluation_scores_every_token_once_and_in_context(tracks, window):
    task = text_task(tracks=tracks)
    seen = []
    for batch in evaluation_batches(task.train, tracks=tracks, dtype=torch.float64, batch_size=2, window=window):
        seen += batch.targets[batch.mask].tolist()
        assert sum(batch.n_units) == int(batch.mask.sum())
    assert sorted(seen) == sorted(task.train.tokens.tolist())


def test_a_tracks_inputs_are_the_tokens_before_its_targets():
    task = text_task(tracks=3)
    text = torch.cat([torch.tensor([task.vocabulary.before]), task.train.tokens])
    pairs = set(zip(text[:-1].tolist(), text[1:].tolist(), strict=True))
    for batch in evaluation_batches(task.train, tracks=3, dtype=torch.float64, window=5):
        found = zip(batch.inputs[batch.mask].tolist(), batch.targets[batch.mask].tolist(), strict=True)
        assert set(found) <= pairs


def test_training_windows_follow_one_another_in_each_track():
    task = text_task()
    batches = training_batches(task, seed=0, batch_size=4, window=9, dtype=torch.float32)
    epoch = [batches.batch(0, i) for i in range(batches.n_per_epoch)]
    assert [batch.is_carried for batch in epoch] == [False] + [True] * (len(epoch) - 1)
    joined = torch.cat([batch.targets[0] for batch in epoch], dim=1)  # (B, N // B)
    length = task.train.n_units // 4
    assert torch.equal(joined.flatten(), task.train.tokens[: 4 * length])


def test_an_epoch_holds_every_sequence_once_and_its_order_changes_with_epoch_and_seed():
    task = music_task(n=11)
    orders = {}
    for seed, epoch in [(0, 0), (0, 1), (1, 0)]:
        batches = training_batches(task, seed=seed, batch_size=4, window=0, dtype=torch.float32)
        units = [batches.batch(epoch, i).n_units[0] for i in range(batches.n_per_epoch)]
        assert sum(units) == task.train.n_units
        orders[seed, epoch] = units
    assert len({tuple(units) for units in orders.values()}) == 3


def test_the_first_frame_is_predicted_from_nothing_and_padding_is_masked():
    batch = training_batches(music_task(), seed=0, batch_size=4, window=0, dtype=torch.float32).batch(0, 0)
    assert not batch.inputs[:, :, 0].any()
    assert torch.equal(batch.inputs[:, :, 1:], batch.targets[:, :, :-1])
    assert not batch.targets[~batch.mask].any()


def test_padding_costs_no_nats():
    task = music_task()
    first, second = (
        training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float64).batch(0, i) for i in (0, 1)
    )
    joined = stack([first, second])
    logits = torch.randn(joined.targets.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    nats = task.nats(logits, joined.targets, joined.mask)
    for k, alone in enumerate((first, second)):
        B, T = alone.mask.shape[1:]
        expected = task.nats(logits[k : k + 1, :B, :T], alone.targets, alone.mask)
        assert float(nats[k]) == pytest.approx(float(expected), rel=1e-12)
