"""A cell's node decides which Run it is: equations do, what is only said of them does not."""

from __future__ import annotations

import pytest

from bench.cells import cell_of, recorded
from tests.toys import cell_node, run

MINE = {
    "name": "mine",
    "title": "Mine",
    "source": "nobody",
    "states": ["h"],
    "biases": "single",
    "leak": 0.5,
    "mode": "a",
    "fields": {"mode": ["a", "b c"]},
    "start": {"b.z": 1},
    "equations": "z = sigmoid(x.z + U.z(h))\nh = (leak * h if mode == 'a' else h) + z * (x.h - h)\n",
}


def key(**changes) -> str:
    """Return the key of a Run of the cell with changes, as the command line records it."""
    return run(recorded({**MINE, **changes})).key


@pytest.mark.parametrize(
    "changes",
    [
        {"equations": MINE["equations"].replace("x.h - h", "h - x.h")},
        {"equations": MINE["equations"].replace("sigmoid", "tanh")},
        {"equations": MINE["equations"].replace("U.z", "U.q")},
        {"start": {"b.z": 2}},
        {"leak": 0.25},
        {"mode": "b c"},
        {"biases": "double"},
        {"name": "yours"},
    ],
    ids=str,
)
def test_what_decides_numbers_is_another_run(changes):
    assert key(**changes) != key()


def test_a_cell_without_biases_is_another_run():
    keys = {key(start={}, biases=biases) for biases in ("double", "single", "none")}
    assert len(keys) == 3
    assert len({run(recorded(cell_node("gru", biases=biases))).key for biases in ("double", "single", "none")}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"equations": "# a comment\n\n" + MINE["equations"].replace("\nh", "  # gate\n\n h")},
        {"equations": MINE["equations"].replace(" + ", "+").replace("x.h - h", " x.h  -h ").replace("== 'a'", "=='a'")},
        {"title": "Ours"},
        {"source": "somebody"},
        {"fields": {"mode": ["b c", "a", "d"]}},
    ],
    ids=str,
)
def test_what_is_only_said_is_the_same_run(changes):
    assert cell_of({**MINE, **changes}).program == cell_of(MINE).program
    assert key(**changes) == key()


def test_words_and_their_spaces_are_no_layout():
    changed = {"mode": "b c", "fields": {"mode": ["a", "b c", "bc"]}}
    ours, theirs = (MINE["equations"].replace("'a'", f"'{word}'") for word in ("b c", "bc"))
    assert key(**changed, equations=ours) != key(**changed, equations=theirs)


def test_the_record_keeps_what_the_file_says():
    assert recorded(MINE) == MINE
