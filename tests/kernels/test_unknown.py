"""A kernel computes the cells and fields that it states, and none that it does not know."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from bench import results
from bench.cells import cell_of
from bench.cells.gru import GRU
from bench.cells.lstm import LSTM
from bench.core.errors import ConfigError
from bench.kernels import FASTEST_FIRST, check_known, choose, passed_over
from tests import warm
from tests.cli.test_config import GOOD
from tests.toys import cell_node, write_text_task

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
FAST = FASTEST_FIRST[:-1]


@dataclasses.dataclass(frozen=True)
class Forgetful(LSTM):
    """The LSTM with a field that no kernel has heard of, under the LSTM's own kind."""

    forget: bool = True


def with_value(cell, name, value):
    """Return a cell with a value that its class does not allow today."""
    object.__setattr__(cell, name, value)
    return cell


UNKNOWN = {
    "a cell of kind `lstm`": Forgetful(),
    "`reset: both`": with_value(GRU(), "reset", "both"),
    "`biases: none`": with_value(LSTM(), "biases", "none"),
}


@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("kernel", FAST, ids=lambda kernel: kernel.name)
def test_what_a_kernel_does_not_compute_is_refused_by_name_and_passed_over_by_auto(kernel, unknown):
    cell = UNKNOWN[unknown]
    expected = f"must be auto or reference for cell `{cell.name}`: {kernel.name} does not compute {unknown}"
    with pytest.raises(ConfigError, match=re.escape(f"{expected}; got {kernel.name}")):
        check_known(kernel.name, cell)
    assert choose("auto", cell, CPU, torch.float32).name == "reference"
    line = f"cell `{cell.name}`: the fused kernel does not compute {unknown}; kernel=auto takes reference"
    assert passed_over(cell, CPU, torch.float32) == line


@pytest.mark.parametrize("node", [cell_node("lstm", peepholes=True), cell_node("gru"), cell_node("tanh")], ids=str)
def test_nothing_is_said_of_a_cell_that_is_known(node):
    cell = cell_of(node)
    assert passed_over(cell, CPU, torch.float32) == ""
    for kernel in FASTEST_FIRST:
        check_known(kernel.name, cell)


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A folder with a task, and a copy of the program whose LSTM has a new field that changes its step."""
    folder = tmp_path_factory.mktemp("edited")
    for name in ("bench", "conf", "experiments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "bench" / "cells" / "lstm.py"
    text = path.read_text(encoding="utf-8")
    text = text.replace('    biases: Biases = "double"\n', '    biases: Biases = "double"\n    forget: bool = True\n')
    text = text.replace("c = a_f.sigmoid() * c +", "c = (a_f.sigmoid() * c if self.forget else c) +")
    path.write_text(text, encoding="utf-8")
    with (folder / "conf" / "cell" / "lstm.yaml").open("a", encoding="utf-8") as file:
        file.write("forget: true\n")
    write_text_task(folder, GOOD)
    return folder


def bench(folder: Path, *words: str, **changes: str) -> subprocess.CompletedProcess:
    common = ("-m", "task=mine", "cell=lstm", "hidden_size=6", "workers=2")
    return warm.run(folder, *common, *words, root=folder, **changes)


def test_a_new_field_changes_what_auto_trains_and_is_said_once_for_a_sweep(edited):
    done = bench(edited, "cell.forget=true,false", "seed=range(2)", "report=false", "name=auto")
    assert done.returncode == 0, done.stderr
    line = "cell `lstm`: the fused kernel does not compute its field `forget`; kernel=auto takes reference"
    assert done.stderr.count(line) == 1
    found = results.read(edited / "results" / "auto").records
    assert {record.outcome.kernel for record in found} == {"reference"}
    assert len({record.outcome.weights_digest for record in found}) == 4


@pytest.mark.parametrize("kernel", ["fused", "bptt"])
def test_a_kernel_asked_for_by_name_is_refused_before_anything_is_written(edited, kernel):
    done = bench(edited, f"kernel={kernel}", "seed=0", "name=refused")
    assert done.returncode == 2
    expected = f"bad config at `kernel`: must be auto or reference for cell `lstm`: {kernel} does not compute its field"
    assert f"{expected} `forget`; got {kernel}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (edited / "results" / "refused").exists()


def test_without_a_library_auto_says_so_once_and_the_fused_kernel_is_refused_before_anything_is_written(edited):
    without = {"CXX": "/bin/false", "GATEBENCH_CACHE": str(edited / "cache")}
    words = ("cell=gru", "seed=range(2)", "report=false", "name=without")
    refused = bench(edited, *words, "kernel=fused", **without)
    assert refused.returncode == 2
    assert "bad config at `kernel`: must be auto, bptt or reference here, for /bin/false failed" in refused.stderr
    assert not (edited / "results" / "without").exists()
    done = bench(edited, *words, **without)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the fused kernel is not available: /bin/false failed") == 1
    assert {record.outcome.kernel for record in results.read(edited / "results" / "without").records} == {"bptt"}
