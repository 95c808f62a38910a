"""What a cell is called and what its fields mean: from its record, else from files, whatever a stranger wrote."""

from __future__ import annotations

import pytest
import yaml

from bench.cells import cell_of, recorded, shipped
from bench.core.cell_words import CellWords, cell_words, title_of, with_text_keys, without_words
from bench.core.errors import ConfigError

MINE = {
    "name": "mine",
    "kind": "mine",
    "title": "My own cell",
    "source": "nowhere",
    "states": ["h"],
    "biases": "single",
    "leak": 0.5,
    "mode": "fast",
    "is_wide": True,
    "fields": {
        "leak": {"name": "leak rate", "range": [0, 1], "means": {0: "no leak", "other": "a leak of {}"}},
        "mode": {"means": {"fast": "the quick form", "slow": "the slow form"}},
    },
    "gates": {"k": "keep"},
    "equations": "k = sigmoid(x.k + U.k(h))\nh = (leak if mode == 'fast' else 1) * k * h + (x.h if is_wide else 0)\n",
}


def mine(**changes):
    return {**MINE, **changes}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_a_record_keeps_of_a_shipped_cell_has_the_words_of_its_file(name):
    node, words = shipped()[name], cell_words(recorded(shipped()[name]))
    assert (words.title, words.colour, words.marker) == tuple(
        node.get(key, "") for key in ("title", "colour", "marker")
    )
    own = node if "equations" in node else shipped()[node["kind"]]
    assert words.gates == own.get("gates", {})
    assert set(words.fields) == set(own.get("fields", ()))


@pytest.mark.parametrize(
    ("name", "field", "value", "expected"),
    [
        ("gru", "reset", "after", "the reset gate applied after the recurrent product"),
        ("lstm_b", "peepholes", False, "no peephole connections"),
        ("lstm_b", "forget_bias", 0.0, "no offset to the forget gate's initial bias"),
        ("lstm_b", "forget_bias", 0, "no offset to the forget gate's initial bias"),
        ("lstm_b", "forget_bias", 1.5, "1.5 added to the forget gate's initial bias"),
        ("lstm_b", "forget_bias", True, "forget_bias true"),
        ("gru", "reset", "never", "reset never"),
        ("gru", "unheard_of", 3, "unheard_of 3"),
    ],
)
def test_a_value_of_a_field_is_told_by_what_it_means_else_as_it_is(name, field, value, expected):
    assert cell_words({"name": name, "kind": shipped()[name].get("kind", name)}).setting(field, value) == expected


def test_words_are_no_part_of_what_numbers_depend_on():
    assert set(without_words(MINE)) == {*MINE} - {"title", "source", "fields", "gates"}
    assert cell_of(mine(title="Other", colour="#123456", marker="^", published=["X"], gates={})) == cell_of(MINE)


def test_a_record_of_a_users_cell_keeps_its_words_as_json_can():
    kept = recorded(MINE)
    assert kept == with_text_keys(MINE)
    assert "0" in kept["fields"]["leak"]["means"]
    assert cell_of(kept) == cell_of(MINE)
    words = cell_words(kept)
    assert (words.title, words.gate("k"), words.field("leak"), words.field("is_wide")) == (
        *("My own cell", "keep", "leak rate", "is wide"),
    )
    said = [words.setting(name, value) for name, value in (("leak", 0), ("leak", 0.25), ("mode", "slow"))]
    assert said == ["no leak", "a leak of 0.25", "the slow form"]


def test_a_variant_of_a_first_cell_is_recorded_without_words_and_called_by_its_name_or_by_the_users_file(
    tmp_path, monkeypatch
):
    node = {"name": "mine", "kind": "gru", "title": "GRU (mine)", "reset": "after", "biases": "double"}
    kept = recorded(node)
    assert kept == {"name": "mine", "kind": "gru", "reset": "after", "chrono": 0.0, "biases": "double"}
    assert title_of("mine", cell_words(kept)) == "mine"
    assert cell_words(kept).gate("z") == "update"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text(yaml.safe_dump(node), encoding="utf-8")
    assert title_of("mine", cell_words(kept)) == "GRU (mine)"
    assert cell_words({**kept, "kind": "lstm"}).title == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "blue"}, "`cell.colour`: must be a colour such as '#0072B2', in quotes, got 'blue'"),
        ({"marker": "oo"}, "`cell.marker`: must be a marker of matplotlib: one of"),
        ({"published": "GRU"}, "`cell.published`: must be a list, got 'GRU'"),
        ({"gates": {"keep": "keep"}}, "`cell.gates.keep`: no such gate; legal: h, k"),
        ({"gate": {"k": "keep"}}, "`cell.gate`: is no key of a cell; did you mean `gates`"),
        ({"fields": {"leek": [0, 1]}}, "`cell.fields.leek`: is no field; did you mean `leak`"),
        ({"fields": {"leak": {"rang": [0, 1]}}}, "`cell.fields.leak.rang`: unknown key; did you mean `range`"),
        ({"fields": {"leak": {"range": [1, 0]}}}, "`cell.fields.leak.range`: must be the lowest and the highest, got"),
        ({"fields": {"leak": {"range": [2, 3]}}}, "`cell.leak`: must be at least 2 and at most 3, got 0.5"),
        ({"fields": {"is_wide": {"means": {True: 1}}}}, "`cell.fields.is_wide.means.true`: must be text, got 1"),
        ({"fields": {"is_wide": {"means": {"on": "on"}}}, "mode": 1.0}, "`cell.is_wide`: must be one of on, got True"),
        ({"mode": "medium"}, "`cell.mode`: must be one of fast, slow, got 'medium'"),
        ({"leak": "high"}, "`cell.leak`: must be a finite number, got 'high'"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(ConfigError) as refused:
        cell_of(mine(**changes))
    assert message in str(refused.value)


def test_a_variant_may_have_a_title_but_no_gates_of_its_own():
    assert cell_of({"name": "mine", "kind": "gru", "title": "Mine", "colour": "#000000"}).title == "Mine"
    with pytest.raises(ConfigError, match="gates`: unknown key"):
        cell_of({"name": "mine", "kind": "gru", "gates": {"r": "reset"}})


@pytest.mark.parametrize("junk", [3, None, [], {}, [[1]], {"a": {"b": []}}, {"leak": {"means": [1]}}, {1: {2: 3}}, "x"])
@pytest.mark.parametrize("key", ["title", "colour", "marker", "gates", "fields", "published", "kind"])
def test_what_a_stranger_wrote_is_read_or_left_unsaid(key, junk):
    words = cell_words({"name": "theirs", "kind": "theirs", "equations": "", key: junk})
    assert isinstance(words, CellWords)
    assert title_of("theirs", words) == ("x" if (key, junk) == ("title", "x") else "theirs")
    assert words.gate("a") == "a"
    assert words.setting("leak", 0.5)


def test_a_strangers_title_is_one_short_printable_line():
    title = title_of("theirs", CellWords(title="_\x1b[31mA\n\u202eB" + "x" * 1000))
    assert title.startswith("[31mA B")
    assert len(title) <= 32
    assert title.isprintable()
    assert title_of("theirs", CellWords(title="\u200b\n")) == "theirs"
