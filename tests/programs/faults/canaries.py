"""Canaries: files, names and modules that would act if anything that is read could run code or reach outside.

A pickle that touches a file stands in every place where a file is read; checkpoints and records of others carry right
digests over hostile content; YAML carries tags, targets and expressions; names try to leave the results directory;
modules planted in the working directory wait to be imported; links in a results directory lead to files of the
user's. Nothing may fire, nothing may be read, written or deleted outside `results/`, no secret of the environment may
be in what is written, and no command may end with a traceback.
Reports of hostile names are in tests/report/formats/test_page.py, pickles in the place of rolls in
tests/tasks/test_rolls.py.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import yaml

from bench.core.digest import digest_of
from tests.cli.test_config import GOOD
from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.damage import interrupted, replaced, said_by
from tests.programs.faults.hostile import (
    BAD_HEADERS,
    BAD_SETTINGS_FILES,
    BAD_YAML,
    FIRE,
    HOSTILE_NAMES,
    INJECTED,
    MARK,
    Canary,
    hostile_archives,
    hostile_records,
    pickles,
)
from tests.programs.faults.links import links, places
from tests.programs.faults.tally import Tally, conduct
from tests.toys import write_text_task

SECRET = "canary-5ec2e7-of-the-environment"
PLANTED = ("torch", "numpy", "yaml", "hydra", "pandas", "sitecustomize", "usercustomize", "pickle", "json", "signal")
SCRIPT = """\
import sys
sys.path.insert(1, {root!r})
from bench.__main__ import main
if __name__ == "__main__":
    main()
"""
PARTS = ("pickles", "checkpoints", "records", "tasks", "settings", "names", "report", "modules", "links")


def canaries(tally: Tally) -> None:
    """Plant every canary there is, or so many of each part."""
    os.environ["GATEBENCH_SECRET"] = SECRET
    with workplace.workplace() as folder:
        os.chdir(folder)
        end = product.finished(folder, workplace.single(0, "name=whole"))
        tally.check(end.status == 0, f"the Run to attack ends with {end.status}: {end.text}")
        wanted = outcomes.outcomes(folder / "results" / "whole")
        for part in PARTS:
            if tally.wants(part):
                ATTACKS[part](tally, folder, wanted)
        _look_for_secrets(tally, folder)
        os.chdir("/")


def _judge(tally: Tally, folder: Path, trial: str, said: str, before: set[Path]) -> None:
    """Nothing has fired, nothing has escaped, nothing ended in a traceback."""
    tally.count("canaries")
    fired = list(folder.rglob(MARK)) + list(folder.parent.glob(MARK))
    tally.check(not fired, f"{trial}: FIRED")
    for path in fired:
        path.unlink()
    tally.check("Traceback" not in said, f"{trial}: a traceback: {said[-300:]!r}")
    outside = _outside(folder) - before
    tally.check(not outside, f"{trial}: written outside results/: {sorted(outside)}")


def _outside(folder: Path) -> set[Path]:
    """Return the files in the working directory and beside it that are not under `results/`."""
    found = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder / "results")}
    return {path for path in found if path.name != "stderr.txt" and "__pycache__" not in path.parts}


T = TypeVar("T")


def _some(tally: Tally, many: Iterable[T]) -> list[T]:
    """Return as many as asked for, in their order."""
    all_of_them = list(many)
    chosen = sorted(tally.random.sample(range(len(all_of_them)), min(tally.n, len(all_of_them))))
    return [all_of_them[i] for i in chosen]


def _in_pickles_place(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Put the canary in the place of every file that is read."""
    run = next((folder / "results" / "whole" / "runs").iterdir())
    beside = [run / name for name in ("record.json", "checkpoint", "checkpoint.previous", "lock", "log.txt")]
    places = [*beside, run.parents[1] / "plan.json", folder / "mine.txt", folder / "task" / "mine.yaml"]
    for (form, content), place in _some(tally, itertools.product(pickles(), places)):
        is_new = not place.exists()
        if is_new:
            place.write_bytes(b"")
        with replaced(place, content):
            for words in _readers(folder):
                before = _outside(folder)
                _, out, said = said_by(words)
                _judge(tally, folder, f"{form} as {place.name}, {words[0]}", said + out, before)
        if is_new:
            place.unlink()


