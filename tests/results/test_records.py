"""The store: written once, whole or not at all, damaged files named, one process for each Run."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import random
import socket
from pathlib import Path

import pytest

from bench import results
from bench.core import disk
from bench.core.digest import digest_of, with_digest
from bench.core.errors import DataError, StorageError
from bench.results import files, locks
from tests.results.test_run import record


def other_record(**changes):
    """The record of another Run."""
    run = dataclasses.replace(record().run, **{"seed": 5, **changes})
    return dataclasses.replace(record(), run=run, key=run.key)


def failed_record():
    return dataclasses.replace(record(), outcome=dataclasses.replace(record().outcome, status="failed"))


def test_what_is_written_is_found_again(tmp_path):
    results.write(tmp_path, record())
    assert results.find(tmp_path, record().run) == record()
    assert results.read(tmp_path).records == (record(),)


def test_without_curves_everything_else_is_read(tmp_path):
    results.write(tmp_path, record())
    (light,) = results.read(tmp_path, curves=False).records
    assert (light.outcome.curve, light.cost.curve_seconds, light.outcome.pieces) == ((), (), {})
    outcome = dataclasses.replace(light.outcome, curve=record().outcome.curve, pieces=record().outcome.pieces)
    cost = dataclasses.replace(light.cost, curve_seconds=record().cost.curve_seconds)
    assert dataclasses.replace(light, outcome=outcome, cost=cost) == record()


def test_a_results_directory_can_be_moved(tmp_path):
    results.write(tmp_path / "a", record())
    (tmp_path / "a").rename(tmp_path / "b")
    assert results.read(tmp_path / "b").records == (record(),)


def test_a_damaged_record_is_named_and_the_rest_is_read(tmp_path):
    results.write(tmp_path, record())
    path = results.write(tmp_path, other_record())
    path.write_text(path.read_text().replace("8.55", "8.54"))
    contents = results.read(tmp_path)
    assert contents.records == (record(),)
    assert len(contents.damaged) == 1
    assert str(path) in contents.damaged[0]
    assert "digest does not match" in contents.damaged[0]


def test_a_damaged_record_is_not_found_and_what_is_wrong_with_it_can_be_said(tmp_path):
    path = results.write(tmp_path, record())
    assert results.damage(tmp_path, record().run) == ""
    path.write_text(path.read_text()[:-9])
    assert results.find(tmp_path, record().run) is None
    assert f"bad data in {path}: not a run record" in results.damage(tmp_path, record().run)
    assert results.damage(tmp_path, other_record().run) == ""


def test_every_flip_and_truncation_is_noticed_or_changes_nothing(tmp_path):
    path = results.write(tmp_path, record())
    whole, draw, n_noticed = path.read_bytes(), random.Random(4), 0
    for _ in range(500):
        place = draw.randrange(len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :]
        path.write_bytes(draw.choice([flipped, flipped, flipped, whole[:place]]))
        found = results.find(tmp_path, record().run)
        assert found is None or found.to_json() == record().to_json(), f"byte {place}"
        if found is None:
            assert str(path) in results.damage(tmp_path, record().run)
            n_noticed += 1
    assert n_noticed > 350


def sealed(**changes) -> str:
    """A record with a true digest and some parts changed."""
    node = json.loads(record().to_json())
    del node["digest"]
    for name, value in changes.items():
        *parents, last = name.split("__")
        part = node
        for parent in parents:
            part = part[parent]
        part[last] = value
    return with_digest(node)


def nested(levels: int) -> list:
    node: list = []
    for _ in range(levels):
        node = [node]
    return node


HOSTILE = {
    "bool for int": (sealed(run__seed=True), "`run.seed`: must be an integer, got True"),
    "text for int": (sealed(outcome__n_updates="3"), "`outcome.n_updates`: must be an integer, got '3'"),
    "negative": (sealed(run__seed=-1), "`run.seed`: must be at least 0, got -1"),
    "unknown key": (sealed(extra=1), "`extra`: unknown key"),
    "unknown status": (sealed(outcome__status="superb"), "`outcome.status`: must be one of done"),
    "no name": (sealed(run__task={}), "`run.task.name`: must be text"),
    "no outcome": (sealed(outcome=None), "not a run record"),
    "nan": (sealed().replace("8.55", "NaN"), "not a run record"),
    "too large for a float": (sealed().replace("8.55", "1e999"), "not a run record"),
    "deep task": (sealed(run__task={"name": "x", "deep": nested(400)}), "nested at most 16 levels"),
    "deep": ("[" * 100_000, "not a run record"),
    "another format": (sealed(format=99), "run record format 99, this version reads"),
    "a second digest": (sealed().replace("{", '{"digest": "00",', 1)[:-30], "not a run record"),
    "nothing": ("", "not a run record"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_is_refused_in_one_message(case, tmp_path):
    text, message = HOSTILE[case]
    path = results.write(tmp_path, record())
    path.write_text(text)
    for curves in (True, False):
        (said,) = results.read(tmp_path, curves=curves).damaged
        assert message in said
        assert len(said.splitlines()) == 1


def test_a_key_given_twice_cannot_change_what_is_read(tmp_path):
    path = results.write(tmp_path, record())
    path.write_text(path.read_text().replace('"status": "done"', '"status": "failed", "status": "done"'))
    assert results.find(tmp_path, record().run) == record()
    path.write_text(path.read_text().replace('"failed", "status": "done"', '"done", "status": "failed"'))
    assert "digest does not match" in results.damage(tmp_path, record().run)


def test_a_record_of_more_than_64_mib_is_not_read(tmp_path):
    path = results.write(tmp_path, record())
    os.truncate(path, files.LARGEST_BYTES + 1)
    assert results.damage(tmp_path, record().run) == f"bad data in {path}: larger than 64 MiB"


def test_what_is_no_plain_file_is_named_and_never_waited_for(tmp_path):
    path = results.write(tmp_path, record())
    path.unlink()
    os.mkfifo(path)
    assert results.damage(tmp_path, record().run) == f"bad data in {path}: not a file"
    path.unlink()
    path.mkdir()
    assert results.damage(tmp_path, record().run) == f"bad data in {path}: not a file"
    results.write(tmp_path, record())
    assert results.find(tmp_path, record().run) == record()


def test_a_record_in_the_folder_of_another_run_is_named(tmp_path):
    path = results.write(tmp_path, record())
    path.parent.rename(results.folder_of(tmp_path, other_record().run))
    assert f"the record of another run, {record().key}" in results.damage(tmp_path, other_record().run)


def test_an_earlier_unfinished_record_is_set_aside(tmp_path):
    folder = results.write(tmp_path, failed_record()).parent
    results.write(tmp_path, failed_record())
    results.write(tmp_path, record())
    assert sorted(path.name for path in folder.iterdir()) == ["record.1.json", "record.2.json", "record.json"]
    assert results.read(tmp_path).records == (record(),)


def test_an_earlier_damaged_record_is_kept_under_a_name_that_says_so(tmp_path):
    path = results.write(tmp_path, record())
    for text in ("torn", "torn again"):
        path.write_text(text)
        results.write(tmp_path, record())
    assert (path.parent / "record.json.damaged-1").read_text() == "torn"
    assert (path.parent / "record.json.damaged-2").read_text() == "torn again"
    assert results.read(tmp_path) == results.Results((record(),), ())


def test_no_temporary_file_is_left(tmp_path):
    folder = results.write(tmp_path, record()).parent
    assert [path.name for path in folder.iterdir()] == ["record.json"]


def test_what_a_killed_writer_left_half_written_is_removed_by_the_next_owner(tmp_path):
    folder = results.write(tmp_path, record()).parent
    (folder / ".record.json.99999.tmp").write_text("half")
    with results.held(tmp_path, record().run):
        assert sorted(path.name for path in folder.iterdir()) == ["lock", "record.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_write_that_fails_names_the_path_and_keeps_what_was_there(tmp_path, monkeypatch, code, call):
    path = results.write(tmp_path, record())

    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call, refuse)
    if call == "open":
        monkeypatch.setattr(files.Path, "open", refuse)
    with pytest.raises(StorageError, match=rf"cannot write .*other.json: {os.strerror(code)}"):
        results.write_whole(path.parent / "other.json", "text")
    assert sorted(p.name for p in path.parent.iterdir()) == ["record.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(StorageError, match=r"cannot write .*runs/toy_music-gru-.*: (File exists|Not a directory)"):
        results.write(tmp_path, record())


def test_new_folders_are_on_disk_before_anything_is_written_into_them(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    path = results.write(tmp_path / "results" / "first", record())
    made = [tmp_path / "results" / "first" / "runs", tmp_path / "results" / "first", tmp_path / "results", tmp_path]
    assert synced == [*made, path.parent]


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    runs = [record().run, other_record().run]
    results.write_plan(tmp_path / "new", runs)
    plan = results.read_plan(tmp_path / "new")
    assert [(run.key, run.label) for run in plan] == [(run.key, run.label) for run in runs]
    assert json.loads((tmp_path / "new" / "plan.json").read_text())["format"] == 1


def test_a_missing_and_a_damaged_plan_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError):
        results.read_plan(tmp_path)
    results.write_plan(tmp_path, [record().run])
    path = tmp_path / "plan.json"
    path.write_text(path.read_text().replace(record().key, "0" * 16))
    with pytest.raises(DataError, match="the plan's digest does not match its content"):
        results.read_plan(tmp_path)
    path.write_text(json.dumps({"format": 1, "runs": 7, "digest": digest_of({"format": 1, "runs": 7})}))
    with pytest.raises(DataError, match="not a plan: bad config at `runs`: must be a list"):
        results.read_plan(tmp_path)


def _hold(directory, run, ready, done):
    with results.held(directory, run):
        ready.set()
        done.wait(600)  # it is killed before


def test_a_second_process_is_told_who_holds_a_run(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, record().run, ready, done))
    process.start()
    assert ready.wait(600)
    message = rf"being worked on by process {process.pid} on {socket.gethostname()} since 20..-..-..T..:..:..\+00:00"
    with pytest.raises(results.HeldError, match=message), results.held(tmp_path, record().run):
        pass
    process.kill()
    process.join()
    with results.held(tmp_path, record().run):
        pass


def test_the_holder_of_a_run_is_known_while_it_works_and_no_longer(tmp_path):
    folder = results.folder_of(tmp_path, record().run)
    assert results.holder(folder) is None
    with results.held(tmp_path, record().run):
        holder = results.holder(folder)
        assert holder is not None
        assert (holder.host, holder.pid) == (socket.gethostname(), os.getpid())
    before = (folder / "lock").read_bytes()
    assert results.holder(folder) is None
    assert (folder / "lock").read_bytes() == before


def test_a_look_at_the_lock_keeps_nobody_from_taking_it(tmp_path, monkeypatch):
    folder = results.write(tmp_path, record()).parent
    (folder / "lock").touch()
    with (folder / "lock").open("rb") as looking:
        disk.fcntl.flock(looking, disk.fcntl.LOCK_SH)
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: looking.close())
        with results.held(tmp_path, record().run):
            assert results.holder(folder) is not None


@pytest.mark.parametrize("content", ["", "12345\n", "\x1b[2J host 1 now\n", "h 1 2\nmore"])
def test_a_lock_that_does_not_say_who_holds_it_is_held_all_the_same(content, tmp_path):
    folder = results.folder_of(tmp_path, record().run)
    with results.held(tmp_path, record().run):
        (folder / "lock").write_text(content)
        assert str(results.holder(folder)) == "another process"


def test_a_file_system_without_locks_is_one_clear_message(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(disk.fcntl, "flock", refuse)
    with (
        pytest.raises(StorageError, match=r"cannot write .*/lock: its file system has no locks \(No locks available\)"),
        results.held(tmp_path, record().run),
    ):
        pass
    assert results.holder(Path(results.folder_of(tmp_path, record().run))) is None
