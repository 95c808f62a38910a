"""Kept weights: the bits that were scored, whole or not there, found again by what probes, archives and compares."""

from __future__ import annotations

import dataclasses
import errno
import json
import random

import pytest
import torch

from bench import results
from bench.core.errors import DataError, StorageError, UsageError
from bench.core.settings import Site
from bench.results import weights as files
from bench.results.archive import write as write_archive
from bench.results.pack import archive_all
from bench.results.paths import ARCHIVE, WEIGHTS
from bench.sweep import worker as workers
from bench.sweep.executors.base import Ended
from bench.sweep.probe import probes
from bench.sweep.run import Tally, _count_ending
from bench.sweep.weights import best_weights
from bench.sweep.worker import Worker, train_pack
from bench.training import checkpoint
from bench.training.batches import evaluation_batches
from bench.training.evaluation import evaluate
from bench.training.loop import machine_for
from bench.training.trained import model_of, row_in, weights_in
from tests.sweep.test_probe import ToyTasks
from tests.toys import changed, run, text_task


def tuned(cell="gru", seed=0, **changes):
    return changed(run(cell, seed=seed, phase="tune", **changes), "train", score_train=False)


MUSIC, TEXT = tuned(), tuned("lstm", task="toy_text", num_layers=2)


def train(directory, runs, *, keep="best"):
    site = Site(directory, keep=keep, checkpoint_seconds=0.0)
    worker = Worker(site, ToyTasks(), lambda run, progress: None, None, lambda: False)
    return list(train_pack(runs, worker))


def file_of(directory, run):
    return results.folder_of(directory, run) / WEIGHTS


@pytest.fixture
def folder(tmp_path):
    """A results directory with a Run of music and one of text, the weights of both kept."""
    assert [(each.delivery, each.reason) for each in [*train(tmp_path, [MUSIC]), *train(tmp_path, [TEXT])]] == [
        ("recorded", ""),
        ("recorded", ""),
    ]
    return tmp_path


def never(*arguments, **named):
    raise AssertionError("trained again")


@pytest.mark.parametrize("run", [MUSIC, TEXT], ids=["music", "text"])
def test_kept_weights_give_the_scores_of_the_record_to_the_bit(folder, run):
    record = results.find(folder, run)
    model = model_of(record, folder)
    row = row_in(results.look_for_weights(folder, record).weights)
    task = ToyTasks().task(run.task)
    batches = list(evaluation_batches(ToyTasks().validation(run.task), tracks=task.tracks, dtype=row.dtype))
    (scores,) = evaluate(row.unsqueeze(0), model.shape, task, batches, machine_for(run, model.shape))
    assert scores == record.outcome.scores["validation"]


