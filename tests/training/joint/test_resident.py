"""A gather on the device gives the batches that the members would get one by one, in their order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from bench.training.batches import stack
from bench.training.joint.resident import Resident, Timetable
from bench.training.loop import member_of
from tests.toys import changed, machine, music_task, run, shape, text_task

CPU = torch.device("cpu")


def members_of(task, settings):
    runs = [changed(run(task=task.spec.name, seed=seed), "train", **each) for seed, each in enumerate(settings)]
    return [member_of(each, shape(each, task), task, machine()) for each in runs]


@pytest.mark.parametrize(
    "task", [music_task(11), music_task(11, first_step="given"), text_task()], ids=["music", "first given", "text"]
)
@pytest.mark.parametrize(
    "settings",
    [
        [{}],
        [{}, {}, {}],
        [{"batch_size": 3}, {"batch_size": 5}],
        [{"fraction": 0.5}, {"fraction": 0.5}, {"fraction": 0.8}, {}],
    ],
    ids=["one", "equal", "of unequal batch size", "on unequal shares of the data"],
)
def test_the_gathered_batch_is_the_stack_of_the_members_own(task, settings):
    members = members_of(task, settings)
    resident, timetable = Resident.of(task.train, CPU), Timetable(task)
    n_rounds = 3 * max(member.batches.n_per_epoch for member in members) + 1
    for _ in range(n_rounds):
        places = np.zeros((2, len(members), max(member.run.train.batch_size for member in members)), np.int64)
        for k, member in enumerate(members):
            mine = timetable.places(member)
            places[:, k, : mine.shape[1]] = mine
        expected = stack([m.batches.batch(m.epoch, m.n_updates % m.batches.n_per_epoch) for m in members])
        B, T = expected.mask.shape[1:]
        inputs, targets, mask = resident.gathered(torch.from_numpy(places[:, :, :B]), T, torch.float64)
        assert torch.equal(mask, expected.mask)
        assert (inputs.dtype, targets.dtype) == (expected.inputs.dtype, expected.targets.dtype)
        assert torch.equal(inputs[mask], expected.inputs[mask])
        assert torch.equal(targets[mask], expected.targets[mask])
        assert tuple(places[1].sum(1)) == expected.n_units
        for member in members:
            member.n_updates += 1


def test_what_is_padded_to_a_longer_batch_is_masked():
    task = music_task()
    (member,) = members_of(task, [{}])
    places = torch.from_numpy(Timetable(task).places(member))[:, None]
    inputs, targets, mask = Resident.of(task.train, CPU).gathered(places, 40, torch.float64)
    assert mask.sum() == places[1].sum()
    assert targets[~mask].sum() == inputs[~mask].sum() == 0


def test_sequences_of_few_lengths_occur_and_none_is_longer_than_the_longest():
    split = dataclasses.replace(Resident.of(music_task().train, CPU), longest=4273)
    lengths = range(1, 4274)
    padded = [split.padded(length) for length in lengths]
    assert all(
        length <= found <= max(length + 15, 1.25 * length) for length, found in zip(lengths, padded, strict=True)
    )
    assert max(padded) == 4273
    assert len(set(padded)) < 60


def test_a_text_is_not_padded_because_its_state_is_carried_on():
    split = Resident.of(text_task().train, CPU)
    assert [split.padded(length) for length in (1, 50, 99)] == [1, 50, 99]
