"""The store: written once, whole or not at all, damaged files named, one process for each Run."""

from __future__ import annotations

import dataclasses
import multiprocessing

import pytest

from bench import store
from bench.errors import BenchError
from tests.test_records import record


def test_what_is_written_is_found_again(tmp_path):
    store.write(tmp_path, record())
    assert store.find(tmp_path, record().run) == record()
    assert store.read(tmp_path).records == (record(),)


def test_a_results_directory_can_be_moved(tmp_path):
    store.write(tmp_path / "a", record())
    (tmp_path / "a").rename(tmp_path / "b")
    assert store.read(tmp_path / "b").records == (record(),)


def test_a_damaged_record_is_named_and_the_rest_is_read(tmp_path):
    store.write(tmp_path, record())
    other = dataclasses.replace(record().run, seed=5)
    path = store.write(tmp_path, dataclasses.replace(record(), run=other, key=other.key))
    path.write_text(path.read_text().replace("8.55", "8.54"))
    results = store.read(tmp_path)
    assert results.records == (record(),)
    assert len(results.damaged) == 1
    assert str(path) in results.damaged[0]
    assert "digest does not match" in results.damaged[0]


def test_an_earlier_unfinished_record_is_set_aside(tmp_path):
    failed = dataclasses.replace(record(), outcome=dataclasses.replace(record().outcome, status="failed"))
    folder = store.write(tmp_path, failed).parent
    store.write(tmp_path, record())
    assert (folder / "record.1.json").exists()
    assert store.read(tmp_path).records == (record(),)


def test_no_temporary_file_is_left(tmp_path):
    folder = store.write(tmp_path, record()).parent
    assert [path.name for path in folder.iterdir()] == ["record.json"]


def test_a_write_that_fails_names_the_path_and_keeps_what_was_there(tmp_path, monkeypatch):
    path = store.write(tmp_path, record())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(BenchError, match=r"cannot write .*other.json: No space left on device"):
        store.write_whole(path.parent / "other.json", "text")
    assert sorted(p.name for p in path.parent.iterdir()) == ["record.json"]


def _hold(directory, run, ready, done):
    with store.held(directory, run):
        ready.set()
        done.wait(30)


def test_a_second_process_is_told_who_holds_a_run(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, record().run, ready, done))
    process.start()
    ready.wait(60)
    with (
        pytest.raises(store.HeldError, match=f"being worked on by process {process.pid}"),
        store.held(tmp_path, record().run),
    ):
        pass
    done.set()
    process.join()
    with store.held(tmp_path, record().run):
        pass
