"""Piano rolls from every format, and what is said about bad ones."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from bench.core.errors import DataError
from bench.tasks.sources import read_rolls
from tests.tasks.material import MUSIC, SPLITS, music, named, rolls, same, write_matlab, write_table


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json", ".jsonl"])
def test_each_format_gives_the_same_rolls_from_a_file_for_each_split(data, suffix):
    for split, sequences in MUSIC.items():
        write_table(data / f"{split}{suffix}", {"notes": sequences})
    for split in SPLITS:
        found = read_rolls(music(**named(suffix)), split, None)
        assert same(found, rolls(MUSIC[split]))
        assert all(roll.dtype == np.uint8 for roll in found)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json", ".jsonl"])
@pytest.mark.parametrize("validation", ["validation", "valid"])
def test_one_file_for_all_is_told_apart_by_its_column_split(data, suffix, validation):
    marks = {"train": "train", "validation": validation, "test": "test"}
    rows = [(marks[split], steps) for split in SPLITS for steps in MUSIC[split]]
    columns = {"split": [mark for mark, _ in rows], "notes": [steps for _, steps in rows], "n": [1] * len(rows)}
    write_table(data / f"all{suffix}", columns)
    for split in SPLITS:
        assert same(read_rolls(music(file=f"all{suffix}"), split, str(data)), rolls(MUSIC[split]))


def test_a_json_mapping_from_splits_to_sequences_is_read(data):
    content = {"train": MUSIC["train"], "valid": MUSIC["validation"], "test": MUSIC["test"]}
    (data / "all.json").write_text(json.dumps(content), encoding="utf-8")
    for split in SPLITS:
        assert same(read_rolls(music(file="all.json"), split, None), rolls(MUSIC[split]))


def test_a_matlab_file_is_read(data):
    write_matlab(data / "all.mat")
    for split in SPLITS:
        assert same(read_rolls(music(file="all.mat"), split, None), rolls(MUSIC[split]))


def test_a_path_with_wildcards_is_one_file(data):
    (data / "a[b]*").mkdir()
    for split, sequences in MUSIC.items():
        write_table(data / "a[b]*" / f"{split}.parquet", {"notes": sequences})
    source = {split: f"a[b]*/{split}.parquet" for split in SPLITS}
    assert same(read_rolls(music(**source), "train", None), rolls(MUSIC["train"]))


def test_the_column_may_have_another_name(data):
    import dataclasses

    for split, sequences in MUSIC.items():
        write_table(data / f"{split}.json", {"chords": sequences})
    spec = dataclasses.replace(music(**named(".json")), column="chords")
    assert same(read_rolls(spec, "test", None), rolls(MUSIC["test"]))


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_a_bad_test_split_is_not_looked_at_before_it_is_asked_for(data, suffix):
    columns = {"split": ["train", "valid", "test"], "notes": [[[60]], [[61]], [[5]]]}
    write_table(data / f"all{suffix}", columns)
    assert same(read_rolls(music(file=f"all{suffix}"), "train", None), rolls([[[60]]]))
    with pytest.raises(DataError, match="step 0: pitch must be a whole number 21 to 108, got 5"):
        read_rolls(music(file=f"all{suffix}"), "test", None)


PITCH = "pitch must be a whole number 21 to 108, got"
BAD_STEPS = {
    "too low": ([[60], [20]], f"split train, sequence 1, step 1: {PITCH} 20"),
    "too high": ([[109], []], f"split train, sequence 1, step 0: {PITCH} 109"),
    "negative": ([[-60]], f"split train, sequence 1, step 0: {PITCH} -60"),
    "fraction": ([[60, 60.5]], f"split train, sequence 1, step 0: {PITCH} 60.5"),
    "nan": ([[math.nan]], f"split train, sequence 1, step 0: {PITCH} nan"),
    "infinite": ([[math.inf]], f"split train, sequence 1, step 0: {PITCH} inf"),
    "text": ([["C4"]], f"split train, sequence 1, step 0: {PITCH} 'C4'"),
    "true": ([[True]], f"split train, sequence 1, step 0: {PITCH} True"),
    "null": ([[None]], f"split train, sequence 1, step 0: {PITCH} null"),
    "chord in a chord": ([[[60]]], f"split train, sequence 1, step 0: {PITCH} [60]"),
    "no list of pitches": ([60], "split train, sequence 1, step 0: must be a list of pitches, got 60"),
    "null step": ([None], "split train, sequence 1, step 0: must be a list of pitches, got null"),
    "empty sequence": ([], "split train, sequence 1: is empty, must hold at least one step"),
    "no list of steps": ({"a": 1}, "split train, sequence 1: must be a list of steps, got {'a': 1}"),
}


@pytest.mark.parametrize("case", BAD_STEPS)
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_bad_sequence_is_named(data, suffix, case):
    steps, problem = BAD_STEPS[case]
    write_three(data, suffix, [[[60]], steps])
    with pytest.raises(DataError) as caught:
        read_rolls(music(**named(suffix)), "train", None)
    assert str(caught.value) == f"bad data in {data / 'train'}{suffix}: {problem}"


@pytest.mark.parametrize("case", ["too low", "fraction", "nan", "null", "null step", "empty sequence"])
def test_a_bad_sequence_of_a_parquet_file_is_named(data, case):
    steps, problem = BAD_STEPS[case]
    write_three(data, ".parquet", [[[60]], steps])
    with pytest.raises(DataError) as caught:
        read_rolls(music(**named(".parquet")), "train", None)
    assert str(caught.value) == f"bad data in {data / 'train.parquet'}: {problem}"


BAD_FILES = {
    "a.parquet": (b"PAR1 but no more", "cannot be read as parquet: "),
    "a.csv": (b"other\n1\n", "must have a column `notes`, got other"),
    "b.csv": (b"notes\n", "split train is empty, must have at least one row"),
    "c.csv": (b"notes\n1,2\n3,4,5\n", "cannot be read as csv: Error tokenizing data. C error: "),
    "d.csv": (b"notes\n[[60\n", "split train, sequence 0: must be JSON such as [[60, 64], []], got '[[60'"),
    "e.csv": (b"notes\n\xff\n", "must be UTF-8, got byte 0xff at offset 6"),
    "f.csv": (b'notes,n\n,1\n"[[60]]",1\n', "split train, sequence 0: must be JSON such as [[60, 64], []], got ''"),
    "a.json": (b"", "must hold text, got 0 bytes of nothing"),
    "b.json": (b"[1, 2", "cannot be read as JSON: Expecting ',' delimiter: line 1 column 6 (char 5)"),
    "c.json": (b'[{"other": 1}]', "must have a column `notes`, got other"),
    "d.json": (b'{"notes": [[60]]}\n{"notes": \n', "cannot be read as JSON: line 2: Expecting value"),
    "e.json": (b"[[[60]]]", "row 0 must be a record with `notes`, got [[60]]"),
    "f.json": (b"\xff\xfe[\0]\0", "must be UTF-8, got byte 0xff at offset 0"),
    "g.json": (b"[\0]", "must be text, got a NUL at offset 1"),
    "h.json": (b"[" * 100_000, "cannot be read as JSON: nested too deeply"),
    "i.json": (b"[]", "split train is empty, must have at least one row"),
    "j.json": (b'{"train": [[[60]]], "dev": [[[60]]]}', "must map train, valid and test to their sequences, got a key"),
    "k.json": (b'{"train": 7}', "`train` must be a list of sequences, got 7"),
    "l.json": (b'[{"notes": [[60]], "split": "dev"}]', "`split` must be one of train, validation, test, got 'dev'"),
    "m.json": (b'[{"notes": [[60]], "split": "test"}]', "must hold split train alone, got test in row 0"),
    "a.mat": (b"MATLAB 5.0 MAT-file, but no more", "cannot be read as a MATLAB file: "),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named(data, name):
    content, problem = BAD_FILES[name]
    for file in (name, "validation", "test"):
        (data / file).write_bytes(content)
    spec = music(format=name.partition(".")[2], train=name, validation="validation", test="test")
    with pytest.raises(DataError) as caught:
        read_rolls(spec, "train", None)
    assert str(caught.value).startswith(f"bad data in {data / name}: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_one_file_without_a_column_split_is_refused(data, suffix):
    write_table(data / f"all{suffix}", {"notes": MUSIC["train"]})
    with pytest.raises(DataError, match=r"must have a column `split`, since it is the only file"):
        read_rolls(music(file=f"all{suffix}"), "train", None)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
def test_a_split_that_no_row_belongs_to_is_refused(data, suffix):
    write_table(data / f"all{suffix}", {"notes": MUSIC["train"], "split": ["train", "train"]})
    with pytest.raises(DataError, match=r"split validation is empty, must hold at least one sequence"):
        read_rolls(music(file=f"all{suffix}"), "validation", None)


BAD_ROLLS = {
    "values": (np.full((3, 88), 2), "step 0: key 0 must be 0 or 1, got 2"),
    "nan": (np.where(np.arange(88) == 7, np.nan, np.zeros((2, 1))), "step 0: key 7 must be 0 or 1, got nan"),
    "width": (np.zeros((3, 87)), "must be T x 88 numbers, got (3, 87) of float64"),
    "empty": (np.zeros((0, 88)), "is empty, must hold at least one step"),
    "text": (np.array(["a"]), "must be T x 88 numbers, got (1,) of <U1"),
}


@pytest.mark.parametrize("case", BAD_ROLLS)
def test_a_bad_roll_of_a_matlab_file_is_named(data, case):
    from scipy.io import savemat

    roll, problem = BAD_ROLLS[case]
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0], cells[0, 1] = np.zeros((1, 88)), roll
    savemat(data / "all.mat", {"traindata": cells})
    with pytest.raises(DataError) as caught:
        read_rolls(music(file="all.mat"), "train", None)
    between = ", " if problem.startswith("step") else ": "
    assert str(caught.value) == f"bad data in {data / 'all.mat'}: split train, sequence 1{between}{problem}"


def test_a_matlab_file_without_the_split_or_without_cells_is_refused(data):
    from scipy.io import savemat

    savemat(data / "all.mat", {"traindata": np.zeros((3, 88))})
    with pytest.raises(DataError, match=r"`traindata` must be a cell array of rolls, got numbers \(3, 88\)"):
        read_rolls(music(file="all.mat"), "train", None)
    with pytest.raises(DataError, match="must hold a variable `testdata`, got none of that name"):
        read_rolls(music(file="all.mat"), "test", None)


def test_a_pickle_by_any_name_is_refused_and_runs_nothing(data):
    bomb = b"cos\nsystem\n(S'touch fired'\ntR."
    for suffix, format_ in ((".parquet", "parquet"), (".csv", "csv"), (".json", "json"), (".mat", "mat")):
        for split in SPLITS:
            (data / f"{split}{suffix}").write_bytes(bomb)
        with pytest.raises(DataError, match=f"bad data in .*train{suffix}: "):
            read_rolls(music(format=format_, **named(suffix)), "train", None)
    assert not (data / "fired").exists()


def write_three(data, suffix, train) -> None:
    for split in SPLITS:
        write_table(data / f"{split}{suffix}", {"notes": train if split == "train" else MUSIC[split]})
