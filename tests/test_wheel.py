"""The built wheel holds everything and runs from any working directory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench import results
from tests.cli.test_config import GOOD
from tests.toys import write_text_task

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "jozefowicz2015_dropout"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the unpacked wheel, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("gatebench-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=900)


def test_the_wheel_carries_every_config_experiment_and_template(installed):
    for group in ("task", "cell", "size"):
        shipped = {path.name for path in (ROOT / "conf" / group).glob("*.yaml")}
        assert {path.name for path in (installed / "bench" / "conf" / group).glob("*.yaml")} == shipped
    schemas = {path.name for path in (ROOT / "conf" / "schema").iterdir()}
    assert {path.name for path in (installed / "bench" / "conf" / "schema").iterdir()} == schemas
    experiments = {path.name for path in (ROOT / "experiments").glob("*.yaml")}
    assert {path.name for path in (installed / "bench" / "conf" / "experiments").glob("*.yaml")} == experiments
    assert (installed / "bench" / "cli" / "plugins" / "hydra_plugins" / "gatebench.py").is_file()
    assert list((installed / "bench" / "report" / "templates").glob("*.j2"))
    sources = {path.name for path in (ROOT / "bench" / "kernels" / "fused").glob("*.[hc]*")}
    assert sources <= {path.name for path in (installed / "bench" / "kernels" / "fused").iterdir()}


def test_the_wheel_lists_its_tasks_from_any_directory(installed, tmp_path):
    done = run(installed, tmp_path, "tasks", "--json")
    assert done.returncode == 0, done.stderr
    assert {row["task"] for row in json.loads(done.stdout)} == {p.stem for p in (ROOT / "conf" / "task").glob("*.yaml")}


LOAD = """
import sys, gatebench, bench
runs = gatebench.load(sys.argv[1]).runs
print(bench.__file__, gatebench.__file__, len(runs), runs["optim.lr"].nunique() > 1, sep="\\n")
"""


def imported(site: Path, cwd: Path, path: str) -> list[str]:
    """Return what a program says that finds gatebench by that path, from a folder with nothing in it."""
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", f"import site; site.addsitedir({str(site)!r}); {LOAD}", str(RESULTS)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_gatebench_is_imported_from_the_wheel(installed, tmp_path):
    package, alias, *found = imported(installed, tmp_path, str(installed))
    assert (Path(package), Path(alias)) == (installed / "bench" / "__init__.py", installed / "gatebench.py")
    assert found == ["384", "True"]
    assert not (installed / "bench" / "alias").exists()


def test_gatebench_is_imported_from_a_checkout_that_is_installed(tmp_path):
    """As `pip install -e` leaves it: a file of paths in site-packages, and no copy of a module."""
    build = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.splitlines()[-1]) as archive:
        archive.extractall(tmp_path / "site")
    assert not list((tmp_path / "site").rglob("*.py"))
    package, alias, *found = imported(tmp_path / "site", tmp_path, "")
    assert (Path(package), Path(alias)) == (ROOT / "bench" / "__init__.py", ROOT / "bench" / "alias" / "gatebench.py")
    assert found == ["384", "True"]


@pytest.mark.long
def test_the_wheel_trains_and_reports_from_any_directory(installed, tmp_path):
    write_text_task(tmp_path, GOOD)
    done = run(installed, tmp_path, "-m", "task=mine", "cell=gru,lstm", "hidden_size=4", "name=try")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "try" / "report" / "report.html").is_file()
    code = "import bench; print(bench.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(installed))


def test_the_wheel_finds_its_experiments(installed, tmp_path):
    done = run(installed, tmp_path, "-m", "experiments=no_such")
    assert done.returncode == 2
    assert "legal: " in done.stderr or "did you mean" in done.stderr
    assert "demo" in done.stderr


@pytest.mark.long
def test_the_cell_of_the_readme_is_validated_trained_and_reported_beside_the_wheel(installed, tmp_path):
    """In one file of an empty folder; with the compiled kernel where there is a compiler, as a shipped cell."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (equations,) = re.findall(r"```yaml\n# cell/mine.yaml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text(equations, encoding="utf-8")
    write_text_task(tmp_path, GOOD)
    page = run(installed, tmp_path, "validate", "cell=mine")
    assert page.returncode == 0, page.stderr
    assert page.stdout.startswith("Leaky GRU (cell=mine)\n")
    assert page.stdout.endswith("\nvalid\n")
    words = ("-m", "task=mine", "cell=mine,gru", "hidden_size=4", "name=try", "kernel=auto")
    done = run(installed, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "Leaky GRU" in (tmp_path / "results" / "try" / "report" / "report.md").read_text(encoding="utf-8")
    kernels = {record.run.cell_name: record.outcome.kernel for record in results.read(tmp_path / "results/try").records}
    assert kernels["mine"] == kernels["gru"]
    again = run(installed, tmp_path, *words, "dry_run=true")
    assert "2 already done, 0 to do" in again.stderr
    (tmp_path / "cell" / "mine.yaml").write_text(equations.replace("r * h", "h * r"), encoding="utf-8")
    changed = run(installed, tmp_path, *words, "dry_run=true")
    assert "1 already done, 1 to do" in changed.stderr
