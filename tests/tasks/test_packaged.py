"""The Bach chorales of music21: the grid, the split, the conversion and its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench.core.errors import DataError
from bench.tasks import packaged
from bench.tasks.score_reader import read_score, sounding
from bench.tasks.sources import ensure, read_rolls, state
from tests.toys import music_spec

SOURCE = {"kind": "package", "package": "music21", "extra": "demo"}

CODE = """
from bench.tasks import packaged
scores = packaged.scores()[:3]
packaged.scores = lambda: scores
print(packaged.prepare_chorales())
"""


def note(offset, length, *pitches):
    return SimpleNamespace(offset=offset, quarterLength=length, pitches=[SimpleNamespace(midi=p) for p in pitches])


def test_a_step_holds_what_sounds_at_the_quarter_and_lasts_until_the_last_note_ends():
    half, passing, quarter = note(0, 2, 60), note(0.5, 0.5, 62), note(1, 1, 64)
    triplet, grace, chord = note(2 + 1 / 3, 2 / 3, 65), note(3.0, 0.0, 66), note(3, 0.5, 67, 55)
    steps = sounding([half, passing, quarter, triplet, grace, chord])
    assert steps == [[60], [60, 64], [], [55, 67]]


def test_a_known_score_reads_as_printed():
    path = next(path for path in packaged.scores() if path.stem == "bwv66.6")
    steps = read_score(str(path))
    assert len(steps) == 36  # a quarter of upbeat, eight bars and three quarters, in F sharp minor
    assert steps[:2] == [[57, 64, 73], [54, 61, 66, 69]]  # A3 E4 C#5, tenor and bass in unison; F#3 C#4 F#4 A4


def test_a_score_of_another_number_of_parts_is_none():
    path = next(path for path in packaged.scores() if path.stem == "bwv248.42-4")
    assert read_score(str(path)) is None


def test_the_split_is_by_movement_and_by_name_alone():
    names = [f"bwv{n}" for n in range(100)] + ["bwv7-a", "bwv7-b"]
    splits = packaged.splits_of(names)
    assert splits == dict(sorted(packaged.splits_of(names[::-1]).items(), key=lambda pair: names.index(pair[0])))
    assert splits["bwv7"] == splits["bwv7-a"] == splits["bwv7-b"]
    counts = [list(splits.values()).count(split) for split in ("train", "validation", "test")]
    assert sum(counts) == 102
    assert all(abs(n - share * 102) <= 2 for n, share in zip(counts, (0.6, 0.2, 0.2), strict=True))


def test_duplicates_are_left_out_and_the_first_by_name_stays(monkeypatch):
    steps = {"bwv1": [[60]], "bwv2": [[61]], "bwv3": [[60]], "bwv279": [[62]]}
    monkeypatch.setattr(packaged, "_read", lambda paths: [steps[path.stem] for path in paths])
    paths = [packaged.Path(f"{name}.mxl") for name in steps]
    assert packaged.convert(paths) == {"bwv1": [[60]], "bwv2": [[61]]}


def test_reading_uses_no_pickle_and_leaves_no_file(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    path = next(path for path in packaged.scores() if path.stem == "bwv66.6")
    program = packaged.Path(packaged.__file__).with_name("score_reader.py")
    code = (
        "import pickle, runpy, sys\n"
        "def refuse(*words, **more): raise SystemExit('a pickle')\n"
        "pickle.load = pickle.loads = pickle.dump = pickle.dumps = refuse\n"
        f"sys.argv = ['x', {str(path)!r}]; runpy.run_path({str(program)!r}, run_name='__main__')"
    )
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[[[")
    assert not list(home.iterdir())


def test_two_processes_that_start_at_once_make_one_whole_file(cache):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = [
        subprocess.Popen([sys.executable, "-c", CODE], env=environment, stdout=-1, stderr=-1, encoding="utf-8")
        for _ in range(2)
    ]
    said = [process.communicate(timeout=600) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert sum("converting" in err for _, err in said) == 1
    assert [path.suffix for path in cache.iterdir() if not path.name.startswith(".")] == [".parquet"]


def test_a_damaged_file_is_made_again(cache, monkeypatch):
    scores = [path for path in packaged.scores() if path.stem in ("bwv66.6", "bwv10.7", "bwv101.7")]
    monkeypatch.setattr(packaged, "scores", lambda: scores)
    path = packaged.prepare_chorales()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert not packaged.is_prepared()
    assert packaged.prepare_chorales().read_bytes() == whole
    assert sum(len(packaged.read_chorales(split)) for split in ("train", "validation")) == 3


def test_a_score_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bwv0.mxl").write_bytes(b"no score")
    with pytest.raises(DataError, match=r"bad data in music21 [\d.]+, bwv0.mxl to bwv0.mxl: not read: "):
        packaged.convert([tmp_path / "bwv0.mxl"])


def test_the_conversion_is_announced_before_it_starts_and_not_made_twice(cache, monkeypatch):
    said = []
    monkeypatch.setattr(packaged, "_read", lambda paths: said.append("read") or [[[60]]] + [None] * (len(paths) - 1))
    spec = music_spec(sources=(SOURCE,), licence="by permission")
    assert state(spec, None).text.startswith("package music21 ")
    ensure(spec, None, announce=said.append)
    n_read = said.count("read")
    ensure(spec, None, announce=said.append)
    assert said[0].startswith("task `toy_music`: converting the Bach scores of music21 ")
    assert "  licence: by permission" in said[0]
    assert said.count("read") == n_read == len(said) - 1


@pytest.mark.long
def test_the_chorales_are_those_of_the_documentation(chorale_cache):
    spec = music_spec(sources=(SOURCE,))
    rolls = {split: read_rolls(spec, split, None) for split in ("train", "validation", "test")}
    assert {split: (len(r), sum(map(len, r))) for split, r in rolls.items()} == {
        "train": (218, 12_017),
        "validation": (72, 3_856),
        "test": (72, 3_831),
    }
    notes = [sum(int(roll.sum()) for roll in r) / sum(map(len, r)) for r in rolls.values()]
    assert notes == pytest.approx([3.870, 3.882, 3.880], abs=5e-4)


@pytest.mark.long
def test_no_roll_is_in_two_splits(chorale_cache):
    rolls = [roll.tobytes() for split in ("train", "validation", "test") for roll in packaged.read_chorales(split)]
    assert len(set(rolls)) == len(rolls) == 362
