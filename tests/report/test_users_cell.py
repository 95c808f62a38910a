"""A cell that is not shipped here, in a report: title, gates and meaning of its fields, as its records have them."""

from __future__ import annotations

import dataclasses

import pytest

from bench.claims.claim import claim_of
from bench.core.cell_words import cell_words, shipped, with_text_keys
from bench.report.formats.console import console_text
from bench.report.formats.exports import markdown
from bench.report.formats.latex import latex
from bench.results import GateProbe
from bench.results.labels import OTHER_COLOURS, cell_styles, styles_of
from tests.core.test_cell_words import MINE
from tests.report.fabricated import record, run, sweep
from tests.report.made import build, compose
from tests.report.test_inside import DO, probe_of, sections

HOSTILE = "<img src=x onerror=alert(1)> \\input{x} $y$ " + "long " * 50


def records(node, n=2):
    return [record(run("mine", seed, cell=with_text_keys(node))) for seed in range(n)]


def with_gate(made, gate):
    shares = (0.25, 0.25, 0.25, 0.25)
    bare = dataclasses.replace(made, run=dataclasses.replace(made.run, cell={"name": "tanh", "kind": "tanh"}))
    gates = (GateProbe(0, gate, shares, (0.2,), (0.1,)),)
    return probe_of(bare, key=made.key, label=made.run.label, cell="mine", gates=gates)


def test_a_users_cell_is_called_by_its_title_in_every_format(tmp_path):
    made = [*sweep(2, ("gru",)), *records(MINE)]
    document = compose(made)
    page = build(made, tmp_path).read_text(encoding="utf-8")
    texts = [
        page,
        markdown(document),
        latex(document)["summary"],
        console_text(document),
        *document.answers[0].sentences,
    ]
    assert all("My own cell" in text for text in texts[:4])
    assert any("My own cell" in text for text in texts[4:])
    assert document.looks["mine"].colour == OTHER_COLOURS[0]


def test_the_methods_say_what_its_fields_mean_and_nothing_of_its_other_keys():
    text = " ".join(compose([*records(MINE), *records({**MINE, "leak": 0})]).methods)
    told = (
        "one bias, a leak of 0.5, the quick form and is_wide true",
        "one bias, no leak, the quick form and is_wide true",
    )
    assert any(f"My own cell had {one}; or {other}." in text for one, other in (told, told[::-1]))
    assert "sigmoid" not in text
    assert "nowhere" not in text


def test_a_word_about_a_cell_makes_no_other_group_of_runs():
    other = {**MINE, "title": "Another title", "source": "elsewhere", "colour": "#000000"}
    made = [records(MINE)[0], records(other)[1]]
    assert list(compose(made).summary["n"]) == [2]
    assert records(MINE)[0].key == records(other)[0].key


@pytest.mark.parametrize(
    ("biases", "told"), [("double", "an input and a recurrent bias"), ("single", "one bias"), ("none", "no bias")]
)
def test_the_methods_say_which_biases_it_has(biases, told):
    assert f"My own cell had {told}, a leak" in " ".join(compose(records({**MINE, "biases": biases})).methods)


def test_its_gates_are_called_as_it_says():
    made = records(MINE)
    part = sections([with_gate(made[0], "k")], made)[DO]
    assert part.table is not None
    assert [[entry.text for entry in row][2] for row in part.table.rows] == ["keep"]


def test_a_cell_that_says_nothing_has_its_name_its_letters_and_its_values():
    bare = {name: MINE[name] for name in ("name", "kind", "biases", "leak", "mode", "equations")}
    made = records(bare)
    part = sections([with_gate(made[0], "k")], made)[DO]
    assert part.table is not None
    assert [[entry.text for entry in row][::2][:2] for row in part.table.rows] == [["mine 50 × 1, seed 0", "k"]]
    assert "mine had one bias, leak 0.5 and mode fast." in " ".join(compose(made).methods)


@pytest.mark.parametrize("name", ["mgu", "relu"])
def test_a_shipped_cell_without_looks_has_some(name):
    assert "colour" not in shipped()[name]
    look = cell_styles([name])[name]
    assert (look.name, look.colour) == (shipped()[name]["title"], OTHER_COLOURS[0])


def test_a_hostile_title_is_escaped_and_shortened(tmp_path):
    made = records(
        {**MINE, "title": HOSTILE, "gates": {"k": HOSTILE}, "fields": {"leak": {"means": {"other": HOSTILE}}}}
    )
    page = build(made, tmp_path, probes=[with_gate(made[0], "k")]).read_text(encoding="utf-8")
    document = compose(made)
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "long " * 25 not in page
    assert len(document.looks["mine"].name) <= 32
    assert "\\input" not in latex(document)["methods"] + latex(document)["summary"]
    assert "<img" not in markdown(document).replace("\\<img", "")


def test_a_copied_title_and_colour_are_told_apart():
    copied = {**MINE, "title": "GRU", "colour": shipped()["gru"]["colour"], "marker": "o"}
    looks = styles_of(compose([*sweep(1, ("gru",)), *records(copied)]).runs)
    assert [look.name for look in looks.values()] == ["GRU", "GRU (mine)"]
    assert len({look.colour for look in looks.values()}) == 2


def test_a_claim_calls_its_cells_as_the_page_does():
    node = {
        "name": "mine_beats_the_gru",
        "sentence": "Mine is better.",
        "source": "me",
        "tasks": ["all"],
        "cells": ["mine", "gru"],
        "metric": "loss",
        "direction": "better",
    }
    found = compose([*sweep(6, ("gru",)), *records(MINE, 6)], claims=[claim_of(node, "mine")])
    assert found.findings[0].tested[0].found.sides == "My own cell − GRU"
    assert "below 0: My own cell better" in markdown(found)


def test_papers_may_name_a_cell():
    assert cell_words({**MINE, "published": ["MUT1"]}).published == ("MUT1",)
