"""Music whose first frame is given: step t sees frame t and predicts frame t + 1, in every kernel."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.kernels import BPTT, Fused, Reference
from bench.tasks.subset import subset
from bench.testing.kernels import check_training
from bench.training.batches import evaluation_batches, training_batches
from bench.training.evaluation import evaluate_by_piece
from bench.training.initial import initial_row
from bench.training.loop import member_of
from bench.training.model import forward, zero_state
from tests.kernels.stepwise import fused_gradients
from tests.toys import cell_node, changed, machine, music_task, noisy, rolls, run, shape, trained

GIVEN = music_task(10, first_step="given")
KERNELS = [Reference(), BPTT(), Fused()]
NOISE = {"weight_noise": 0.05, "input_noise": 0.1, "dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.3}


def on(kernel, *, is_joint=False):
    return dataclasses.replace(machine(), kernel=kernel, is_joint=is_joint)


def one_piece():
    """Return a task of one piece of three frames."""
    (frames,) = rolls(1, seed=3, longest=3).frames
    assert len(frames) == 3
    return GIVEN.with_train(dataclasses.replace(GIVEN.train, frames=(frames,)))


def losses_by_hand(task, shape_, row):
    """Return the losses of frames 1 and 2, predicted from frames 0 and 1."""
    (frames,) = task.train.frames
    inputs, targets = frames[:2].double()[None, None], frames[1:].double()[None, None]
    logits, _ = forward(shape_, shape_.views(row[None]), inputs, zero_state(shape_, 1, 1, row[None]), Reference())
    return binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1).flatten()


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_piece_of_three_frames_has_the_losses_of_its_last_two(cell, kernel):
    task, each = one_piece(), changed(run(cell), "train", batch_size=1, max_epochs=1)
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    losses = losses_by_hand(task, shape_, row)
    assert len(losses) == 2
    batches = list(evaluation_batches(task.train, tracks=1, dtype=torch.float64))
    scores, pieces = evaluate_by_piece(row, shape_, task, batches, on(kernel))
    assert scores["nats"] == pytest.approx(float(losses.mean()), rel=1e-12)
    assert (pieces.units, pieces.nats) == ((2,), pytest.approx((float(losses.sum()),), rel=1e-7))
    start = member_of(each, shape_, task, on(kernel)).row
    (member,) = trained([each], task, task.train, on(kernel))
    assert member.curve[0].train_nats == pytest.approx(float(losses_by_hand(task, shape_, start).mean()), rel=1e-12)
    assert member.clock.units == 2


def test_a_batch_sees_all_frames_but_the_last_and_predicts_all_but_the_first():
    batches = training_batches(GIVEN, seed=0, batch_size=4, window=0, dtype=torch.float64)
    for position in range(batches.n_per_epoch):
        batch, ragged = batches.batch(0, position), batches.ragged(0, position)
        assert batch.n_units == ragged.n_units == (sum(len(frames) - 1 for frames in ragged.frames),)
        for b, frames in enumerate(ragged.frames):
            n = len(frames) - 1
            assert int(batch.mask[0, b].sum()) == n
            assert torch.equal(batch.inputs[0, b, :n], frames[:-1].double())
            assert torch.equal(batch.targets[0, b, :n], frames[1:].double())
            assert not batch.targets[0, b, n:].any()


def test_evaluation_scores_every_frame_but_the_first_of_each_piece():
    (batch,) = evaluation_batches(GIVEN.train, tracks=1, dtype=torch.float64)
    for b, number in enumerate(batch.pieces):
        frames, mask = GIVEN.train.frames[number].double(), batch.mask[0, b]
        assert torch.equal(batch.inputs[0, b][mask], frames[:-1])
        assert torch.equal(batch.targets[0, b][mask], frames[1:])
    assert GIVEN.train.n_units == sum(map(len, GIVEN.train.frames)) - len(GIVEN.train.frames)


def test_the_marginals_are_those_of_the_predicted_frames():
    targets = torch.cat([frames[1:] for frames in GIVEN.train.frames]).double()
    assert torch.equal(GIVEN.key_rates, (targets.sum(0) + 0.5) / (len(targets) + 1))
    rates = GIVEN.key_rates.expand_as(targets)
    wanted = torch.nn.functional.binary_cross_entropy(rates, targets, reduction="none").sum(-1).mean()
    assert GIVEN.baseline(GIVEN.train)["nats"] == pytest.approx(float(wanted), rel=1e-12)


def test_a_part_of_the_data_has_its_first_frames_given_too():
    assert subset(GIVEN, 0.5, seed=0).train.n_given == 1


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("settings", [{}, {"input_noise": 0.1}, {"input_dropout": 0.2}, NOISE], ids=str)
@pytest.mark.parametrize("kernel", [BPTT(), Fused()], ids=lambda kernel: kernel.name)
def test_every_kernel_trains_as_the_reference_does(kernel, settings, batch_size):
    settings = {**settings, "batch_size": batch_size, "evaluate_every": 1, "max_epochs": 0, "max_updates": 5}
    check_training(kernel, cell_node("gru"), tasks=[GIVEN], tolerance=1e-11, settings=settings)


def test_sequences_before_padding_give_the_bits_of_a_padded_batch():
    each = run("lstm", hidden_size=19)
    shape_ = shape(each, GIVEN)
    row = initial_row(shape_, each.init, seed=0, output_bias=GIVEN.output_bias(), dtype=torch.float32)
    batches = training_batches(GIVEN, seed=0, batch_size=4, window=0, dtype=torch.float32)
    padded = batches.batch(0, 1)
    state = zero_state(shape_, 1, padded.mask.shape[1], row[None])
    whole = fused_gradients(row[None], shape_, "bernoulli", batches.ragged(0, 1), ())
    for one, other in zip(whole, fused_gradients(row[None], shape_, "bernoulli", padded, state), strict=True):
        assert torch.equal(one, other)


def test_members_computed_at_once_have_the_numbers_that_they_have_alone():
    runs = [noisy(0), changed(noisy(1), "train", batch_size=3), run(num_layers=2, seed=2)]
    validation = rolls(4, seed=9, n_given=1)
    together, alone = (trained(runs, GIVEN, validation, on(BPTT(), is_joint=is_joint)) for is_joint in (True, False))
    for left, right in zip(together, alone, strict=True):
        torch.testing.assert_close(left.row, right.row, rtol=1e-10, atol=1e-10)
        for mine, theirs in zip(left.curve, right.curve, strict=True):
            assert dataclasses.asdict(mine) == pytest.approx(dataclasses.asdict(theirs), rel=1e-10)
