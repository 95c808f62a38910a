"""A report is rebuilt on a laptop: no torch, no Hydra, and nothing slow until it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "hydra", "omegaconf", "optuna", "datasets")


def loaded(statement: str, names: tuple[str, ...]) -> list[str]:
    code = f"import sys; {statement}; print(*[name for name in {names!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return answer.stdout.split()


def test_naming_the_report_loads_no_library():
    assert loaded("import bench.report", (*HEAVY, "pandas", "matplotlib", "seaborn", "scipy", "jinja2")) == []


def test_building_a_report_loads_neither_torch_nor_hydra_nor_optuna(tmp_path):
    statement = (
        f"from pathlib import Path; from tests.report.made import build; build([], Path({str(tmp_path)!r}), name='x')"
    )
    assert loaded(statement, (*HEAVY, "pandas")) == ["pandas"]


@pytest.mark.long
def test_a_chapter_on_tuning_with_importance_loads_neither_torch_nor_hydra(tmp_path):
    statement = (
        "from pathlib import Path; from tests.report.made import build; "
        "from tests.report.tuned import study, together; "
        "from bench.claims import importance, shares; importance.N_DECOYS = shares.N_RESAMPLES = 1; "
        "from bench.report.figures import style; style.DOTS_PER_INCH = 50; "
        "studies, records = together(study('gru', 20), study('lstm', 20)); "
        f"build(records, Path({str(tmp_path)!r}), name='x', studies=studies)"
    )
    assert loaded(statement, ("torch", "hydra", "omegaconf", "datasets", "sklearn")) == ["sklearn"]


WITHOUT_TORCH = """
import sys
from pathlib import Path
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "hydra", "omegaconf"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refused())
from bench import results
from bench.report.comparison import compare_folders
from bench.report.figures import style
from bench.report.formats import page
from bench.report.publish import publish
from tests.report.fabricated import sweep
from tests.report.tuned import study, together
style.DOTS_PER_INCH = page.DOTS_PER_INCH = 50
studies, trials = together(study("gru", 6), study("lstm", 6))
for name, n in (("a", 6), ("b", 7)):
    folder = Path(sys.argv[1]) / name
    for record in [*trials, *sweep(n)]:
        results.write(folder, record)
    publish(folder)
compare_folders(Path(sys.argv[1]) / "a", Path(sys.argv[1]) / "b")
"""


@pytest.mark.long
def test_without_torch_a_report_and_a_comparison_are_the_same_bytes_twice(tmp_path):
    found = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        command = [sys.executable, "-c", WITHOUT_TORCH, str(folder)]
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
        files = sorted(path for path in (folder / "a" / "report").rglob("*") if path.is_file())
        found.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert found[0] == found[1]
    names = {name.removeprefix("a/report/") for name in found[0]}
    assert names >= {"report.html", "report.md", "summary.csv", "summary.json", "claims.csv", "claims.json"}
    assert names >= {"latex/summary.tex", "latex/verdicts.tex", "latex/methods.tex"}
    assert names >= {"compare-b.html", "compare-b.md"}
    assert not any(str(tmp_path).encode() in content for content in found[0].values())
