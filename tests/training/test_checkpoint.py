"""Checkpoints: a resumed training ends at the same bits, and no damage to a file passes unseen."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import zipfile

import numpy as np
import pytest
import torch

from bench.kernels import FASTEST_FIRST, Fused, Kernel, Reference
from bench.results.run import Run
from bench.training import checkpoint, loop
from bench.training.checkpoint import GENERATIONS
from bench.training.evaluation import Machine
from bench.training.loop import member_of
from bench.training.member import Member
from tests.toys import changed, machine, music_task, rolls, run, shape, text_task, trained

TASKS = {"toy_music": music_task(), "toy_text": text_task()}
VALIDATION = {"toy_music": rolls(4, seed=9), "toy_text": TASKS["toy_text"].train}
NOISES = {"weight_noise": 0.05, "dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.3}
OPTIMISERS = [
    {"name": "sgd"},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "rmsprop", "momentum": 0.5},
    {"name": "rmsprop", "momentum": 0.5, "eps_rule": "max", "clip_velocity": 0.1, "schedule": "linear_by_epoch"},
    {"name": "adam", "schedule": "plateau", "plateau_patience": 1, "lr": 0.3},
    {"name": "adam", "schedule": "linear"},
    {"name": "adamw", "weight_decay": 0.1, "schedule": "zaremba", "constant_epochs": 1},
]
ORIGIN = {"cpu": "this one"}


class KilledError(Exception):
    """Stands for the end of the process."""


def on(kernel: Kernel) -> Machine:
    return dataclasses.replace(machine(torch.float32), kernel=kernel)


def start(each: Run, kernel: Kernel) -> Member:
    task = TASKS[each.task_name]
    return member_of(each, shape(each, task), task, on(kernel))


def uninterrupted(each: Run, kernel: Kernel) -> Member:
    (member,) = trained([each], TASKS[each.task_name], VALIDATION[each.task_name], on(kernel))
    return member


def killed_after(n_updates: int, each: Run, kernel: Kernel, folder, prepare=lambda member: None) -> None:
    def watch(members) -> None:
        if members[0].n_updates == n_updates:
            checkpoint.save(folder, checkpoint.snapshot(members[0], ORIGIN))
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SLICE_SECONDS", 0.0)  # watched after every update, where the others take many at once
        with pytest.raises(KilledError):
            trained([each], TASKS[each.task_name], VALIDATION[each.task_name], on(kernel), watch, prepare)


def put_back(each: Run, folder):
    found, notes = checkpoint.load(folder, each.key)
    assert found is not None
    assert notes == []
    return lambda member: checkpoint.restore(member, found)


def resumed(each: Run, kernel: Kernel, folder) -> Member:
    task, validation = TASKS[each.task_name], VALIDATION[each.task_name]
    (member,) = trained([each], task, validation, on(kernel), prepare=put_back(each, folder))
    return member


def assert_same(left: Member, right: Member) -> None:
    assert torch.equal(left.row, right.row)
    assert torch.equal(left.best_row, right.best_row)
    assert left.curve == right.curve
    assert (left.status, left.reason, left.n_updates) == (right.status, right.reason, right.n_updates)
    assert left.clock.units == right.clock.units


@pytest.mark.parametrize("optim", OPTIMISERS, ids=str)
@pytest.mark.parametrize(
    ("task", "kernel"),
    [("toy_music", Fused()), ("toy_text", Fused()), ("toy_music", Reference())],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_resumed_training_with_any_optimiser_ends_at_the_same_bits(task, kernel, optim, tmp_path):
    """Optimisers are written twice, for the kernel that takes whole steps and for all others."""
    assert_resumed_is_uninterrupted(kernel, task, optim, tmp_path)


@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("task", TASKS)
def test_a_resumed_training_with_any_kernel_ends_at_the_same_bits(kernel, task, tmp_path):
    assert_resumed_is_uninterrupted(kernel, task, OPTIMISERS[-1], tmp_path)


def assert_resumed_is_uninterrupted(kernel: Kernel, task: str, optim, folder) -> None:
    each = changed(changed(run("lstm", task=task, num_layers=2), "optim", **optim), "train", **NOISES, max_epochs=4)
    expected = uninterrupted(each, kernel)
    for n_updates in (1, 3, expected.n_updates - 1):
        killed_after(n_updates, each, kernel, folder)
        assert_same(resumed(each, kernel, folder), expected)


def test_a_training_killed_after_every_update_ends_at_the_same_bits(tmp_path):
    each = changed(run("gru", task="toy_text"), "train", **NOISES, patience=2)
    expected = uninterrupted(each, Reference())
    killed_after(1, each, Reference(), tmp_path)
    for n_updates in range(2, expected.n_updates):
        killed_after(n_updates, each, Reference(), tmp_path, put_back(each, tmp_path))
    assert_same(resumed(each, Reference(), tmp_path), expected)


@pytest.fixture
def saved(tmp_path):
    """A folder with two generations, at updates 1 and 2 of a Run."""
    each = run("gru")
    for n_updates in (1, 2):
        killed_after(n_updates, each, Reference(), tmp_path)
    return each, tmp_path


def test_the_older_generation_is_taken_where_the_newest_is_damaged(saved):
    each, folder = saved
    newest = folder / GENERATIONS[0]
    newest.write_bytes(newest.read_bytes()[:-1])
    found, notes = checkpoint.load(folder, each.key)
    assert found.values.n_updates == 1
    (note,) = notes
    assert str(newest) in note
    assert "set aside as checkpoint.damaged-1" in note
    assert (folder / "checkpoint.damaged-1").exists()


def test_no_flipped_bit_and_no_truncation_passes_unseen(saved):
    each, folder = saved
    newest, dice = folder / GENERATIONS[0], random.Random(1)
    whole = newest.read_bytes()
    for trial in range(50):
        place = dice.randrange(len(whole))
        flipped = bytes([whole[place] ^ (1 << dice.randrange(8))])
        newest.write_bytes(whole[:place] if trial % 3 == 0 else whole[:place] + flipped + whole[place + 1 :])
        found, notes = checkpoint.load(folder, each.key)
        assert found.values.n_updates == 1
        assert len(notes) == 1


def test_the_checkpoint_of_another_run_is_not_taken(saved):
    _, folder = saved
    found, notes = checkpoint.load(folder, run("lstm").key)
    assert found is None
    assert all("another run" in note for note in notes)
    assert len(notes) == 2


def forged(path, key: str, change=lambda meta: meta, **arrays) -> None:
    """Write a checkpoint with a right digest and a changed content."""
    whole = path.read_bytes().partition(b"\n")[2]
    with np.load(io.BytesIO(whole)) as before:
        parts = {name: before[name] for name in before.files}
    meta = change(json.loads(parts["meta"].tobytes()))
    parts |= {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays}
    archive = io.BytesIO()
    np.savez(archive, **parts)
    write_sealed(path, archive.getvalue())


def write_sealed(path, data: bytes) -> None:
    path.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


FORGERIES = {
    "text for a number": {"n_updates": "many"},
    "a fraction for a count": {"best_update": 1.5},
    "no clock": {"clock": None},
    "an unknown value": {"colour": "red"},
    "a curve of text": {"curve": ["up", "down"]},
}


@pytest.mark.parametrize("values", FORGERIES.values(), ids=FORGERIES)
def test_values_of_another_kind_are_refused_by_name(saved, values):
    each, folder = saved
    forged(folder / GENERATIONS[0], each.key, lambda meta: {**meta, "values": {**meta["values"], **values}})
    found, (note,) = checkpoint.load(folder, each.key)
    assert found.values.n_updates == 1
    assert f"{next(iter(values))}" in note


def test_an_archive_that_claims_more_than_there_is_is_refused(saved):
    each, folder = saved
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (549755813888,), }"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("meta.npy", header.ljust(127) + b"\n")
    for content in (data.getvalue(), data.getvalue()[:-9], b""):
        write_sealed(folder / GENERATIONS[0], content)
        found, (note,) = checkpoint.load(folder, each.key)
        assert found.values.n_updates == 1
        assert "not a checkpoint" in note


def test_objects_in_an_archive_are_never_unpickled(saved):
    each, folder = saved
    forged(folder / GENERATIONS[0], each.key, _row=np.array([{"a": 1}], dtype=object))
    found, (note,) = checkpoint.load(folder, each.key)
    assert found.values.n_updates == 1
    assert "allow_pickle=False" in note


def test_a_finished_run_keeps_no_checkpoint(saved):
    _, folder = saved
    checkpoint.remove(folder)
    assert list(folder.iterdir()) == []


def test_a_cells_state_is_part_of_the_checkpoint():
    member = start(run("lstm", task="toy_text"), Reference())
    member.state = ((torch.ones(1, 4, 7), torch.zeros(1, 4, 7)),)
    names = set(checkpoint.snapshot(member, ORIGIN).arrays)
    assert {"state.0.0", "state.0.1", "row"} <= names
