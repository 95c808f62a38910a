"""Which source is taken, what is fetched and what is said about it."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import subprocess
import sys

import pytest

from bench.core.errors import DataError
from bench.tasks import sources
from bench.tasks.sources import SourceState, ensure, read_rolls, read_text, state
from tests.tasks.material import MUSIC, SPLITS, TEXT, music, named, rolls, same, text, write_matlab, write_table
from tests.tasks.servers import file_server
from tests.toys import music_spec, text_spec

NOWHERE = "http://127.0.0.1:9"
"""The discard port, which refuses."""


@pytest.fixture
def said():
    return []


@pytest.fixture
def matlab(tmp_path):
    write_matlab(tmp_path / "served.mat")
    return (tmp_path / "served.mat").read_bytes()


def write_texts(folder) -> None:
    folder.mkdir(exist_ok=True)
    for split, content in TEXT.items():
        (folder / f"{split}.txt").write_text(content, encoding="utf-8")


def url(address, content, **fields) -> dict:
    digest = hashlib.sha256(content).hexdigest()
    return {"kind": "url", "format": "mat", "file": address, "sha256": {"file": digest}, "bytes": 46_000, **fields}


def test_the_argument_comes_before_the_variable_and_that_before_the_working_directory(data, tmp_path, monkeypatch):
    for name in ("argument", "variable"):
        write_texts(tmp_path / name)
        (tmp_path / name / "train.txt").write_text(name, encoding="utf-8")
    write_texts(data)
    spec = text(**named(".txt"))
    assert read_text(spec, "train", None) == TEXT["train"]
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "variable"))
    assert read_text(spec, "train", None) == "variable"
    assert read_text(spec, "train", str(tmp_path / "argument")) == "argument"


@pytest.mark.parametrize("given_by", ["argument", "variable"])
def test_a_data_folder_that_is_not_there_is_an_error(data, given_by, monkeypatch):
    write_texts(data)
    monkeypatch.setenv("BENCH_DATA", "absent") if given_by == "variable" else None
    with pytest.raises(DataError) as caught:
        read_text(text(**named(".txt")), "train", "absent" if given_by == "argument" else None)
    assert str(caught.value) == f"bad data in {data / 'absent'}: no such folder; `data_dir` or BENCH_DATA names it"


def test_a_source_that_is_there_in_part_is_an_error_even_if_another_is_whole(data):
    write_texts(data)
    write_texts(data / "other")
    (data / "test.txt").unlink()
    spec = text_spec(sources=(named(".txt"), {split: f"other/{split}.txt" for split in SPLITS}))
    with pytest.raises(DataError) as caught:
        read_text(spec, "train", None)
    problem = "no such file, though train.txt is there; all splits are needed"
    assert str(caught.value) == f"bad data in {data / 'test.txt'}: {problem}"
    assert state(spec, None) == SourceState("missing", str(caught.value))


def test_the_first_source_at_hand_is_taken(data):
    write_texts(data / "second")
    spec = text_spec(sources=(named(".txt"), {split: f"second/{split}.txt" for split in SPLITS}))
    assert state(spec, None) == SourceState("local", f"local: {data / 'second'}")
    write_texts(data)
    assert state(spec, None) == SourceState("local", f"local: {data}")


def test_one_local_file_is_named_itself(data):
    (data / "all.txt").write_text("abc" * 99, encoding="utf-8")
    assert state(text(file="all.txt"), str(data)) == SourceState("local", f"local: {data / 'all.txt'}")


def test_only_the_file_of_the_split_is_opened(data):
    write_texts(data)
    for split in ("validation", "test"):
        (data / f"{split}.txt").write_bytes(b"\xff")
    assert read_text(text(**named(".txt")), "train", None) == TEXT["train"]


def test_a_file_is_fetched_once_announced_first_and_then_cached(data, cache, matlab, said):
    with file_server({"a b.mat": matlab}) as server:
        address = f"{server.address}/a%20b.mat"
        spec = music_spec(sources=({"file": "absent.mat"}, url(address, matlab)), title="Toy", licence="none stated")
        assert state(spec, None) == SourceState("to fetch", f"to fetch: 46 kB from {server.address[7:]}")
        assert not server.asked
        ensure(spec, None, announce=said.append)
        ensure(spec, None, announce=said.append)
        assert same(read_rolls(spec, "validation", None), rolls(MUSIC["validation"]))
        assert server.asked == ["/a b.mat"]
    lines = ["task `toy_music`: fetching Toy, about 46 kB", f"  from {address}", "  licence: none stated"]
    assert said == ["\n".join([*lines, f"  into {cache}"])]
    assert state(spec, None) == SourceState("cached", "cached")
    assert [path.name for path in cache.iterdir()] == [f"{hashlib.sha256(matlab).hexdigest()}.mat"]


def test_what_reading_fetches_is_announced_on_stderr(data, matlab, capsys):
    with file_server({"a.mat": matlab}) as server:
        spec = music_spec(sources=(url(f"{server.address}/a.mat", matlab),))
        assert same(read_rolls(spec, "train", None), rolls(MUSIC["train"]))
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("task `toy_music`: fetching Toy music, about 46 kB\n")


def test_a_file_for_each_split_is_fetched(data, said):
    files = {f"{split}.txt": content.encode() for split, content in TEXT.items()}
    digests = {split: hashlib.sha256(files[f"{split}.txt"]).hexdigest() for split in SPLITS}
    with file_server(files) as server:
        addresses = {split: f"{server.address}/{split}.txt" for split in SPLITS}
        spec = text(kind="url", format="text", sha256=digests, bytes=25, **addresses)
        ensure(spec, None, announce=said.append)
    assert [read_text(spec, split, None) for split in SPLITS] == list(TEXT.values())
    assert [line for line in said[0].split("\n") if "from" in line] == [f"  from {a}" for a in addresses.values()]


def test_a_damaged_fetched_file_is_fetched_again(data, cache, matlab, said):
    with file_server({"a.mat": matlab}) as server:
        spec = music_spec(sources=(url(f"{server.address}/a.mat", matlab),))
        ensure(spec, None, announce=said.append)
        next(cache.iterdir()).write_bytes(matlab[:-1])
        assert state(spec, None).kind == "to fetch"
        ensure(spec, None, announce=said.append)
    assert len(said) == 2
    assert same(read_rolls(spec, "train", None), rolls(MUSIC["train"]))


def test_a_fetched_file_of_another_content_is_refused_and_not_kept(data, cache, matlab, said):
    with file_server({"a.mat": b"another"}) as server:
        spec = music_spec(sources=(url(f"{server.address}/a.mat", matlab),))
        with pytest.raises(
            DataError, match=r"fetching failed: 127.0.0.1:\d+: SHA256 hash of downloaded file .* does not"
        ):
            ensure(spec, None, announce=said.append)
    assert not list(cache.iterdir())


def test_a_source_that_cannot_be_fetched_gives_way_to_the_next(data, matlab, said):
    with file_server({"a.mat": matlab}) as server:
        spec = music_spec(sources=(url(f"{NOWHERE}/a.mat", b""), url(f"{server.address}/a.mat", matlab)))
        ensure(spec, None, announce=said.append)
    assert len(said) == 2
    assert same(read_rolls(spec, "test", None), rolls(MUSIC["test"]))


def test_with_no_source_one_message_names_every_way_to_the_data(data, said, monkeypatch):
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    digest = hashlib.sha256(b"").hexdigest()
    local, package = {"file": "mine.mat"}, {"kind": "package", "package": "music21", "extra": "demo"}
    spec = music_spec(sources=(local, url(f"{NOWHERE}/a.mat", b""), package))
    with pytest.raises(DataError) as caught:
        ensure(spec, None, announce=said.append)
    *ways, failure = str(caught.value).split("\n")
    assert ways == [
        "bad data in task `toy_music`: no source found; any one of these is enough:",
        f"  - put mine.mat into {data}, or name their folder by data_dir= or BENCH_DATA",
        f"  - {NOWHERE}/a.mat (sha256 {digest})",
        "  - pip install 'gatebench[demo]', which brings music21",
    ]
    assert failure.startswith("  fetching failed: 127.0.0.1:9: ")
    assert "Connection refused" in failure


def test_a_task_without_a_package_points_to_those_that_need_no_network(data):
    with pytest.raises(DataError) as caught:
        read_text(text(**named(".txt")), "train", None)
    lines = str(caught.value).split("\n")
    assert lines[1] == f"  - put train.txt, validation.txt, test.txt into {data}, or name their folder by {WAYS}"
    assert lines[2:] == [
        "  - pip install 'gatebench[demo]' and task=music21_bach or task=kjv_char: they need no network"
    ]
    assert state(text(**named(".txt")), None).kind == "missing"


WAYS = "data_dir= or BENCH_DATA"


def test_nothing_is_written_outside_the_cache_folder(data, tmp_path):
    for split in SPLITS:
        write_table(data / f"{split}.parquet", {"notes": MUSIC[split]})
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "from tests.tasks.material import music, named\nfrom bench.tasks.sources import read_rolls\n"
        f"print(len(read_rolls(music(**named('.parquet')), 'train', {str(data)!r})))"
    )
    environment = {"HOME": str(home), "TMPDIR": str(home), "GATEBENCH_CACHE": str(tmp_path / "cache")}
    path = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment | path, capture_output=True)
    assert (done.stdout, done.stderr) == (b"2\n", b"")
    assert not list(home.iterdir())
    assert sorted(path.name for path in data.iterdir()) == sorted(named(".parquet").values())
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_local_files_are_read_without_a_glance_at_the_network(data, suffix, monkeypatch):
    looked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: looked.append(words) or [])
    monkeypatch.setattr(socket.socket, "connect", lambda *words: looked.append(words))
    for split in SPLITS:
        write_table(data / f"{split}{suffix}", {"notes": MUSIC[split]})
    assert same(read_rolls(music(**named(suffix)), "train", None), rolls(MUSIC["train"]))
    assert not looked


def test_a_state_is_a_value():
    assert dataclasses.is_dataclass(SourceState)
    assert SourceState("cached", "cached") == SourceState("cached", "cached")
