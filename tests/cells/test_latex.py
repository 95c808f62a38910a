"""Equations in LaTeX: at the cell's fields, states before the step marked, brackets where they must be."""

from __future__ import annotations

import re

import pytest

from bench.cells import cell_of, shipped, shipped_cell
from bench.cells.latex import latex

LSTM = r"""\begin{align*}
i_t &= \sigma(W_{i} x_t + b_{i} + U_{i} h_{t-1} + p_{i} \odot c_{t-1}) \\
f_t &= \sigma(W_{f} x_t + b_{f} + U_{f} h_{t-1} + p_{f} \odot c_{t-1}) \\
c_t &= f_t \odot c_{t-1} + i_t \odot \tanh(W_{g} x_t + b_{g} + U_{g} h_{t-1}) \\
o_t &= \sigma(W_{o} x_t + b_{o} + U_{o} h_{t-1} + p_{o} \odot c_t) \\
h_t &= o_t \odot \tanh(c_t)
\end{align*}"""


def line(equation: str, **fields: object) -> str:
    node = {"name": "mine", "title": "m", "source": "m", "states": ["h"], "equations": f"h = {equation}", **fields}
    return latex(cell_of(node)).splitlines()[1].removeprefix("h_t &= ")


def test_the_lstm_with_peepholes_is_printed_as_in_its_paper():
    assert latex(shipped_cell("lstm_peephole")).replace("_{t}", "_t") == LSTM


def test_what_a_field_leaves_out_is_not_printed():
    assert "p_" not in latex(shipped_cell("lstm"))
    assert latex(shipped_cell("nfg")).splitlines()[2] == r"f_t &= 1 \\"


def test_a_bias_that_is_not_there_is_not_printed():
    assert latex(shipped_cell("lstm_peephole", biases="none")).replace("_{t}", "_t") == re.sub(r" \+ b_{.}", "", LSTM)
    assert line("-x.h * h", biases="none") == r"-W_{h} x_t \odot h_{t-1}"


@pytest.mark.parametrize(
    ("equation", "printed"),
    [
        ("(x.h + U.h(h)) * h", r"(W_{h} x_t + b_{h} + U_{h} h_{t-1}) \odot h_{t-1}"),
        ("h - (h - x.h)", "h_{t-1} - (h_{t-1} - (W_{h} x_t + b_{h}))"),
        ("tanh(-x.h) / (1 + h * h)", r"\frac{\tanh(-(W_{h} x_t + b_{h}))}{1 + h_{t-1} \odot h_{t-1}}"),
        ("max(x.h, abs(h))", r"\max(W_{h} x_t + b_{h}, |h_{t-1}|)"),
        ("U.long_name(softplus(h)) + x.h", r"U_{long\_name} \operatorname{softplus}(h_{t-1}) + W_{h} x_t + b_{h}"),
    ],
)
def test_brackets_stand_where_they_must(equation, printed):
    assert line(equation) == printed


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_cell_is_printed(name):
    lines = latex(shipped_cell(name)).splitlines()
    assert (lines[0], lines[-1]) == (r"\begin{align*}", r"\end{align*}")
    assert all(each.count("{") == each.count("}") for each in lines)