def test_weights_are_kept_only_where_that_is_asked_for_and_change_neither_key_nor_outcome(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    train(other, [MUSIC], keep="none")
    assert not file_of(other, MUSIC).exists()
    assert results.find(other, MUSIC).outcome == results.find(folder, MUSIC).outcome


def test_equal_weights_are_equal_bytes_and_others_read_them(folder, tmp_path_factory):
    from safetensors import safe_open

    other = tmp_path_factory.mktemp("other")
    train(other, [TEXT])
    assert file_of(other, TEXT).read_bytes() == file_of(folder, TEXT).read_bytes()
    record = results.find(folder, TEXT)
    with safe_open(file_of(folder, TEXT), "pt") as opened:
        said, names = opened.metadata(), set(opened.keys())
    model = model_of(record, folder)
    assert said["key"] == TEXT.key
    assert json.loads(said["cell"]) == TEXT.cell
    assert json.loads(said["shapes"]) == {name: list(each.shape) for name, each in model.shape.weights.items()}
    assert names == set(model.state_dict()) == set(model.shape.weights)


def test_a_row_is_what_its_weights_say_and_back_to_the_bit(folder):
    found = results.look_for_weights(folder, results.find(folder, TEXT)).weights
    model, row = model_of(results.find(folder, TEXT), folder), row_in(found)
    assert len(row) == model.shape.row_size
    again = weights_in(model.shape, row)
    assert list(again) == list(found)
    assert all((again[name] == found[name]).all() for name in found)


def test_the_module_goes_on_from_its_state_as_if_it_had_read_all_in_one_piece(folder):
    model = model_of(results.find(folder, TEXT), folder).double()
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]])
    whole, last = model(tokens)
    first, state = model(tokens[:, :2])
    second, end = model(tokens[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=0, atol=1e-12)
    for layers in zip(last, end, strict=True):
        for one, other in zip(*layers, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert whole.shape == (2, 6, text_task().n_outputs)
    whole.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_model_without_kept_weights_says_how_to_keep_them(tmp_path):
    train(tmp_path, [MUSIC], keep="none")
    with pytest.raises(UsageError, match=r"no weights of run toy_music-gru-h7x1-s0-\w+ are kept .* keep=best"):
        model_of(results.find(tmp_path, MUSIC), tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_a_file_of_weights_passes_in_silence(folder, seed):
    path, draw, record = file_of(folder, MUSIC), random.Random(seed), results.find(folder, MUSIC)
    content = bytearray(path.read_bytes())
    before = results.look_for_weights(folder, record).weights
    if seed % 4 == 0:
        content = content[: draw.randrange(len(content))]
    else:
        end = len(content) if seed % 4 == 1 else 8 + int.from_bytes(content[:8], "little")  # the header is short
        content[draw.randrange(end)] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))
    found = results.look_for_weights(folder, record)
    if found.weights is None:
        assert WEIGHTS in found.damage
        with pytest.raises(DataError, match=WEIGHTS):
            model_of(record, folder)
    else:
        assert all((found.weights[name] == before[name]).all() for name in before)


def test_the_weights_of_another_run_are_damaged_and_so_is_a_link(folder):
    train(folder, [tuned(seed=1)])
    path, record = file_of(folder, MUSIC), results.find(folder, MUSIC)
    path.write_bytes(file_of(folder, tuned(seed=1)).read_bytes())
    assert "the weights of another run" in results.look_for_weights(folder, record).damage
    path.unlink()
    path.symlink_to(file_of(folder, tuned(seed=1)))
    assert "a link" in results.look_for_weights(folder, record).damage


def test_a_finished_run_is_trained_again_for_its_weights_alone_and_its_record_stays(tmp_path, monkeypatch):
    train(tmp_path, [MUSIC], keep="none")
    path = results.folder_of(tmp_path, MUSIC) / "record.json"
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns
    monkeypatch.setattr(workers, "evaluate", never)
    (ended,) = train(tmp_path, [MUSIC])
    assert (ended.delivery, ended.reason) == ("recorded", "")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, stamp)
    assert results.look_for_weights(tmp_path, results.find(tmp_path, MUSIC)).weights is not None
    assert {each.name for each in path.parent.iterdir()} == {"record.json", "lock", WEIGHTS}
    monkeypatch.setattr(workers, "fit", never)
    assert [each.delivery for each in train(tmp_path, [MUSIC])] == ["recorded"]


def test_damaged_weights_are_set_aside_and_trained_again(folder):
    path = file_of(folder, MUSIC)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    train(folder, [MUSIC])
    assert path.read_bytes() == whole
    assert path.with_name(f"{WEIGHTS}.damaged-1").read_bytes() == whole[:-1]


def forged(directory, run):
    """Give a Run a record with the digest of other weights."""
    record = results.find(directory, run)
    outcome = dataclasses.replace(record.outcome, weights_digest="0" * 64)
    path = results.folder_of(directory, run) / "record.json"
    path.write_text(dataclasses.replace(record, outcome=outcome).to_json(), encoding="utf-8")
    return path


def test_other_weights_than_those_of_the_record_are_not_kept_and_that_is_a_failure(tmp_path):
    train(tmp_path, [MUSIC], keep="none")
    before = forged(tmp_path, MUSIC).read_bytes()
    (ended,) = train(tmp_path, [MUSIC])
    assert ended.reason == "trained again for its weights, it gave others than those of its record: none are kept"
    assert not file_of(tmp_path, MUSIC).exists()
    assert (results.folder_of(tmp_path, MUSIC) / "record.json").read_bytes() == before


def test_an_error_while_training_again_for_weights_does_not_touch_the_record(tmp_path, monkeypatch):
    train(tmp_path, [MUSIC], keep="none")
    before = results.find(tmp_path, MUSIC)

    def fail(*arguments):
        raise ZeroDivisionError("of this run")

    monkeypatch.setattr(workers, "fit", fail)
    (ended,) = train(tmp_path, [MUSIC])
    assert ended.reason == "trained again for its weights: failed, ZeroDivisionError: of this run"
    assert results.find(tmp_path, MUSIC) == before


