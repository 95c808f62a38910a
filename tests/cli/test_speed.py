"""`python -m bench speed` end to end, on workloads of a millisecond."""

from __future__ import annotations

import json
import math
from functools import partial

import pytest

from bench.core.settings import OptimSettings
from bench.kernels import SEQUENCE_KERNELS
from bench.speed.contenders import PEERS, kernel_names
from bench.speed.jobs.job import Job
from bench.speed.measurement import Plan
from bench.speed.workloads import CELLS, WORKLOADS
from tests.cli.test_commands import said
from tests.cli.test_config import GOOD, dispatch
from tests.speed.tiny import MUSIC, TEXT
from tests.toys import SENTENCE, write_text_task

COLUMNS = [
    "workload",
    "cell",
    "K",
    "kernel",
    "ms_per_step",
    "ms_iqr",
    "member_steps_per_second",
    "ratio_to_torch_nn",
    "ratio_iqr",
    "ratio_to_jax",
    "share_of_ceiling",
]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr("bench.speed.measurement.Plan", partial(Plan, turn_seconds=0.0))
    monkeypatch.setattr("bench.speed.workloads.WORKLOADS", {"tiny_music": MUSIC, "tiny_text": TEXT})
    # jax compiles for seconds, and its losses are tested beside the other peer's
    monkeypatch.setattr("bench.speed.contenders.has_jax", lambda: False)
    monkeypatch.setattr("bench.speed.measurement.has_jax", lambda: False)


def test_json_has_a_header_every_contender_and_every_column(capsys):
    page = json.loads(said(["speed", "--rounds", "2", "--json"], capsys))
    header = page["header"]
    assert (header["threads"], header["clock"], header["rounds"], header["jax"]) == (1, "process", 2, None)
    assert header["cpu"]
    assert header["ceiling_gflops"] >= header["sgemm_gflops"] > 0
    assert all(list(row) == COLUMNS for row in page["rows"])
    for workload in ("tiny_music", "tiny_text"):
        timed = {(row["cell"], row["kernel"]) for row in page["rows"] if row["workload"] == workload}
        assert {(cell, kernel) for cell in CELLS for kernel in ("reference", "torch.nn")} <= timed
    for row in page["rows"]:
        low, high = row["ms_iqr"]
        assert 0 < low <= row["ms_per_step"] <= high
        assert row["ratio_to_torch_nn"] > 0
        assert row["share_of_ceiling"] > 0
        assert row["ratio_to_jax"] is None
    assert {row["cell"] for row in page["cells"]} == set(CELLS)
    assert {row["kernel"] for row in page["cells"]} <= set(kernel_names())
    assert not {row["kernel"] for row in page["cells"]} & set(PEERS)


def test_the_table_names_the_machine_and_says_what_is_not_ranked(tmp_path, capsys):
    figure = tmp_path / "new" / "speed"
    words = ["speed", "--workloads", "tiny_text", "--cells", "gru,lstm", "--kernels", "reference", "--members", "1"]
    page = said([*words, "--rounds", "1", "--clock", "wall", "--figure", str(figure)], capsys)
    assert "wall time, 1 rounds" in page
    assert "time/LSTM" in page
    assert "operations/LSTM" in page
    assert "Cells are compared within one kernel of ours only" in page
    assert "tanh" not in page
    assert sorted(path.name for path in figure.parent.iterdir()) == ["speed.png", "speed.svg"]


