"""The archive: one file that is read as if every record in it stood in its place; nothing is lost on the way there."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import zipfile

import pytest

from bench import store
from bench.errors import UsageError
from bench.store import archive
from bench.store.archiving import archive_all
from bench.store.places import ARCHIVE
from bench.trials import Asked
from tests.report.test_inside import probe_of
from tests.report.tuned import study
from tests.test_records import record


def records(n: int = 4):
    """Records of several Runs."""
    runs = [dataclasses.replace(record().run, seed=seed) for seed in range(n)]
    return [dataclasses.replace(record(), run=run, key=run.key) for run in runs]


def failed(found):
    return dataclasses.replace(found, outcome=dataclasses.replace(found.outcome, status="failed", reason="why"))


@pytest.fixture
def results(tmp_path):
    """A results directory with four finished Runs and a study."""
    for each in records():
        store.write(tmp_path, each)
    made, _ = study("gru", 5)
    store.write_study(tmp_path, "study", made)
    return tmp_path


def seen(directory):
    return store.read(directory).records, store.read_studies(directory).records


def test_what_is_archived_is_read_as_before_from_one_file(results):
    before = seen(results)
    done = archive_all(results)
    assert (done.n_runs, done.left) == (4, ())
    assert [path.name for path in results.rglob("*") if path.is_file()] == [ARCHIVE]
    assert seen(results) == before
    assert store.find(results, records()[2].run) == records()[2]


def test_the_same_records_give_the_same_bytes(results, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for each in reversed(records()):
        store.write(other, each)
    store.write_study(other, "study", study("gru", 5)[0])
    assert archive_all(results).path.read_bytes() == archive_all(other).path.read_bytes()


def test_what_is_added_later_is_archived_beside_what_was(results):
    archive_all(results)
    (later,) = records(5)[4:]
    store.write(results, later)
    before = seen(results)
    assert archive_all(results).n_runs == 1
    assert seen(results) == before
    assert len(before[0]) == 5


def test_a_record_in_its_place_goes_before_the_archived_one(results):
    archive_all(results)
    newer = dataclasses.replace(records()[0], outcome=dataclasses.replace(records()[0].outcome, n_updates=1))
    store.write(results, newer)
    assert store.find(results, newer.run) == newer


def test_what_has_not_come_to_its_end_stays_in_its_place(results):
    bad = failed(records(6)[5])
    store.write(results, bad)
    done = archive_all(results)
    assert [folder.name for folder in done.left] == [bad.run.label]
    assert store.find(results, bad.run) == bad


def test_a_run_that_a_process_works_on_stays_in_its_place(results):
    held = records()[1].run
    with store.held(results, held):
        done = archive_all(results)
        assert [folder.name for folder in done.left] == [held.label]
    assert len(seen(results)[0]) == 4


def test_what_is_not_archived_is_not_removed(results):
    trial = study("gru", 6)[0].trials[5]
    store.write_trial(results, "study", Asked(trial))
    _, other = (store.folder_of(results, each.run) for each in records()[:2])
    mine = {
        *(results / "studies" / "study" / name for name in ("study.json.damaged-1", "notes.md", "trial-000009.json")),
        *(results / "studies" / "own" / "notes.md", results / "studies" / "notes.md", results / "probes" / "notes.md"),
        *(results / "runs" / "notes.md", other / "plots" / "mine.png"),
    }
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine \xff")
    before = seen(results)
    done = archive_all(results)
    kept = {path for path in results.rglob("*") if path.is_file() and path.name != ARCHIVE}
    assert mine <= kept
    assert {path.read_bytes() for path in mine} == {b"mine \xff"}
    assert {path.name for path in kept - mine} <= {"record.json", "lock"}
    assert done.n_runs == 3
    assert done.left == tuple(sorted([other, results / "studies" / "own", results / "studies" / "study"]))
    assert seen(results) == before
    assert len(before[1][0].trials) == 6
    assert archive_all(results).left == done.left
    assert seen(results) == before


def test_what_was_written_since_it_was_read_stays_in_its_place(results, monkeypatch):
    write, found = archive.write, probe_of(records()[0])
    path = store.write_probe(results, found)

    def late(*arguments):
        done = write(*arguments)
        store.write_probe(results, dataclasses.replace(found, n_pairs=77))
        return done

    monkeypatch.setattr(archive, "write", late)
    archive_all(results)
    assert [each.n_pairs for each in store.read_probes(results).records] == [77]
    assert path.exists()


def test_nothing_is_archived_where_something_is_damaged(results):
    path = next(results.rglob("record.json"))
    path.write_text(path.read_text().replace("8.55", "8.54"))
    before = sorted(results.rglob("*"))
    with pytest.raises(UsageError, match="damaged"):
        archive_all(results)
    assert sorted(results.rglob("*")) == before


def test_an_empty_directory_has_nothing_to_archive(tmp_path):
    with pytest.raises(UsageError, match="nothing to archive"):
        archive_all(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_an_archive_changes_a_record_in_silence(seed, results):
    before, path, draw = seen(results), archive_all(results).path, random.Random(seed)
    content = bytearray(path.read_bytes())
    if seed % 4 == 0:
        content = content[: draw.randrange(len(content))]
    else:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))
    found = store.read(results)
    named = [*found.damaged, *store.read_studies(results).damaged]
    assert all(ARCHIVE in message or "record" in message for message in named)
    assert named or seen(results) == before


def test_no_bit_of_an_archive_but_those_of_its_compressed_texts_can_differ_from_what_was_written(results):
    path = archive_all(results).path
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        members, end = opened.infolist(), opened.start_dir
    starts = [member.header_offset for member in members]
    headers = [range(start, start + 30 + len(each.filename)) for start, each in zip(starts, members, strict=True)]
    places = [*itertools.chain(*headers), *range(end, len(whole))]
    for n, place in enumerate(places):
        content = bytearray(whole)
        content[place] ^= 1 << n % 8
        assert_is_refused(results, bytes(content), place)
    assert_is_refused(results, whole + b"x", "trailing")
    assert_is_refused(results, b"x" + whole, "leading")
    path.write_bytes(whole)
    assert not store.read(results).damaged


def test_a_size_that_is_wrong_in_both_places_is_refused(results):
    """The checksum of a text says nothing of the size that is written beside it."""
    path = archive_all(results).path
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as opened:
        member, end = opened.infolist()[1], opened.start_dir
        central = content.index(member.filename.encode(), end)
    for place in (member.header_offset + 22, central - 46 + 24):
        content[place : place + 4] = (member.file_size + 1).to_bytes(4, "little")
    assert_is_refused(results, bytes(content), "size")


def assert_is_refused(results, content, what):
    path = results / ARCHIVE
    later = path.stat().st_mtime_ns + 1_000_000  # an archive of the same size and time is taken for the same
    path.write_bytes(content)
    os.utime(path, ns=(later, later))
    assert store.read(results).damaged or store.read_studies(results).damaged, what
