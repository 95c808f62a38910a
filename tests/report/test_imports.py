"""A report is rebuilt on a laptop: no torch, no Hydra, and nothing slow until it is asked for."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "hydra", "omegaconf", "optuna", "datasets")


def loaded(statement: str, names: tuple[str, ...]) -> list[str]:
    code = f"import sys; {statement}; print(*[name for name in {names!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return answer.stdout.split()


def test_naming_the_report_loads_no_library():
    assert loaded("import bench.report", (*HEAVY, "pandas", "matplotlib", "seaborn", "scipy", "jinja2")) == []


def test_building_a_report_loads_neither_torch_nor_hydra_nor_optuna(tmp_path):
    statement = (
        f"from pathlib import Path; from bench.report import build; build([], Path({str(tmp_path)!r}), name='x')"
    )
    assert loaded(statement, (*HEAVY, "pandas")) == ["pandas"]


def test_a_chapter_on_tuning_with_importance_loads_neither_torch_nor_hydra(tmp_path):
    statement = (
        "from pathlib import Path; from bench.report import build; from tests.report.tuned import study, together; "
        "from bench import importance; from bench.report import shares; importance.N_DECOYS = shares.N_RESAMPLES = 1; "
        "studies, records = together(study('gru', 20), study('lstm', 20)); "
        f"build(records, Path({str(tmp_path)!r}), name='x', studies=studies)"
    )
    assert loaded(statement, ("torch", "hydra", "omegaconf", "datasets", "sklearn")) == ["sklearn"]


def test_an_unknown_function_is_an_error_that_names_it():
    assert "has no attribute `nothing`" in loaded_error("from bench import report; report.nothing")


def loaded_error(statement: str) -> str:
    return subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=False).stderr
