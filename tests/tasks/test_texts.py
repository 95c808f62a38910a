"""Text from every format, to the byte, and what is said about bad files."""

from __future__ import annotations

import gzip

import pytest

from bench.core.errors import DataError
from bench.tasks.digests import normalise
from bench.tasks.sources import read_text
from bench.tasks.tables import cut
from tests.tasks.material import SPLITS, TEXT, named, text, write_symbols, write_table
from tests.toys import text_spec


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_a_plain_file_for_each_split_is_read_to_the_byte(data, suffix):
    odd = " a\r\nb\tc \r\n\n\u2028\x0c\x85é🎵\rend"
    for split in SPLITS:
        content = (TEXT[split] + odd).encode()
        (data / f"{split}{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    for split in SPLITS:
        assert read_text(text(**named(suffix)), split, None) == TEXT[split] + odd


def test_a_byte_order_mark_is_dropped(data):
    for split in SPLITS:
        (data / f"{split}.txt").write_bytes(b"\xef\xbb\xbf" + TEXT[split].encode())
    assert read_text(text(**named(".txt")), "train", None) == TEXT["train"]


def test_one_file_is_cut_by_position_into_parts_that_join_to_the_whole(data):
    whole = "".join(chr(97 + i % 26) for i in range(1003))
    (data / "all.txt").write_text(whole, encoding="utf-8")
    spec = text(file="all.txt", fields={"fractions": (0.9, 0.05, 0.05)})
    parts = [read_text(spec, split, None) for split in SPLITS]
    assert "".join(parts) == whole
    assert [len(part) for part in parts] == [902, 50, 51]


def test_characters_are_cut_not_bytes():
    assert cut("é" * 10, "validation", (0.5, 0.3, 0.2), "here") == "ééé"


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json", ".jsonl"])
def test_rows_of_a_table_are_lines_whether_or_not_they_end_themselves(data, suffix):
    for split in SPLITS:
        write_table(data / f"{split}{suffix}", {"text": ["", " one \n", "two"]})
    assert read_text(text(**named(suffix)), "test", None) == "\n one \ntwo\n"


def test_rows_of_one_table_go_where_their_column_split_says(data):
    write_table(data / "all.parquet", {"text": ["a", "b", "c", "d"], "split": ["test", "train", "valid", "train"]})
    assert [read_text(text(file="all.parquet"), split, None) for split in SPLITS] == ["b\nd\n", "c\n", "a\n"]


def test_one_table_that_says_no_split_is_cut_by_position(data):
    write_table(data / "all.csv", {"text": ["abc", "defgh"]})
    spec = text(file="all.csv", fields={"fractions": (0.5, 0.3, 0.2)})
    assert [read_text(spec, split, None) for split in SPLITS] == ["abc\nd", "efg", "h\n"]


def test_spelled_symbols_are_the_same_text_as_the_words_they_spell(data):
    for split in SPLITS:
        write_symbols(data / f"{split}.gz", TEXT[split])
    for split in SPLITS:
        assert read_text(text(format="symbols", **named(".gz")), split, None) == TEXT[split]


def test_normalising_strips_lines_lowers_case_and_sets_marks_apart():
    whole = " In [the] beginning, God’s Beth-el:\n  'tis so. \n "
    assert normalise(whole, text_spec()) == whole
    assert normalise(whole, text_spec(strip_lines=True)) == "In [the] beginning, God’s Beth-el:\n'tis so.\n"
    spec = text_spec(lowercase=True, punctuation=True)
    assert " ".join(normalise(whole, spec).split()) == "in [ the ] beginning , god’s beth-el : ' tis so ."


BAD_FILES = {
    "empty": (b"", "text", "must hold text, got 0 bytes of nothing"),
    "blank": (b" \n\n ", "text", "must hold text, got 4 bytes of nothing"),
    "latin-1": (b"caf\xe9 au lait", "text", "must be UTF-8, got byte 0xe9 at offset 3"),
    "latin-1 after a mark": (b"\xef\xbb\xbfcaf\xe9", "text", "must be UTF-8, got byte 0xe9 at offset 6"),
    "utf-16": (b"\xff\xfea\0b\0", "text", "must be UTF-8, got byte 0xff at offset 0"),
    "surrogate": (b"a\xed\xa0\x80", "text", "must be UTF-8, got byte 0xed at offset 1"),
    "nul": (b"ab\0c", "text", "must be text, got a NUL at offset 2"),
    "long symbol": (b"a b\nc de f\n", "symbols", "line 2 must hold single characters, got 'de'"),
    "numbers": (b"text\n1\n2\n", "csv", "`text` must be text, got 1 in row 0"),
    "no column": (b"words\na\n", "csv", "must have a column `text`, got words"),
    "blank rows": (b'[{"text": ""}, {"text": " "}]', "json", "column `text` holds no text"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named(data, case):
    content, format_, problem = BAD_FILES[case]
    for split in SPLITS:
        (data / f"{split}.x").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_text(text(format=format_, **named(".x")), "train", None)
    assert str(caught.value) == f"bad data in {data / 'train.x'}: {problem}"


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"x" * 999)[:-9], gzip.compress(b"abc")[:12] + b"?" * 9],
    ids=["no gzip", "cut short", "rubbish after the head"],  # its bytes hold the time
)
def test_a_damaged_gzip_file_is_named(data, content):
    for split in SPLITS:
        (data / f"{split}.txt.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"bad data in .*test.txt.gz: cannot be read: "):
        read_text(text(**named(".txt.gz")), "test", None)


def test_too_few_characters_to_cut_are_refused(data):
    (data / "all.txt").write_text("abc", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_text(text(file="all.txt"), "validation", None)
    problem = "split validation is empty: 3 characters are too few to cut in three"
    assert str(caught.value) == f"bad data in {data / 'all.txt'}: {problem}"
