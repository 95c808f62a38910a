"""`validate cell=NAME`: a page about a shipped cell or the user's own, with its gradients checked."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from bench.cells import cell_of, shipped
from bench.cli import cell_page
from bench.core.errors import ConfigError
from bench.kernels import BPTT, Reference
from bench.kernels.agreement import AGREES, gradient_error, members_difference
from tests.cli.test_commands import said
from tests.cli.test_config import dispatch

MINE = """\
title: Mine
source: nobody
states: [h]
leak: 0.5
reset: before
biases: single
fields:
  leak: [0, 1]
  reset: [after, before]
start:
  b.z: -1
equations: |
  r = sigmoid(x.r + U.r(h))
  z = sigmoid(x.z + p.z * h)
  n = relu(x.n + (U.n(r * h) if reset == 'before' else r * U.n(h)))
  h = leak * h + z * (n - h)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cell" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(MINE)
    return path


def test_the_page_of_a_users_cell_says_what_is_derived_from_it(mine, capsys):
    page = said(["validate", "cell=mine"], capsys)
    lines = page.splitlines()
    for line in (
        "Mine (cell=mine)",
        "source: nobody",
        "states: h; the first is the output",
        "gates: x.r, x.z, x.n",
        "recurrent products, in 2 stages:",
        "  U.r: of the state h, in stage 1",
        "  U.n: of the value (r * h'), in stage 2",
        "own vectors: p.z",
        "weights at 64 inputs and 64 units, 20,736 numbers:",
        "  leak = 0.5  (0 to 1)",
        "  reset = before  (after, before)",
        "start: b.z: -1",
        "  forward   multiplications 4, additions 5, relu 1, sigmoid 2",
        "r_t &= \\sigma(W_{r} x_t + b_{r} + U_{r} h_{t-1}) \\\\",
    ):
        assert line in lines
    assert "  at reset=after: gradients within " in page
    assert page.endswith("\nvalid\n")
    assert [path.name for path in mine.parent.iterdir()] == ["mine.yaml"]


def test_the_page_of_a_cell_without_biases_has_none(mine, capsys):
    mine.write_text(MINE.replace("biases: single", "biases: none").replace("b.z: -1", "b.z: 0"))
    page = said(["validate", "cell=mine"], capsys)
    assert "weights at 64 inputs and 64 units, 20,544 numbers:" in page
    assert "  biases = none  (double, single, none)" in page
    assert r"r_t &= \sigma(W_{r} x_t + U_{r} h_{t-1}) \\" in page
    assert "bias" not in page.partition("weights at")[2].partition("fields:")[0]
    assert page.endswith("\nvalid\n")


def test_a_mistake_in_a_branch_that_is_not_taken_is_found(mine, capsys):
    mine.write_text(MINE.replace("r * U.n(h)", "s * U.n(h)"))
    status, message = dispatch(["validate", "cell=mine"], capsys)
    assert (status, message.split(";")[0]) == (
        2,
        "error: bad config at `cell(reset=after).equations, line 3`: unknown name `s`",
    )


def test_what_is_not_finite_at_random_inputs_is_refused(mine, capsys):
    mine.write_text(MINE.replace("relu(x.n", "log(x.n"))
    status, message = dispatch(["validate", "cell=mine"], capsys)
    assert status == 2
    assert message.startswith("error: bad config at `cell.equations`: give a number that is not finite at inputs")


def test_a_kernel_with_a_wrong_gradient_is_refused(monkeypatch):
    class Wrong(Reference):
        def run(self, cell, x, state, params):
            return super().run(cell, x, (state[0] + 1e-3 * (state[0] - state[0].detach()),), params)

    monkeypatch.setattr(cell_page, "SEQUENCE_KERNELS", (Wrong(),))
    with pytest.raises(
        ConfigError, match=r"their gradient by kernel reference is .* from finite differences, at most 1e-06"
    ):
        cell_page.describe({"name": "tanh", "kind": "tanh"})


def test_members_that_change_one_another_are_refused(monkeypatch):
    class Mixed(Reference):
        def run(self, cell, x, state, params):
            return super().run(cell, x + 1e-9 * x.mean(0, keepdim=True), state, params)

    monkeypatch.setattr(cell_page, "SEQUENCE_KERNELS", (Mixed(),))
    with pytest.raises(ConfigError, match=r"members differ by .* from members alone, at most 1e-12"):
        cell_page.describe({"name": "tanh", "kind": "tanh"})


@pytest.mark.parametrize("kernel", [BPTT(), Reference()], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("name", shipped())
def test_every_shipped_cell_passes_the_checks_of_the_page(name, kernel):
    cell = cell_of(shipped()[name])
    assert gradient_error(kernel, cell) < AGREES
    assert members_difference(kernel, cell) < cell_page.EXACT


def test_a_cell_is_built_again_from_its_node():
    for node in shipped().values():
        cell = cell_of(node)
        again = cell_of(cell.node)
        assert dataclasses.asdict(again) == dataclasses.asdict(cell)


def test_another_group_is_refused(capsys):
    assert dispatch(["validate", "size=params"], capsys) == (
        2,
        "error: bad config at `validate`: must be task=NAME or cell=NAME, got 'size=params'\n",
    )


def test_the_cell_of_this_page_is_read_as_yaml():
    assert cell_of({"name": "mine", **yaml.safe_load(MINE)}).gates == ("r", "z", "n")