def _readers(folder: Path) -> list[list[str]]:
    from bench.cli.commands import COMMANDS

    own = [["report", "results/whole", "--json"], [*workplace.single(0, "name=whole"), "dry_run=true"]]
    named = {"status": ["status", "results/whole"], "diff": ["diff", "results/whole", "results/whole"]}
    return own + [words for name, words in named.items() if name in COMMANDS]


def _checkpoints(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Go on from checkpoints whose digest is right and whose content is hostile."""
    words = workplace.single(0, "name=hostile", workplace.UNREPORTED)
    found = interrupted(folder, words, "hostile")
    if found is None:
        tally.count("no checkpoints to attack")
        return
    whole = (found / "checkpoint").read_bytes()
    for name, archive in _some(tally, hostile_archives(whole.partition(b"\n")[2])):
        content = hashlib.sha256(archive).hexdigest().encode() + b"\n" + archive
        for place in ("checkpoint", "checkpoint.previous"):
            (found / place).write_bytes(content)
        (found / "record.json").unlink(missing_ok=True)
        before = _outside(folder)
        end = product.finished(folder, words)
        _judge(tally, folder, f"checkpoint with {name}", end.text, before)
        lines = outcomes.differences(wanted, outcomes.outcomes(folder / "results" / "hostile"))
        is_met = end.status == 0 and not lines
        tally.check(is_met, f"checkpoint with {name}: exit {end.status}: {lines[:1]} {end.text[-300:]!r}")


def _records(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Read records whose digest is right and whose content is hostile, from someone else's directory."""
    run = next((folder / "results" / "whole" / "runs").iterdir())
    whole = json.loads((run / "record.json").read_bytes())
    whole.pop("digest")
    for name, node in _some(tally, hostile_records(whole)):
        text = json.dumps({**node, "digest": digest_of(node)}) if isinstance(node, dict) else json.dumps(node)
        with replaced(run / "record.json", text.encode()):
            for words in [["report", "results/whole"], *_readers(folder)]:
                before = _outside(folder)
                status, out, said = said_by(words)
                _judge(tally, folder, f"record with {name}, {words[0]}", said + out, before)
                tally.check(status in (0, 1, 2), f"record with {name}, {words[0]}: exit {status}")


def _tasks(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Read hostile task and cell files."""
    good = yaml.safe_dump({name: value for name, value in GOOD.items() if name not in ("title", "settings")})
    for place in ("task/evil.yaml", "cell/evil.yaml", "size/evil.yaml"):
        path = folder / place
        path.parent.mkdir(exist_ok=True)
        for name, text in _some(tally, BAD_YAML.items()):
            path.write_text((good if place.startswith("task") else "") + text)
            before = _outside(folder)
            group = place.split("/")[0]
            words = [f"{group}=evil"] if group == "task" else ["task=mine", f"{group}=evil"]
            status, out, said = said_by([*words, "dry_run=true"])
            _judge(tally, folder, f"{name} in {place}", said + out, before)
            tally.check(status == 2 and SECRET not in said + out, f"{name} in {place}: exit {status}: {said[-300:]!r}")
        path.unlink()


def _settings(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Run experiments and tuned settings of a stranger, with and without a sweep, beside files that replace Hydra's."""
    (folder / "canary.pkl").write_bytes(pickle.dumps(Canary()))
    beside = [folder / "strange" / "hydra" / name for name in ("launcher/gatebench.yaml", "callbacks/evil.yaml")]
    places = {"strange/tuned/evil.yaml": "+tuned=evil", "experiments/evil.yaml": "experiments=evil"}
    good = "# @package _global_\nname: fine\n"
    texts = {name: good + text for name, text in BAD_SETTINGS_FILES.items()}
    texts |= {header: f"{header}\nrun: {{dir: ../escaped}}\n" for header in BAD_HEADERS}
    for (name, text), (place, word) in _some(tally, itertools.product(texts.items(), places.items())):
        path = folder / place
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        for words in ([word], ["-m", word], [word, "dry_run=true"]):
            before = _outside(folder)
            status, out, said = said_by(["--config-dir", str(folder / "strange"), *words, "task=mine", "cell=gru"])
            _judge(tally, folder, f"{name} in {place}, {words}", said + out, before)
            tally.check(status == 2 and SECRET not in said + out, f"{name} in {place}: exit {status}: {said[-300:]!r}")
            tally.check(len(said.splitlines()) == 1, f"{name} in {place}: not one message: {said!r}")
        path.unlink()
    for path in beside:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(FIRE)
    before = _outside(folder)
    words = ["--config-dir", str(folder / "strange"), "-m", "task=mine", "cell=gru", "dry_run=true"]
    _, out, said = said_by(words)
    _judge(tally, folder, "files of Hydra's own replaced", said + out, before)
    shutil.rmtree(folder / "strange")


def _names(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Give hostile names to results and tasks."""
    for name in _some(tally, HOSTILE_NAMES):
        quoted = "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
        before = _outside(folder)
        _, out, said = said_by(["task=mine", f"name={quoted}", "dry_run=true"])
        _judge(tally, folder, f"name={name[:20]!r}", said + out, before)
        write_text_task(folder, {**GOOD, "name": "mine", "title": name.replace("\0", "")})
        if "\0" in name:  # which no command line can hold
            continue
        before = _outside(folder)
        named = ("cell=gru", f"task.name={quoted}", "train.max_updates=2", "name=names")
        end = product.finished(folder, workplace.command(*named))
        _judge(tally, folder, f"task named {name[:20]!r}", end.text, before)
        tally.check(end.status in (0, 2), f"task named {name[:20]!r}: exit {end.status}: {end.text[-300:]!r}")
    write_text_task(folder, GOOD)


def _report(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Carry markup from a task file through a Run into every file of the report."""
    write_text_task(folder, {**GOOD, "title": INJECTED, "name": "mine", "licence": INJECTED})
    before = _outside(folder)
    end = product.finished(folder, workplace.single(0, "name=injected"))
    _judge(tally, folder, "a task titled with markup", end.text, before)
    report = folder / "results" / "injected" / "report"
    page = (report / "report.html").read_text(encoding="utf-8")
    tally.check("<script>alert(" not in page, "a script from a title is alive in report.html")
    tally.check("alert(" in page, "the title is not shown in report.html")
    tally.check("\\<script" in (report / "report.md").read_text(encoding="utf-8"), "report.md has live markup")
    for path in report.rglob("*.svg"):
        tally.check("<script>alert(" not in path.read_text(encoding="utf-8"), f"{path.name}: a script is alive")
    write_text_task(folder, GOOD)


def _modules(tally: Tally, folder: Path, wanted: dict[str, str]) -> None:
    """Plant modules in the working directory and start the console script there."""
    script = folder.parent / "bin" / "gatebench"
    script.parent.mkdir()
    script.write_text(SCRIPT.format(root=str(product.ROOT)))
    planted = [folder / f"{name}.py" for name in PLANTED] + [folder / "hydra_plugins" / "evil.py"]
    for path in planted:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(folder / MARK)!r}, 'a').write(__name__ + ' ')\nraise ImportError('planted')\n")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    before = _outside(folder)
    done = subprocess.run(
        [sys.executable, str(script), *workplace.single(0, "name=planted")],
        cwd=folder, env=variables, capture_output=True, text=True,
    )  # fmt: skip
    fired = (folder / MARK).read_text() if (folder / MARK).exists() else ""
    trial = f"planted modules, imported {fired!r}"
    tally.check(done.returncode == 0, f"{trial}: exit {done.returncode}: {done.stderr[-300:]!r}")
    _judge(tally, folder, trial, done.stderr, before)
    for path in planted:
        path.unlink()
    shutil.rmtree(folder / "hydra_plugins")


def _look_for_secrets(tally: Tally, folder: Path) -> None:
    """No value of the environment, no home and no name of the machine is in what was written."""
    names = [os.environ.get("HOME", ""), os.uname().nodename, os.environ.get("USER", "")]
    needles = {SECRET, str(folder), *(name for name in names if len(name) > 7)}
    for path in (folder / "results").rglob("*"):
        if path.is_file() and path.name != "lock":
            content = path.read_bytes()
            found = [needle for needle in needles if needle.encode() in content]
            tally.check(not found, f"{path.relative_to(folder)} holds {found}")
            tally.count("files without secrets")


ATTACKS: dict[str, Callable[[Tally, Path, dict[str, str]], None]] = {
    "pickles": _in_pickles_place,
    "checkpoints": _checkpoints,
    "records": _records,
    "tasks": _tasks,
    "settings": _settings,
    "names": _names,
    "report": _report,
    "modules": _modules,
    "links": lambda tally, folder, wanted: links(tally, folder, _some(tally, places())),
}


if __name__ == "__main__":
    conduct("canaries", __doc__ or "", canaries, n=1000, parts=PARTS)
