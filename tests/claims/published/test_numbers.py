"""The shipped published numbers: whole, legal, each of a task that ships, in a unit that its task's metric can take."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from bench.claims.published import facts_of, numbers, protocols
from bench.claims.published.names import names, tasks
from bench.claims.published.numbers import METRIC_OF, SPLITS
from bench.core.cell_words import shipped
from bench.core.metrics import METRICS
from bench.results.run import slug

ROOT = Path(__file__).resolve().parents[3]
TASKS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "conf" / "task").glob("*.yaml")
}
CELLS = {name for node in shipped().values() for name in node.get("published", ())}


def find(**fields):
    return [number for number in numbers() if all(getattr(number, name) == value for name, value in fields.items())]


def test_every_number_is_finite_and_says_where_it_was_seen():
    assert all(math.isfinite(float(number.value)) and number.source for number in numbers())


def test_every_number_is_of_a_shipped_task_and_in_its_metric():
    for number in numbers():
        assert TASKS[number.here]["metric"] == number.score_metric


def test_every_name_of_a_task_and_of_a_cell_is_used():
    assert set(tasks()) == {(number.task, number.dataset) for number in numbers()}
    assert {"GRU", "LSTM", "tanh"} < CELLS <= {number.cell for number in numbers()}


def test_every_unit_split_and_size_is_known():
    for number in numbers():
        assert number.unit in METRIC_OF
        assert number.split in {*SPLITS, "unknown"}
        assert number.units is not None or not number.hidden_size[:1].isdecimal() or "(" in number.hidden_size
        assert number.parameters > 0 or number.num_params in ("", "unknown")


def test_no_number_is_there_twice():
    rows = [
        (n.paper, n.table, n.dataset, n.task, n.cell, n.variant, n.num_params, n.split, n.metric) for n in numbers()
    ]
    twice = {row for row in rows if rows.count(row) > 1}
    assert not twice


def test_every_score_is_better_than_a_guess_and_worse_than_nothing():
    for number in numbers():
        worst = {"nll": 88 * math.log(2), "perplexity": 10000, "bits_per_char": 8}[number.score_metric]
        assert 0 < number.score <= worst + 0.01


def test_a_log_likelihood_becomes_a_negative_one():
    (number,) = find(paper="BoulangerLewandowski2012", dataset="JSB Chorales", cell="RNN", metric="log-likelihood")
    assert (float(number.value), number.score, number.score_metric) == (-8.71, 8.71, "nll")


def test_nats_of_a_word_become_perplexity():
    (nats,) = find(paper="Jozefowicz2015", variant="GRU; no dropout", num_params="5000000")
    assert nats.score == pytest.approx(math.exp(float(nats.value)))


def test_nats_of_a_character_become_bits():
    number = find(paper="Feng2024", cell="minGRU")[0]
    assert number.score == pytest.approx(METRICS["bits_per_char"].from_nats(float(number.value)))


def test_every_paper_has_a_protocol_and_every_protocol_a_number():
    assert set(protocols()) == {number.paper for number in numbers()}


def test_every_declared_fact_concerns_a_number():
    for protocol in protocols().values():
        for facts in protocol.facts:
            assert any(facts.concern(number) for number in find(paper=protocol.paper)), (protocol.paper, facts.where)


def test_every_variant_of_a_cell_here_is_told_from_the_plain_one():
    for number in numbers():
        if number.cell in CELLS and number.variant and number.paper not in ("Melis2018", "Merity2017 (AWD-LSTM)"):
            facts = facts_of(number)
            told = facts.other or any(
                name.startswith(("cell.", "num_layers", "train.dropout")) for name in facts.settings
            )
            assert told, (number.paper, number.variant)


def test_the_measure_of_every_kind_of_task_here_is_declared():
    assert set(names().here) <= {*TASKS, *(task["kind"] for task in TASKS.values())}
    for number in numbers():
        known = names().here.get(TASKS[number.here]["kind"], {}) | names().here.get(number.here, {})
        assert {*facts_of(number).measure, *facts_of(number).model} <= set(known), number


def test_papers_are_told_apart_by_their_titles():
    titles = [protocol.title for protocol in protocols().values()]
    assert len(set(map(slug, titles))) == len(titles)


def test_the_unigram_scores_of_the_tasks_are_those_in_print():
    for name, node in TASKS.items():
        unigram = node.get("published", {}).get("unigram_nats")
        if unigram is not None:
            (number,) = [n for n in find(cell="NOTE 1-GRAM") if n.here == name]
            assert number.score == unigram
