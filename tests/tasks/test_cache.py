"""The cache folder: whole files or none, damage found, one maker at a time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.core import disk
from bench.core.disk import cache_dir
from bench.core.errors import BenchError
from bench.tasks.cache import alone, digest_of_file, keep, kept


def test_what_is_kept_is_found_again_whole(cache):
    assert kept("a-1", ".bin") is None
    path = keep("a-1", ".bin", b"content")
    assert path.read_bytes() == b"content"
    assert kept("a-1", ".bin") == path
    assert kept("a", ".bin") is None
    assert list(cache.iterdir()) == [path]


def test_a_damaged_file_is_removed_and_not_found(cache):
    path = keep("a", ".bin", b"content")
    path.write_bytes(b"c0ntent")
    assert kept("a", ".bin") is None
    assert not path.exists()


def test_a_whole_file_is_found_beside_a_damaged_one(cache):
    damaged, path = keep("a", ".bin", b"one"), keep("a", ".bin", b"two")
    damaged.write_bytes(b"")
    assert kept("a", ".bin") == path


def test_the_variable_names_the_folder_and_without_it_the_users_cache_is_taken(monkeypatch):
    monkeypatch.setenv("GATEBENCH_CACHE", "~/mine")
    assert cache_dir() == Path.home() / "mine"
    monkeypatch.setenv("GATEBENCH_CACHE", "")
    assert cache_dir().name == "gatebench"


@pytest.mark.parametrize("use", [lambda: keep("a", ".bin", b""), lambda: alone("a").__enter__()])
def test_a_folder_that_cannot_be_made_is_named(cache, use):
    cache.parent.joinpath("cache").write_text("a file", encoding="utf-8")
    with pytest.raises(BenchError) as caught:
        use()
    problem = "File exists; set GATEBENCH_CACHE to a folder that can be written"
    assert str(caught.value) == f"cannot write {cache}: {problem}"


def test_a_full_disk_leaves_nothing_half_written(cache, monkeypatch):
    keep("a", ".bin", b"old")

    def refuse(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BenchError, match=r"cannot write .*No space left on device"):
        keep("b", ".bin", b"new")
    assert [path.name[0] for path in cache.iterdir()] == ["a"]


def test_a_killed_maker_lets_the_next_one_in(cache, monkeypatch):
    code = "from bench.tasks.cache import alone; import time\nwith alone('a'): print('in', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"in\n"
        holder.kill()
    lock = disk.fcntl.flock
    monkeypatch.setattr(disk.fcntl, "flock", lambda file, how: lock(file, how | disk.fcntl.LOCK_NB))  # or it raises
    with alone("a"):
        assert (cache / ".a.lock").exists()


def test_a_lock_of_the_cache_that_is_a_link_is_not_followed(cache, tmp_path):
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    cache.mkdir(exist_ok=True)
    (cache / ".a.lock").symlink_to(mine)
    with pytest.raises(BenchError, match="a link, which is not followed"), alone("a"):
        pass
    assert mine.read_bytes() == b"mine"


def test_the_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
