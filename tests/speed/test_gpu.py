"""`python -m bench.speed.gpu`, on the CPU and workloads of a millisecond."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from bench.speed import gpu
from tests.speed.tiny import GRU, MUSIC, TEXT, every_workload

CPU = ["--device", "cpu", "--members", "1,2", "--rounds", "2"]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr(gpu, "WORKLOADS", {"tiny_music": MUSIC, "tiny_text": TEXT})
    monkeypatch.setattr(gpu, "RACED", ("tiny_music", "tiny_text"))
    monkeypatch.setattr(gpu, "TURN_SECONDS", 0.0)


def test_a_machine_then_for_each_workload_and_cell_a_check_and_a_race_for_each_number_of_members(capsys):
    assert gpu.main(CPU) == 0
    header, *lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert (header["device"], header["torch"], header["tf32"], header["graphs"]) == (
        "cpu",
        torch.__version__,
        False,
        False,
    )
    races = [line for line in lines if "workload" in line]
    checks = [line for line in lines if "check" in line]
    pairs = [(workload, cell) for workload in ("tiny_music", "tiny_text") for cell in ("gru", "lstm")]
    assert [(line["workload"], line["cell"], line["K"]) for line in races] == [
        (*pair, K) for pair in pairs for K in (1, 2)
    ]
    assert [(line["check"], line["cell"]) for line in checks] == pairs
    assert all(line["passed"] for line in checks)
    for line in races:
        low, high = line["ms_iqr"]
        assert 0 < low <= line["ms_per_step"] <= high
        low, high = line["ratio_iqr"]
        assert 0 < low <= line["ratio_to_torch_nn"] <= high


@every_workload
def test_the_check_sees_a_kernel_that_is_wrong(workload, monkeypatch):
    class Wrong(gpu.BPTT):
        def run(self, cell, x, state, params):
            outputs, last = super().run(cell, x, state, params)
            return outputs * 1.001, last

    monkeypatch.setattr(gpu, "KERNEL", Wrong())
    line = gpu.check(workload, GRU, torch.device("cpu"))
    assert not line["passed"]
    assert gpu.main([*CPU, "--members", "1", "--cells", "gru", "--workloads", workload.name]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workloads", "tiny_musik"], "error: unknown workload `tiny_musik`; did you mean `tiny_music`?"),
        (["--cells", "lstn"], "error: unknown cell `lstn`; did you mean `lstm`?"),
    ],
    ids=lambda value: value[0].lstrip("-") if isinstance(value, list) else "",
)
def test_what_cannot_be_timed_is_one_message(words, message, capsys):
    assert gpu.main([*CPU, *words]) == 2
    assert capsys.readouterr().err.strip() == message


def test_a_cell_that_torch_nn_does_not_have_is_checked_and_timed_alone(capsys):
    assert gpu.main([*CPU, "--members", "2", "--cells", "mgu", "--workloads", "tiny_text"]) == 0
    _, check, race = map(json.loads, capsys.readouterr().out.splitlines())
    assert (check["cell"], check["passed"]) == ("mgu", True)
    assert race["ms_per_step"] > 0
    assert (race["torch_nn_ms_per_step"], race["ratio_to_torch_nn"], race["ratio_iqr"]) == (None, None, None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a device")
def test_without_a_device_the_message_says_so(capsys):
    assert gpu.main([]) == 2
    assert "--device cuda: torch finds no such device" in capsys.readouterr().err


BARE = """
import sys

MISSING = (
    "hydra omegaconf jaxtyping beartype tqdm tabulate pandas scipy datasets pooch optuna seaborn matplotlib "
    "platformdirs psutil filelock sklearn pyarrow jinja2"
).split()


class Bare:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in MISSING else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = map(Bare, sys.meta_path)
import bench.speed.gpu as gpu
"""


@pytest.mark.parametrize(
    ("code", "start"),
    [
        ("gpu.main(['--help'])", "usage: python -m bench.speed.gpu"),
        (
            "from bench.speed.workloads import Workload\n"
            "gpu.WORKLOADS, gpu.TURN_SECONDS = {'music46': Workload('music46', 2, 5, 3, 6)}, 0.0\n"
            "words = '--device cpu --workloads music46 --cells gru,mgu --members 2 --rounds 1'\n"
            "sys.exit(gpu.main(words.split()))",
            '{"device": "cpu"',
        ),
    ],
    ids=["help", "run"],
)
def test_it_runs_where_only_torch_numpy_and_pyyaml_are_installed(code, start):
    done = subprocess.run([sys.executable, "-c", BARE + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(start)
