"""Runs from settings to records: companions of a Run that fails, what is saved, what is left to others."""

from __future__ import annotations

import errno
import re
from dataclasses import replace

import pytest

from bench import kernels, results
from bench.core.errors import StorageError
from bench.core.settings import Site
from bench.sweep.worker import Worker, train_pack
from bench.tasks.piano_roll import PianoRoll
from bench.training import loop
from tests.toys import changed, music_task, rolls, run


class ToyTasks:
    """Stands for the tasks that a process has opened."""

    def task(self, node):
        return music_task()

    def validation(self, node):
        return rolls(4, seed=9)

    def baseline(self, task, name, split):
        return task.baseline(split)


RUNS = [changed(run(seed=seed, phase="tune"), "train", score_train=False) for seed in range(3)]


def worker(directory, is_stopped=lambda: False) -> Worker:
    return Worker(Site(directory, checkpoint_seconds=0.0), ToyTasks(), lambda run, progress: None, None, is_stopped)


def outcomes(directory):
    return {record.run.seed: record.outcome for record in results.read(directory).records}


def fail_for(seed: int, monkeypatch, error: Exception) -> None:
    """Have every update of one seed raise."""
    for kind in (loop.FusedUpdates, loop.TorchUpdates):
        monkeypatch.setattr(kind, "take", _failing(kind.take, seed, error))


def _failing(whole, seed: int, error: Exception):
    """Return what raises for a seed, but for the stand-in that warms up: it has no time."""

    def take(updates, n: int, seconds: float) -> None:
        if updates.member.run.seed == seed and seconds > 0:
            raise error
        whole(updates, n, seconds)

    return take


def test_a_run_that_fails_leaves_its_companions_the_bits_they_have_alone(tmp_path, monkeypatch):
    for each in RUNS:
        list(train_pack([each], worker(tmp_path / "alone")))
    fail_for(1, monkeypatch, ZeroDivisionError("of this seed"))
    events = list(train_pack(RUNS, worker(tmp_path / "together")))
    assert {event.delivery for event in events} == {"recorded"}
    together, alone = outcomes(tmp_path / "together"), outcomes(tmp_path / "alone")
    assert (together[0], together[2]) == (alone[0], alone[2])
    assert (together[1].status, together[1].reason) == ("failed", "ZeroDivisionError: of this seed")
    log = results.folder_of(tmp_path / "together", RUNS[1]) / "log.txt"
    assert "ZeroDivisionError: of this seed" in log.read_text()


def test_a_confirmed_run_keeps_the_loss_of_each_test_sequence_and_a_trial_has_none(tmp_path, monkeypatch):
    test = rolls(5, seed=3)
    monkeypatch.setattr(PianoRoll, "read", lambda task, split: test)
    confirmed = run(seed=7)
    list(train_pack([*RUNS[:1], confirmed], worker(tmp_path)))
    found = outcomes(tmp_path)
    assert found[0].pieces == {}
    assert found[7].pieces["test"].units == test.lengths
    mean = sum(found[7].pieces["test"].nats) / test.n_units
    assert mean == pytest.approx(found[7].scores["test"]["nats"], rel=1e-6)


def test_a_run_without_memory_says_so(tmp_path, monkeypatch):
    fail_for(0, monkeypatch, RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    list(train_pack(RUNS[:1], worker(tmp_path)))
    assert outcomes(tmp_path)[0].reason.startswith("out of memory: RuntimeError: DefaultCPUAllocator")


def test_runs_held_elsewhere_are_left_alone_and_the_others_trained(tmp_path):
    with results.held(tmp_path, RUNS[0]):
        events = list(train_pack(RUNS, worker(tmp_path)))
    endings = {event.run.seed: event.delivery for event in events}
    assert endings == {0: "held", 1: "recorded", 2: "recorded"}
    assert set(outcomes(tmp_path)) == {1, 2}


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch):
    list(train_pack(RUNS, worker(tmp_path)))
    fail_for(0, monkeypatch, AssertionError("trained again"))
    (event,) = train_pack(RUNS[:1], worker(tmp_path))
    assert event.delivery == "recorded"
    assert outcomes(tmp_path)[0].status == "done"


def test_what_is_asked_to_stop_leaves_a_checkpoint_and_no_record(tmp_path):
    events = list(train_pack(RUNS, worker(tmp_path, is_stopped=lambda: True)))
    assert [event.delivery for event in events] == ["interrupted"] * 3
    assert outcomes(tmp_path) == {}
    assert all((results.folder_of(tmp_path, each) / "checkpoint").exists() for each in RUNS)
    list(train_pack(RUNS, worker(tmp_path)))
    list(train_pack(RUNS, worker(tmp_path / "whole")))
    assert outcomes(tmp_path) == outcomes(tmp_path / "whole")
    assert not (results.folder_of(tmp_path, RUNS[0]) / "checkpoint").exists()


def test_a_full_disk_is_no_failure_of_the_run(tmp_path, monkeypatch):
    def full(path, content):
        raise StorageError(path, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr("bench.training.checkpoint.write_whole", full)
    (event,) = train_pack(RUNS[:1], worker(tmp_path))
    assert event.delivery == "unsaved"
    assert "No space left on device" in event.reason
    assert outcomes(tmp_path) == {}


@pytest.mark.parametrize("damage", [b"", b"\x80\x04]", b"0" * 64 + b"\nnot an archive"])
def test_a_run_without_a_usable_checkpoint_starts_anew_and_says_so(tmp_path, damage):
    folder = results.folder_of(tmp_path, RUNS[0])
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_bytes(damage)
    list(train_pack(RUNS[:1], worker(tmp_path)))
    (record,) = results.read(tmp_path).records
    assert record.outcome.status == "done"
    assert "set aside as checkpoint.damaged-1" in record.provenance.resumed[0]


def interrupted(directory, each) -> None:
    """Carry out one update of a Run, or one more, and leave a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SLICE_SECONDS", 0.0)
        (event,) = train_pack([each], worker(directory, is_stopped=lambda: True))
    assert event.delivery == "interrupted"


def recorded(directory, each):
    list(train_pack([each], worker(directory)))
    (record,) = results.read(directory).records
    return record.provenance


def test_a_record_names_the_library_that_trained_it_and_no_other(tmp_path):
    compiled, plain = (replace(RUNS[0], kernel=kernel) for kernel in ("fused", "reference"))
    assert re.fullmatch("[0-9a-f]{16}", recorded(tmp_path / "fused", compiled).library)
    assert recorded(tmp_path / "reference", plain).library == ""


@pytest.mark.parametrize(("library", "named"), [("0123456789abcdef", "0123456789abcdef"), ("", "not recorded")])
def test_another_build_is_named_and_the_run_never_called_bit_identical_again(tmp_path, monkeypatch, library, named):
    each = replace(RUNS[0], kernel="fused")
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "library_of", lambda *_: library)
        interrupted(tmp_path, each)
    interrupted(tmp_path, each)
    first, second = recorded(tmp_path, each).resumed
    assert first == (
        f"resumed after 1 updates, not bit-identical, the checkpoint was made with compiled library {named}"
    )
    assert "bit-identical" not in second


def test_every_resumption_of_a_run_is_in_its_record(tmp_path):
    for _ in range(2):
        interrupted(tmp_path, RUNS[0])
    assert recorded(tmp_path, RUNS[0]).resumed == tuple(f"resumed after {n} updates, bit-identical" for n in (1, 2))