def test_any_cell_is_timed_and_drawn_beside_the_lstm(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text("kind: mgu\ntitle: Mine\ngate: state\n")
    words = ["speed", "--workloads", "tiny_music", "--cells", "mine,sru,lstm", "--kernels", "bptt", "--rounds", "1"]
    page = json.loads(said([*words, "--json", "--lstm-figure", "cells"], capsys))
    assert [(row["cell"], row["kernel"]) for row in page["rows"]] == [
        ("mine", "bptt"),
        ("sru", "bptt"),
        ("lstm", "bptt"),
        ("lstm", "torch.nn"),
    ]
    assert [row["ratio_to_torch_nn"] is None for row in page["rows"]] == [True, True, False, False]
    assert [row["title"] for row in page["cells"]] == ["Mine", "SRU", "LSTM"]
    assert sorted(path.name for path in tmp_path.glob("cells.*")) == ["cells.png", "cells.svg"]


def test_hidden_sizes_are_swept_in_one_kernel_and_one_member(monkeypatch, capsys):
    monkeypatch.setattr("bench.speed.sizes.WORKLOAD", "tiny_music")
    monkeypatch.setattr("bench.kernels.FASTEST_FIRST", tuple(SEQUENCE_KERNELS))
    page = json.loads(said(["speed", "--units", "4-5", "--rounds", "1", "--json"], capsys))
    found = [(row["K"], row["kernel"], row["hidden_size"], row["cell"]) for row in page["rows"]]
    assert found == [(1, "bptt", size, cell) for size in (4, 5) for cell in ("gru", "lstm")]
    assert {tuple(row["sizes"]) for row in page["jumps"]} == {(4, 5)}
    page = said(["speed", "--units", "4,6", "--rounds", "1", "--kernels", "reference", "--members", "2"], capsys)
    assert "tiny_music, K = 2, kernel reference" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cells", "lstn"], "error: unknown cell `lstn`; did you mean `lstm`?\n"),
        (["--units", "30-"], "error: --units must be sizes such as 30-66 or 30,32,48, from 1 to 4096, got `30-`\n"),
        (["--units", "4", "--figure", "x"], "error: --figure does not go with --units\n"),
        (["--job", "jbs"], "error: unknown job `jbs`; did you mean `jsb`?\n"),
        (
            ["--job", "--cells", "mgu"],
            "error: --job is beside torch.nn, which has no cell `mgu`; it has gru, lstm, tanh",
        ),
        (["--job", "--rounds", "0"], "error: --rounds must be at least 1, got 0\n"),
        (["--job", "--units", "4"], "error: --units does not go with --job\n"),
        (["--job", "--members", "0"], "error: --members does not go with --job\n"),
        (["--job", "--figure", "x"], "error: --figure does not go with --job\n"),
        (["--job", "--kernels", "bptt"], "error: --kernels does not go with --job\n"),
        (["--cells", "mgu", "--figure", "x"], "error: --figure draws ratios to torch.nn, which has none of these"),
        (["--cells", "mgu", "--lstm-figure", "x"], "error: --lstm-figure draws ratios to the LSTM; name lstm among"),
        (["--workloads", "tiny_musik"], "error: unknown workload `tiny_musik`; did you mean `tiny_music`?\n"),
        (["--kernels", "torch.nn"], "error: unknown kernel `torch.nn`; "),
        (["--rounds", "0"], "error: --rounds must be at least 1, got 0\n"),
        (["--members", "0"], "error: --members must be at least 1\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_timed_is_one_message(words, message, capsys):
    status, said = dispatch(["speed", *words], capsys)
    assert status == 2
    assert said.startswith(message)


UNITS = int(0.9 * 30 * len(SENTENCE)) // 2 // 4 * 4
"""Characters in half of the training split of the user's text, in four pieces of equal length."""

JOB = Job("mine", "mine", 5, 4, OptimSettings(), 2, embedding_size=3, window=10)


def test_a_job_is_timed_beside_plain_torch_on_its_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setattr("bench.speed.jobs.job.JOBS", {"mine": JOB})
    monkeypatch.setattr("bench.kernels.FASTEST_FIRST", tuple(SEQUENCE_KERNELS))
    write_text_task(tmp_path, GOOD)
    page = json.loads(said(["speed", "--job", "--cells", "gru", "--rounds", "1", "--json"], capsys))
    assert (page["header"]["threads"], page["header"]["rounds"]) == (1, 1)
    (row,) = page["rows"]
    assert (row["job"], row["cell"], row["kernel"], row["unit"]) == ("mine", "gru", "bptt", "character")
    assert (row["units_per_turn"], row["updates_per_turn"]) == (UNITS, math.ceil(UNITS / 4 / 10))
    assert sum(row["shares"].values()) == pytest.approx(1)
    (tmp_path / "mine.txt").unlink()
    status, error = dispatch(["speed", "--job", "mine"], capsys)
    assert status == 2
    assert error.startswith(
        "error: bad data in task `mine`: no source found; any one of these is enough:\n  - put mine.txt"
    )
    (tmp_path / "task" / "mine.yaml").unlink()
    status, error = dispatch(["speed", "--job", "mine"], capsys)
    assert status == 2
    assert error == "error: bad config at `task`: job `mine` needs task `mine`, which is not there\n"


def test_the_table_of_workloads_is_that_of_the_protocol():
    shapes = {
        name: (each.hidden_size, each.num_layers, each.batch_size, each.length, each.members)
        for name, each in WORKLOADS.items()
    }
    assert shapes == {
        "music36": (36, 1, 8, 100, 16),
        "music46": (46, 1, 16, 100, 16),
        "music100": (100, 1, 16, 200, 4),
        "char128": (128, 1, 32, 100, 4),
        "ptb200": (200, 2, 20, 35, 1),
    }
