"""`python -m bench cells`: every cell in one table, and what is derived from one."""

from __future__ import annotations

import json

import pytest

from bench.cells import shipped, shipped_cell
from bench.cli import cell_page
from bench.kernels.fused.source import source_of
from tests.cli.test_commands import said


def test_every_shipped_cell_is_listed_with_what_it_is_made_of(capsys):
    rows = {row["cell"]: row for row in json.loads(said(["cells", "--json"], capsys))}
    assert set(rows) == set(shipped())
    assert rows["mut1"]["gates"] == ["z", "r", "n"]
    assert rows["mut1"]["products"] == ["r", "n"]
    assert rows["lstm_peephole"]["states"] == ["h", "c"]
    assert rows["gru"]["parameters"] == 2 * 3 * 64 * 65
    assert "bptt" in rows["gru"]["kernels"]
    assert all(row["source"] and row["title"] for row in rows.values())


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("equations", "n = tanh(x.n + U.n(f * h))"),
        ("latex", r"n_t &= \tanh(W_{n} x_t + b_{n} + U_{n} (f_{t} \odot h_{t-1}))"),
        ("c++", source_of(shipped_cell("mgu")).rstrip()),
        ("backward", "stage 2 of 2"),
    ],
)
def test_what_is_derived_from_a_cell_is_shown(what, part, capsys):
    assert part in said(["cells", "mgu", "--show", what], capsys)


def test_the_cpp_says_where_it_lies_or_why_it_does_not(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "/bin/false")
    first = said(["cells", "mgu", "--show", "c++"], capsys).splitlines()[0]
    assert first.startswith(f"// {tmp_path}/kernels/mgu-")
    assert first.endswith(".h, once the library is built")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX")
    first = said(["cells", "mgu", "--show", "c++"], capsys).splitlines()[0]
    assert first == "// not built here: no C++ compiler (g++) was found"


def test_a_cell_of_the_working_folder_is_shown(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell").mkdir()
    mine = "title: Mine\nsource: mine\nstates: [h]\nequations: h = tanh(x.h)\n"
    (tmp_path / "cell" / "mine.yaml").write_text(mine, encoding="utf-8")
    assert "h_t &= \\tanh(W_{h} x_t + b_{h})" in said(["cells", "mine", "--show", "latex"], capsys)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_the_fields_of_every_shipped_cell_may_be_is_told(name):
    cell = shipped_cell(name)
    lines = list(cell_page._fields(cell, shipped()[name]))
    assert [line.split()[0] for line in lines] == ["fields:", *(field for field, _ in cell.fields), "biases"]


def test_a_field_with_a_range_is_told_with_it():
    lines = list(cell_page._fields(shipped_cell("lstm"), shipped()["lstm"]))
    assert "  forget_bias = 0.0  (-100 to 100)" in lines
    assert "  peepholes = false  (true, false)" in lines
    assert "  biases = double  (double, single, none)" in lines
