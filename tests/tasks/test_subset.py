"""A share of the training split: nested, the same for every cell, and all that a model with less data knows."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from bench.core.seeds import PARTS
from bench.tasks.opened import Tasks
from bench.tasks.subset import n_kept, subset
from bench.training.loop import member_of
from tests.toys import changed, machine, music_task, run, shape, text_task

FRACTIONS = [0.001, 0.1, 0.25, 0.26, 0.5, 0.75, 0.99, 1.0]
SEEDS = range(20)


def places(task, fraction, seed):
    """Return which sequences, or which tokens, of a split are kept."""
    kept = subset(task, fraction, seed).train
    if task.n_inputs:
        numbers = {id(frames): i for i, frames in enumerate(task.train.frames)}
        return [numbers[id(frames)] for frames in kept.frames]
    return list(range(kept.start, kept.start + kept.n_units))


@pytest.mark.parametrize("task", [music_task(40), text_task(7)], ids=["music", "text"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_smaller_share_lies_in_every_larger_one_of_its_seed(task, seed):
    kept = [set(places(task, fraction, seed)) for fraction in FRACTIONS]
    for smaller, larger in pairwise(kept):
        assert smaller <= larger


def test_pieces_of_a_text_of_every_length_are_nested():
    task = text_task(3)
    for seed in SEEDS:
        ends = [places(task, n / task.train.n_units, seed) for n in range(1, task.train.n_units + 1)]
        assert [len(each) for each in ends] == list(range(1, task.train.n_units + 1))
        for shorter, longer in pairwise(ends):
            assert longer[0] in (shorter[0], shorter[0] - 1)
            assert longer[-1] in (shorter[-1], shorter[-1] + 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_piece_is_text_that_is_there_and_knows_the_token_before_it(seed):
    task = text_task(7)
    piece = subset(task, 0.3, seed).train
    whole = torch.cat([torch.tensor([task.train.before]), task.train.tokens])
    assert torch.equal(piece.tokens, task.train.tokens[piece.start : piece.start + piece.n_units])
    assert piece.before == whole[piece.start]


def test_the_share_of_the_sequences_is_rounded_and_at_least_one():
    task = music_task(10)
    counts = {fraction: len(subset(task, fraction, 0).train.frames) for fraction in (0.01, 0.1, 0.16, 0.34, 0.96)}
    assert counts == {0.01: 1, 0.1: 1, 0.16: 2, 0.34: 3, 0.96: 10}
    assert all(n_kept(task.train, fraction) == n for fraction, n in counts.items())


@pytest.mark.parametrize("task", [music_task(40), text_task(7)], ids=["music", "text"])
def test_seeds_have_shares_of_their_own(task):
    assert len({tuple(places(task, 0.25, seed)) for seed in SEEDS}) > 15


@pytest.mark.parametrize("task", [music_task(40), text_task(7)], ids=["music", "text"])
def test_every_cell_and_size_is_trained_on_the_same_share(task):
    assert PARTS["subset"] == ("task", "seed")
    runs = [run(cell, task=task.spec.name, hidden_size=n) for cell in ("gru", "lstm", "tanh") for n in (3, 8)]
    shares = [changed(each, "train", fraction=0.3) for each in runs]
    members = [member_of(each, shape(each, task), task, machine()) for each in shares]
    first = [members[0].batches.batch(1, i).targets for i in range(members[0].batches.n_per_epoch)]
    for member in members[1:]:
        assert member.batches.n_per_epoch == len(first)
        assert all(torch.equal(member.batches.batch(1, i).targets, seen) for i, seen in enumerate(first))


@pytest.mark.parametrize("task", [music_task(40), text_task(7)], ids=["music", "text"])
def test_the_whole_is_the_task_itself(task):
    assert subset(task, 1.0, 0) is task


def test_the_rates_of_keys_are_those_of_the_share():
    task = music_task(40)
    own = subset(task, 0.25, 3)
    frames = torch.cat(own.train.frames).double()
    assert torch.allclose(own.key_rates, (frames.sum(0) + 0.5) / (len(frames) + 1), rtol=1e-15)
    assert not torch.equal(own.output_bias(), task.output_bias())
    assert own.baseline(task.train) != task.baseline(task.train)


def test_the_frequencies_of_tokens_are_those_of_the_share_in_the_vocabulary_of_the_whole():
    task = text_task(7)
    own = subset(task, 0.05, 3)
    counts = torch.tensor([int((own.train.tokens == n).sum()) for n in range(task.n_outputs)]).double() + 1
    assert torch.equal(own.output_bias(), (counts / counts.sum()).log())
    assert own.vocabulary == task.vocabulary
    assert (counts == 1).any(), "the share is too large to miss a token"


def test_what_is_known_of_the_data_s_origin_is_that_of_the_whole():
    for task in (music_task(40), text_task(7)):
        assert subset(task, 0.3, 0).train.digest == task.train.digest


def test_the_unigram_scores_of_a_whole_task_are_computed_once_and_those_of_a_share_are_its_own(music, monkeypatch):
    opened, split, n_computed = Tasks(None), music.train, []
    opened._tasks["toy"] = music
    compute = type(music).baseline
    monkeypatch.setattr(type(music), "baseline", lambda task, split: n_computed.append(1) or compute(task, split))
    first, again = (opened.baseline(music, "train", split) for _ in range(2))
    assert first == again == compute(music, split)
    assert len(n_computed) == 1
    share = subset(music, 0.3, seed=0)
    assert opened.baseline(share, "train", split) == compute(share, split) != first
