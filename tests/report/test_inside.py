"""Probes in the report: which models, how many pairs, and no more than was found."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.report.section import Section
from bench.report.sections.inside import gates_figure, quartiles
from bench.results import GateProbe, ProbeRecord
from bench.results.labels import cell_styles
from tests.report.fabricated import record, run, sweep
from tests.report.made import build, compose

GATES = {"gru": ("r", "z"), "lstm": ("i", "f", "o"), "tanh": ()}
KEEPERS = ("z", "f")


def probe_of(made, **changes) -> ProbeRecord:
    """Return made-up probes of a Run: gradients that halve at each lag, gates that are half open."""
    run = made.run
    halves = tuple(0.5**lag for lag in range(10))
    shares = (0.25, 0.25, 0.25, 0.25)
    gates = tuple(
        GateProbe(0, gate, shares, (0.2, 0.4), (0.1, 0.1), (1.0, 3.0) if gate in KEEPERS else ())
        for gate in GATES[run.cell_name]
    )
    fields = dict(
        key=run.key,
        label=run.label,
        task=run.task_name,
        task_version="1",
        cell=run.cell_name,
        hidden_size=run.hidden_size,
        num_layers=run.num_layers,
        seed=run.seed,
        unit="frame",
        is_same=True,
        n_sequences=16,
        n_steps=900,
        n_pairs=64,
        quartiles=(halves, halves, halves),
        memory_length=8,
        gates=gates,
    )
    return ProbeRecord(**{**fields, **changes})


def sections(probes, records) -> dict[str, Section]:
    document = compose(records, name="x", probes=probes)
    return {part.heading: part for chapter in document.chapters for part in chapter.sections}


REACH, DO = "How far back the gradient reaches", "What the gates do"


@pytest.fixture(scope="module")
def records():
    return sweep(2)


def test_a_report_without_probes_has_no_such_sections(records):
    assert not {REACH, DO} & set(sections([], records))


def test_each_probed_model_is_a_line_with_its_length_of_memory(records):
    probes = [probe_of(made) for made in records if made.run.seed == 0]
    part = sections(probes, records)[REACH]
    assert part.chart is not None
    assert part.chart.caption.startswith("n = 1 run per line, 64 pairs")
    assert set(part.chart.data["model"]) == {"GRU 46 × 1, seed 0", "LSTM 36 × 1, seed 0", "tanh 100 × 1, seed 0"}
    assert "tanh 100 × 1, seed 0: 8 steps" in part.chart.alt
    assert "bit by bit" in " ".join(part.text)


def test_weights_that_did_not_repeat_are_told(records):
    part = sections([probe_of(records[0], is_same=False)], records)[REACH]
    assert "the weights of GRU 46 × 1, seed 0 are not those of the record" in " ".join(part.text)


def test_a_memory_longer_than_all_lags_is_called_that(records):
    part = sections([probe_of(records[0], memory_length=None)], records)[REACH]
    assert "GRU 46 × 1, seed 0: more than 10 steps" in " ".join(part.text)


def test_each_gate_is_a_row_with_its_shares_and_the_keeping_one_its_time_constant(records):
    part = sections([probe_of(made) for made in records if made.run.seed == 0], records)[DO]
    assert part.table is not None
    rows = [[entry.text for entry in row] for row in part.table.rows]
    assert rows[0] == ["GRU 46 × 1, seed 0", "1", "reset", "30 %", "10 %", "", ""]
    assert rows[1] == ["GRU 46 × 1, seed 0", "1", "update", "30 %", "10 %", "1.0 steps", "1.0 to 3.0"]
    assert [row[2] for row in rows] == ["reset", "update", "input", "forget", "output"]


def test_a_cell_without_gates_has_a_gradient_and_no_gates(records):
    found = sections([probe_of(made) for made in records if made.run.cell_name == "tanh"], records)
    assert REACH in found
    assert DO not in found


def test_probes_of_runs_that_are_not_there_are_left_out(records):
    assert REACH not in sections([probe_of(record(run(seed=99)))], records)


def test_an_endless_time_constant_is_shown(records):
    gate = GateProbe(0, "z", (1.0,), (0.0,), (1.0,), (None, None, None))
    part = sections([probe_of(records[0], gates=(gate,))], records)[DO]
    assert part.table is not None
    assert part.table.rows[0][5].text == "inf steps"


def test_quartiles_are_values_that_are_there():
    assert quartiles([5.0, 1.0, 3.0, 2.0, 4.0]) == (2.0, 3.0, 4.0)
    assert quartiles([math.inf]) == (math.inf, math.inf, math.inf)


def test_the_same_probes_give_the_same_page(records, tmp_path):
    probes = [probe_of(made) for made in records]
    pages = [
        build(records, tmp_path / str(i), name="x", probes=order).read_bytes()
        for i, order in enumerate((probes, probes[::-1]))
    ]
    assert pages[0] == pages[1]


def test_the_name_of_a_model_is_no_longer_than_its_row_of_gates_is_high():
    names = ("GRU (reset before) 46 × 1, seed 1000", "LSTM (peepholes) 36 × 1, seed 1000")
    edges = [{"gate": gate, "low": 0.0, "high": 0.5, "share": 1.0} for gate in ("forget", "output")]
    rows = [
        {"model": name, "layer": 1, "cell": cell, **edge}
        for name, cell in zip(names, ("gru", "lstm"), strict=True)
        for edge in edges
    ]
    figure = gates_figure(pd.DataFrame(rows), cell_styles(["gru", "lstm"]))
    figure.draw_without_rendering()
    for axes in figure.axes[::2]:
        assert axes.yaxis.label.get_window_extent().height < axes.get_window_extent().height
        assert "×\n" not in axes.get_ylabel()
