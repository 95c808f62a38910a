"""A results directory from elsewhere may hold links: nothing outside it is written, deleted or read in."""

from __future__ import annotations

import os

import pytest

from bench import results
from bench.__main__ import main
from bench.core.errors import LinkError, StorageError
from bench.core.settings import Command
from bench.sweep.plan import site_of
from bench.training.checkpoint import load
from tests.report.fabricated import sweep
from tests.report.tuned import study
from tests.results.test_run import record

SECRET = "what nobody else may read"

FILES = (
    *("plan.json", "notes.md", "archive.zip", "probes/a.json", "sizes/a.json", "tuned/a.yaml"),
    *("studies/S/study.json", "studies/S/lock", "studies/S/trial-000002.json"),
    *("runs/RUN/record.json", "runs/RUN/lock", "runs/RUN/log.txt", "runs/RUN/checkpoint"),
    *("runs/RUN/losses.json", "runs/RUN/given-up", "report/SHA256SUMS", "report/figures/glance.png"),
)
FOLDERS = ("runs", "runs/RUN", "studies", "studies/S", "probes", "sizes", "report", "report/figures", "tuned", "slurm")
COMMANDS = ("report", "status", "archive", "verify", "diff", "probe")


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in sorted(folder.rglob("*"))}


@pytest.fixture
def bait(tmp_path):
    """A folder with files that belong to the user."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("record.json", "mine.png", "mine.svg", "lock", "notes.md"):
        (folder / name).write_text(SECRET)
    return folder


@pytest.fixture
def directory(tmp_path):
    """A results directory with two Runs and a study."""
    directory = tmp_path / "results" / "x"
    for each in sweep(1, ("gru", "lstm")):
        results.write(directory, each)
    results.write_study(directory, "S", study("gru", 2)[0])
    return directory


def link(directory, name, target):
    """Put a link in the place of a part of a results directory."""
    run = next(path.name for path in sorted((directory / "runs").iterdir()))
    path = directory / name.replace("RUN", run)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        path.rename(directory.parent / "moved")
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


def told(words, capsys):
    """The exit status of a command, and what it said."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return caught.value.code, out + err


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_every_command_refuses_a_results_directory_with_a_link_in_it(name, directory, bait, capsys):
    link(directory, name, bait if name in FOLDERS else bait / "record.json")
    before, mine = contents(directory), contents(bait)
    for command in COMMANDS:
        status, said = told([command, directory, *([directory] if command == "diff" else [])], capsys)
        assert (command, status) == (command, 2)
        assert said.count("\n") == 1
        assert "is a link" in said
        assert SECRET not in said
    assert (contents(directory), contents(bait)) == (before, mine)


@pytest.mark.parametrize("name", ["sizes", "runs", "plan.json"])
def test_a_sweep_refuses_to_add_to_a_results_directory_with_a_link_in_it(name, directory, bait, tmp_path, monkeypatch):
    link(directory, name, bait if name in FOLDERS else bait / "record.json")
    before, mine = contents(directory), contents(bait)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LinkError):
        site_of(Command(task={}, cell={}, name="x"))
    assert (contents(directory), contents(bait)) == (before, mine)


def test_a_results_directory_may_itself_be_a_link(directory, tmp_path, capsys):
    linked = tmp_path / "linked"
    linked.symlink_to(directory)
    assert told(["report", linked], capsys)[0] == 0
    assert told(["archive", linked], capsys)[0] == 0
    assert (directory / "archive.zip").is_file()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path, bait):
    path = results.write(tmp_path, record()).with_name("lock")
    path.symlink_to(bait / "lock")
    with pytest.raises(LinkError, match="lock is a link"), results.held(tmp_path, record().run):
        pass
    assert (bait / "lock").read_text() == SECRET
    assert results.holder(path.parent) is None


def test_a_lock_that_is_another_file_by_a_second_name_is_left_alone(tmp_path, bait):
    path = results.write(tmp_path, record()).with_name("lock")
    os.link(bait / "lock", path)
    with pytest.raises(StorageError, match="has a second name"), results.held(tmp_path, record().run):
        pass
    assert (bait / "lock").read_text() == SECRET


@pytest.mark.parametrize("name", ["record.json", "log.txt"])
def test_what_is_written_takes_the_place_of_a_link_and_does_not_go_through_it(name, tmp_path, bait):
    folder = results.write(tmp_path, record()).parent
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(bait / "record.json")
    (folder / f".{name}.{os.getpid()}.tmp").symlink_to(bait / "mine.png")
    results.write_whole(folder / name, "new")
    assert not (folder / name).is_symlink()
    assert (folder / name).read_text() == "new"
    assert set(contents(bait).values()) == {SECRET.encode()}


@pytest.mark.parametrize("name", ["runs", "runs/RUN"])
def test_nothing_is_written_into_a_folder_that_a_link_leads_to(name, directory, bait):
    link(directory, name, bait)
    before = contents(bait)
    run = min(sweep(1, ("gru", "lstm")), key=lambda each: each.run.label).run
    with pytest.raises(LinkError), results.held(directory, run):
        pass
    with pytest.raises(LinkError):
        results.write_log(directory, run, "text")
    assert contents(bait) == before


def test_nothing_is_read_through_a_link(tmp_path, bait):
    folder = results.write(tmp_path, record()).parent
    (folder / "checkpoint").symlink_to(bait / "record.json")
    (folder / "record.json").unlink()
    (folder / "record.json").symlink_to(bait / "record.json")
    assert "a link" in results.look(folder).damage
    checkpoint, notes = load(folder, record().key)
    assert checkpoint is None
    assert "a link" in notes[0]
    assert (bait / "record.json").read_text() == SECRET


def test_a_half_written_file_of_somebody_else_is_not_removed(tmp_path):
    folder = results.write(tmp_path, record()).parent
    (folder / ".mine.tmp").write_text(SECRET)
    with results.held(tmp_path, record().run):
        assert (folder / ".mine.tmp").read_text() == SECRET