def test_a_process_that_dies_while_it_trains_again_for_weights_does_not_cost_the_record(tmp_path):
    train(tmp_path, [MUSIC], keep="none")
    before = results.find(tmp_path, MUSIC)
    tally = Tally()
    assert _count_ending(Ended(MUSIC, "lost", "killed"), Site(tmp_path, keep="best"), tally) == "killed"
    assert tally.failures == [f"{MUSIC.label}: killed"]
    assert results.find(tmp_path, MUSIC) == before


def test_a_full_disk_leaves_no_record_without_its_weights_and_the_checkpoint_to_go_on_from(tmp_path, monkeypatch):
    def full(path, content, **named):
        raise StorageError(path, OSError(errno.ENOSPC, "No space left on device"))

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_whole", full)
        (ended,) = train(tmp_path, [MUSIC])
    assert (ended.delivery, WEIGHTS in ended.reason) == ("unsaved", True)
    assert results.find(tmp_path, MUSIC) is None
    assert checkpoint.is_there(results.folder_of(tmp_path, MUSIC))
    assert [each.delivery for each in train(tmp_path, [MUSIC])] == ["recorded"]
    assert results.look_for_weights(tmp_path, results.find(tmp_path, MUSIC)).weights is not None


def test_a_process_that_dies_between_weights_and_record_leaves_a_run_that_goes_on_to_the_same_bytes(
    tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(results, "write", die)
        with pytest.raises(Killed):
            train(tmp_path, [MUSIC])
    before = file_of(tmp_path, MUSIC).read_bytes()
    assert results.find(tmp_path, MUSIC) is None
    train(tmp_path, [MUSIC])
    assert file_of(tmp_path, MUSIC).read_bytes() == before
    assert not list(tmp_path.rglob("*.damaged-*"))


def test_a_run_that_another_process_works_on_is_left_to_it(folder):
    file_of(folder, MUSIC).unlink()
    with results.held(folder, MUSIC):
        assert [each.delivery for each in train(folder, [MUSIC])] == ["held"]
    assert not file_of(folder, MUSIC).exists()


def test_archived_weights_are_read_as_before_and_new_ones_are_added(folder):
    records = [results.find(folder, each) for each in (MUSIC, TEXT)]
    before = [model_of(each, folder).state_dict() for each in records]
    train(folder, [tuned(seed=1)], keep="none")
    done = archive_all(folder)
    assert (done.n_runs, done.left) == (3, ())
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [ARCHIVE]
    for state, record in zip(before, records, strict=True):
        after = model_of(record, folder).state_dict()
        assert all(torch.equal(after[name], weight) for name, weight in state.items())
    train(folder, [tuned(seed=1)])
    assert archive_all(folder).left == ()
    assert results.kept_weights(folder, results.read(folder).records) == files.KeptWeights(3, ())


def test_nothing_is_archived_while_weights_are_damaged_nor_what_could_not_be_read_back(folder, monkeypatch):
    path = file_of(folder, MUSIC)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(UsageError, match=f"nothing is archived .* damaged: .*{WEIGHTS}"):
        archive_all(folder)
    path.write_bytes(whole)
    monkeypatch.setattr("bench.results.archive.LARGEST_ARCHIVE", 1 << 10)
    with pytest.raises(UsageError, match="at most"):
        write_archive(folder, {"runs/a/record.json": random.Random(0).randbytes(1 << 12)})
    assert not (folder / ARCHIVE).exists()


def test_probes_of_kept_weights_are_those_of_training_again(folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    train(other, [MUSIC], keep="none")
    said: list[str] = []
    (again,) = probes([results.find(other, MUSIC)], other, ToyTasks(), said.append)
    assert len(said) == 1
    assert said[0].startswith(f"no weights of {MUSIC.label} are kept; it is trained again, which took 0.")
    monkeypatch.setattr("bench.sweep.weights.fit", never)
    (kept,) = probes([results.find(folder, MUSIC)], folder, ToyTasks(), said.append)
    assert kept == again
    assert len(said) == 1


def test_damaged_weights_are_said_to_be_so_before_the_run_is_trained_again(folder):
    path, said = file_of(folder, MUSIC), list[str]()
    path.write_bytes(path.read_bytes()[:-1])
    best = best_weights(results.find(folder, MUSIC), folder, ToyTasks(), said.append)
    assert (best.is_same, best.is_kept) == (True, False)
    assert said[0].startswith("damaged: ")
    assert WEIGHTS in said[0]
    assert path.name in {each.name for each in path.parent.iterdir()}  # looking changes nothing
