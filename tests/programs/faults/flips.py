"""Flip, cut and blank bytes of every kind of file that is read; nothing may pass in silence.

Each damage must be named (a message with the file's path or the key), or change nothing: the same outcome, or the
identity of another Run, whose settings are in its own record. Most trials ask the reader in this process; one in
25 goes through a command.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from bench import results
from bench.cells import shipped_cell
from bench.kernels.fused import build
from bench.results.run import RunRecord
from bench.results.study import Asked, StudyRecord
from bench.tasks import cache
from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.damage import damaged, replaced, said_by
from tests.programs.faults.generations import EVERY, Judge, generation
from tests.programs.faults.tally import Tally, conduct

KINDS = (
    *("record", "checkpoint", "checkpoint.previous", "plan", "study", "trial"),
    *("task", "experiment", "data", "cache", "kernel"),
)
WITH = (shipped_cell("gru"), torch.float32)
"""Whose library is damaged."""


def flips(tally: Tally) -> None:
    """Damage a file of each kind as many times as asked for."""
    with workplace.workplace() as folder:
        os.chdir(folder)
        for kind in KINDS:
            if tally.wants(kind):
                _kind(tally, folder, kind)
        os.chdir("/")


def _kind(tally: Tally, folder: Path, kind: str) -> None:
    prepared = PREPARE[kind](tally, folder)
    if prepared is None:
        tally.count(f"{kind}: none to damage")
        return
    path, judge = prepared
    whole = path.read_bytes()
    for number in range(tally.n):
        content, what = damaged(whole, tally.random)
        if content == whole:
            continue
        with replaced(path, content):
            verdict = judge(number, what)
        tally.count(f"{kind} {verdict}" if verdict in ("named", "unchanged") else f"{kind} missed")
        tally.check(verdict in ("named", "unchanged"), f"{kind}, trial {number}, {what}: {verdict}")


def _finished_run(tally: Tally, folder: Path, name: str, *changes: str) -> Path:
    """Make a finished Run and return its directory."""
    end = product.finished(folder, workplace.single(0, f"name={name}", workplace.UNREPORTED, *changes))
    tally.check(end.status == 0, f"the Run to damage ends with {end.status}: {end.text}")
    return next((folder / "results" / name / "runs").iterdir())


def _record(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    path = _finished_run(tally, folder, "record") / "record.json"
    directory, (wanted,) = path.parents[2], results.read(path.parents[2]).records
    reference = outcomes.outcomes(directory)

    def judge(number: int, what: str) -> str:
        if number % EVERY == 0:
            status, _, said = said_by(["report", str(directory)])
            return _named(status, said, "record.json") or f"report: exit {status}: {said[-200:]!r}"
        if number % EVERY == 1:
            end = product.finished(folder, workplace.single(0, "name=record"))
            lines = outcomes.differences(reference, outcomes.outcomes(directory))
            _remove_asides(path)
            return "unchanged" if end.status == 0 and not lines else f"the command: exit {end.status}: {lines[:1]}"
        return _judged(results.read(directory), wanted)

    return path, judge


def _judged(found: results.Results, wanted: RunRecord) -> str:
    if any("record.json" in line for line in found.damaged):
        return "named"
    return "unchanged" if found.records == (wanted,) else f"silent: {found.damaged}"


def _remove_asides(path: Path) -> None:
    """Remove what a repair has set aside beside a file."""
    for aside in path.parent.glob(f"{path.stem}.*"):
        if aside != path:
            aside.unlink()


def _plan(tally: Tally, folder: Path) -> tuple[Path, Judge] | None:
    path = _finished_run(tally, folder, "planned").parents[1] / "plan.json"
    if not path.exists():
        return None
    wanted = said_by(["status", str(path.parent), "--json"])

    def judge(number: int, what: str) -> str:
        status, out, said = said_by(["status", str(path.parent), "--json"])
        if (status, out) == wanted[:2]:
            return "unchanged"
        is_named = "plan.json" in said + out and "Traceback" not in said
        return "named" if is_named else f"exit {status}: {out[-200:]!r} {said!r}"

    return path, judge


def _study(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    """A study of a finished tuning: named, and rebuilt from the records of its Runs."""
    words = workplace.tuning("name=tuned", workplace.UNREPORTED)
    end = product.finished(folder, words)
    tally.check(end.status == 0, f"the tuning to damage ends with {end.status}: {end.text}")
    directory = folder / "results" / "tuned"
    path, wanted, reference = (
        next(directory.glob("studies/*/study.json")),
        _studies(directory),
        outcomes.outcomes(directory),
    )

    def judge(number: int, what: str) -> str:
        if number % EVERY == 0:
            end = product.finished(folder, words)
            lines = outcomes.differences(reference, outcomes.outcomes(directory))
            return "unchanged" if end.status == 0 and not lines else f"the command: exit {end.status}: {lines[:1]}"
        found = results.read_studies(directory)
        if any("study.json" in line for line in found.damaged):
            return "named"
        return "unchanged" if found.records == wanted else f"silent: {found.damaged}"

    return path, judge


def _trial(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    """A trial that a killed tuning has asked for."""
    directory, name = folder / "results" / "tuned-trial", "mine-gru-0"
    (study, *_) = results.read_studies(folder / "results" / "tuned").records or _studies_made(tally, folder)
    *kept, last = study.trials
    results.write_study(directory, name, dataclasses.replace(study, trials=tuple(kept), finished=()))
    path, wanted = results.write_trial(directory, name, Asked(last)), _studies(directory)

    def judge(number: int, what: str) -> str:
        found = results.read_studies(directory)
        if any("trial-" in line for line in found.damaged):
            return "named"
        return "unchanged" if found.records == wanted else f"silent: {found.damaged}"

    return path, judge


def _studies(directory: Path) -> tuple[StudyRecord, ...]:
    return results.read_studies(directory).records


def _studies_made(tally: Tally, folder: Path) -> tuple[StudyRecord, ...]:
    _study(tally, folder)
    return _studies(folder / "results" / "tuned")


def _task(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    return folder / "task" / "mine.yaml", _settings_judge("task/mine.yaml", "task=mine")


def _experiment(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    path = folder / "experiments" / "mine.yaml"
    path.parent.mkdir()
    text = "# @package _global_\n" + yaml.safe_dump({"train": {"max_epochs": 3, "window": 20}, "optim": {"lr": 0.02}})
    path.write_text(text)
    return path, _settings_judge("experiments/mine.yaml", "task=mine", "experiments=mine")


def _settings_judge(file: str, *words: str) -> Judge:
    """Damaged settings are refused by name, or make the plan of a Run with its own identity."""
    wanted = said_by([*words, "dry_run=true"])[2].split()[-1]

    def judge(number: int, what: str) -> str:
        status, _, said = said_by([*words, "dry_run=true"])
        if status == 2 and "Traceback" not in said and len(said.splitlines()) <= 12:
            return "named"
        if status == 0 and said.split()[-1].rpartition("-")[2] != wanted.rpartition("-")[2]:
            return "named"
        return "unchanged" if status == 0 else f"exit {status}: {said[-300:]!r}"

    return judge


def _data(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    """Data changed under a finished Run: refused, or another digest in what is trained on them."""
    _finished_run(tally, folder, "data")

    def judge(number: int, what: str) -> str:
        status, _, said = said_by([*workplace.single(0, "name=data"), "dry_run=true"])
        if status == 2 and "Traceback" not in said:
            return "named"
        return f"silent: exit {status} over other data: {said[-120:]!r}"

    return folder / "mine.txt", judge


def _cache(tally: Tally, folder: Path) -> tuple[Path, Judge]:
    """A kept data file that has changed is not returned."""
    os.environ["GATEBENCH_CACHE"] = str(folder / "cache")
    content = bytes(tally.random.randrange(256) for _ in range(20_000))
    path = cache.keep("rolls", ".npz", content)

    def judge(number: int, what: str) -> str:
        found = cache.kept("rolls", ".npz")
        if found is None:
            return "named"
        return "silent: a damaged file is returned" if found.read_bytes() != content else "unchanged"

    return path, judge


def _kernel(tally: Tally, folder: Path) -> tuple[Path, Judge] | None:
    """A built library that has changed is not loaded; building is done here by copying the whole one."""
    os.environ.pop("GATEBENCH_CACHE", None)
    try:
        built = build.library_path(*WITH)
    except build.BuildError:
        return None
    os.environ["GATEBENCH_CACHE"] = str(folder / "kernel")
    content = built.read_bytes()
    (folder / "kernel").mkdir()
    shutil.copytree(built.parent, folder / "kernel" / "kernels")

    def rebuilt(compiler: str, cache: Path, stem: str, *_: object) -> Path:
        (cache / built.name).write_bytes(content)
        return cache / built.name

    assert callable(build._library)  # what is replaced is what builds
    build._library = rebuilt

    def judge(number: int, what: str) -> str:
        found = build.library_path(*WITH)
        return "named" if found.read_bytes() == content else "silent: a damaged library is loaded"

    return build.library_path(*WITH), judge


PREPARE: dict[str, Callable[[Tally, Path], tuple[Path, Judge] | None]] = {
    "record": _record,
    "checkpoint": lambda tally, folder: generation(folder, "checkpoint"),
    "checkpoint.previous": lambda tally, folder: generation(folder, "checkpoint.previous"),
    "plan": _plan,
    "study": _study,
    "trial": _trial,
    "task": _task,
    "experiment": _experiment,
    "data": _data,
    "cache": _cache,
    "kernel": _kernel,
}


def _named(status: int, said: str, name: str) -> str:
    return "named" if status in (1, 2) and name in said and "Traceback" not in said else ""


if __name__ == "__main__":
    conduct("flips", __doc__ or "", flips, n=500, parts=KINDS)
