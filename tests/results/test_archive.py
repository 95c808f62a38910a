"""The archive: one file that is read as if every record in it stood in its place; nothing is lost on the way there."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import zipfile

import pytest

from bench import results
from bench.core.errors import UsageError
from bench.results import archive
from bench.results.pack import archive_all
from bench.results.paths import ARCHIVE
from bench.results.study import Asked
from tests.report.test_inside import probe_of
from tests.report.tuned import study
from tests.results.test_run import record


def records(n: int = 4):
    """Records of several Runs."""
    runs = [dataclasses.replace(record().run, seed=seed) for seed in range(n)]
    return [dataclasses.replace(record(), run=run, key=run.key) for run in runs]


def failed(found):
    return dataclasses.replace(found, outcome=dataclasses.replace(found.outcome, status="failed", reason="why"))


@pytest.fixture
def directory(tmp_path):
    """A results directory with four finished Runs and a study."""
    for each in records():
        results.write(tmp_path, each)
    made, _ = study("gru", 5)
    results.write_study(tmp_path, "study", made)
    return tmp_path


def seen(directory):
    return results.read(directory).records, results.read_studies(directory).records


def test_what_is_archived_is_read_as_before_from_one_file(directory):
    before = seen(directory)
    done = archive_all(directory)
    assert (done.n_runs, done.left) == (4, ())
    assert [path.name for path in directory.rglob("*") if path.is_file()] == [ARCHIVE]
    assert seen(directory) == before
    assert results.find(directory, records()[2].run) == records()[2]


def test_the_same_records_give_the_same_bytes(directory, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for each in reversed(records()):
        results.write(other, each)
    results.write_study(other, "study", study("gru", 5)[0])
    assert archive_all(directory).path.read_bytes() == archive_all(other).path.read_bytes()


def test_what_is_added_later_is_archived_beside_what_was(directory):
    archive_all(directory)
    (later,) = records(5)[4:]
    results.write(directory, later)
    before = seen(directory)
    assert archive_all(directory).n_runs == 1
    assert seen(directory) == before
    assert len(before[0]) == 5


def test_a_record_in_its_place_goes_before_the_archived_one(directory):
    archive_all(directory)
    newer = dataclasses.replace(records()[0], outcome=dataclasses.replace(records()[0].outcome, n_updates=1))
    results.write(directory, newer)
    assert results.find(directory, newer.run) == newer


def test_what_has_not_come_to_its_end_stays_in_its_place(directory):
    bad = failed(records(6)[5])
    results.write(directory, bad)
    done = archive_all(directory)
    assert [folder.name for folder in done.left] == [bad.run.label]
    assert results.find(directory, bad.run) == bad


def test_a_run_that_a_process_works_on_stays_in_its_place(directory):
    held = records()[1].run
    with results.held(directory, held):
        done = archive_all(directory)
        assert [folder.name for folder in done.left] == [held.label]
    assert len(seen(directory)[0]) == 4


def test_what_is_not_archived_is_not_removed(directory):
    trial = study("gru", 6)[0].trials[5]
    results.write_trial(directory, "study", Asked(trial))
    _, other = (results.folder_of(directory, each.run) for each in records()[:2])
    mine = {
        *(directory / "studies" / "study" / name for name in ("study.json.damaged-1", "notes.md", "trial-000009.json")),
        *(
            directory / "studies" / "own" / "notes.md",
            directory / "studies" / "notes.md",
            directory / "probes" / "notes.md",
        ),
        *(directory / "runs" / "notes.md", other / "plots" / "mine.png"),
    }
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine \xff")
    before = seen(directory)
    done = archive_all(directory)
    kept = {path for path in directory.rglob("*") if path.is_file() and path.name != ARCHIVE}
    assert mine <= kept
    assert {path.read_bytes() for path in mine} == {b"mine \xff"}
    assert {path.name for path in kept - mine} <= {"record.json", "lock"}
    assert done.n_runs == 3
    assert done.left == tuple(sorted([other, directory / "studies" / "own", directory / "studies" / "study"]))
    assert seen(directory) == before
    assert len(before[1][0].trials) == 6
    assert archive_all(directory).left == done.left
    assert seen(directory) == before


def test_what_was_written_since_it_was_read_stays_in_its_place(directory, monkeypatch):
    write, found = archive.write, probe_of(records()[0])
    path = results.write_probe(directory, found)

    def late(*arguments):
        done = write(*arguments)
        results.write_probe(directory, dataclasses.replace(found, n_pairs=77))
        return done

    monkeypatch.setattr(archive, "write", late)
    archive_all(directory)
    assert [each.n_pairs for each in results.read_probes(directory).records] == [77]
    assert path.exists()


def test_nothing_is_archived_where_something_is_damaged(directory):
    path = next(directory.rglob("record.json"))
    path.write_text(path.read_text().replace("8.55", "8.54"))
    before = sorted(directory.rglob("*"))
    with pytest.raises(UsageError, match="damaged"):
        archive_all(directory)
    assert sorted(directory.rglob("*")) == before


def test_an_empty_directory_has_nothing_to_archive(tmp_path):
    with pytest.raises(UsageError, match="nothing to archive"):
        archive_all(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_an_archive_changes_a_record_in_silence(seed, directory):
    before, path, draw = seen(directory), archive_all(directory).path, random.Random(seed)
    content = bytearray(path.read_bytes())
    if seed % 4 == 0:
        content = content[: draw.randrange(len(content))]
    else:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))
    found = results.read(directory)
    named = [*found.damaged, *results.read_studies(directory).damaged]
    assert all(ARCHIVE in message or "record" in message for message in named)
    assert named or seen(directory) == before


def test_no_bit_of_an_archive_but_those_of_its_compressed_texts_can_differ_from_what_was_written(directory):
    path = archive_all(directory).path
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        members, end = opened.infolist(), opened.start_dir
    starts = [member.header_offset for member in members]
    headers = [range(start, start + 30 + len(each.filename)) for start, each in zip(starts, members, strict=True)]
    places = [*itertools.chain(*headers), *range(end, len(whole))]
    for n, place in enumerate(places):
        content = bytearray(whole)
        content[place] ^= 1 << n % 8
        assert_is_refused(directory, bytes(content), place)
    assert_is_refused(directory, whole + b"x", "trailing")
    assert_is_refused(directory, b"x" + whole, "leading")
    path.write_bytes(whole)
    assert not results.read(directory).damaged


def test_a_size_that_is_wrong_in_both_places_is_refused(directory):
    """The checksum of a text says nothing of the size that is written beside it."""
    path = archive_all(directory).path
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as opened:
        member, end = opened.infolist()[1], opened.start_dir
        central = content.index(member.filename.encode(), end)
    for place in (member.header_offset + 22, central - 46 + 24):
        content[place : place + 4] = (member.file_size + 1).to_bytes(4, "little")
    assert_is_refused(directory, bytes(content), "size")


def assert_is_refused(directory, content, what):
    path = directory / ARCHIVE
    later = path.stat().st_mtime_ns + 1_000_000  # an archive of the same size and time is taken for the same
    path.write_bytes(content)
    os.utime(path, ns=(later, later))
    assert results.read(directory).damaged or results.read_studies(directory).damaged, what
