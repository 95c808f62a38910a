"""Without a compiler `auto` takes the next kernel and says so, and the fused one is refused by name."""

from __future__ import annotations

import pytest

from bench import results
from tests import warm
from tests.cli.test_config import GOOD
from tests.toys import write_text_task


@pytest.fixture
def folder(tmp_path):
    write_text_task(tmp_path, GOOD)
    return tmp_path


def bench(folder, *words, **changes):
    return warm.run(folder, "-m", "task=mine", "hidden_size=6", "workers=2", *words, **changes)


def test_without_a_library_auto_says_so_once_and_the_fused_kernel_is_refused_before_anything_is_written(folder):
    without = {"CXX": "/bin/false", "GATEBENCH_CACHE": str(folder / "cache")}
    words = ("cell=gru", "seed=range(2)", "report=false", "name=without")
    refused = bench(folder, *words, "kernel=fused", **without)
    assert refused.returncode == 2
    assert "bad config at `kernel`: must be auto, bptt or reference here, for /bin/false failed" in refused.stderr
    assert not (folder / "results" / "without").exists()
    done = bench(folder, *words, **without)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the fused kernel is not available: /bin/false failed") == 1
    assert {record.outcome.kernel for record in results.read(folder / "results" / "without").records} == {"bptt"}
