"""Make every file operation of a Run and of a sweep fail, one at a time, in seven ways; nothing may be swallowed.

An operation is an opening for writing, write, fsync, rename, unlink, mkdir, link or ftruncate under `results/`,
numbered over all processes of the command as they happen (one worker, so that the order repeats). The ways:
kill -9 of the group before it; half of it, then kill; a short write; ENOSPC and EIO, once or from there on. A fault
that the command survives must be repaired (exit 0 and nothing missing) or refused (exit 1 or 2, a path named, no
traceback); after every fault the same command again must end with the bits and the report of an undisturbed start.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.injection import Action, Shim, preloaded
from tests.programs.faults.tally import Tally, conduct

BUDGET = ("train.max_epochs=0", "train.evaluate_every=2")
SCENARIOS = {
    "run": workplace.command(*BUDGET, "train.max_updates=4", "cell=gru", "keep=best"),
    "sweep": [
        "-m",
        *workplace.command(*BUDGET, "train.max_updates=2", "cell=gru,tanh", "seed=0,1", "workers=1"),
        workplace.UNREPORTED,
    ],
}
"""The Run writes its report, and no other file operation of a report is made by that of a sweep."""
WAYS = tuple(action for action in Action if action is not Action.COUNT)
DEADLY = (Action.KILL, Action.TORN)
NAME = "name=faulty"


def files(tally: Tally) -> None:
    """Try every way at every operation of each scenario, or an even choice of so many of them."""
    shim = preloaded()
    try:
        with workplace.workplace(shim.folder) as folder:
            for scenario, words in SCENARIOS.items():
                if tally.wants(scenario):
                    _scenario(tally, shim, folder, scenario, words)
    finally:
        shim.remove()


def _scenario(tally: Tally, shim: Shim, folder: Path, scenario: str, words: Sequence[str]) -> None:
    results = folder / "results" / "faulty"
    cold = product.finished(folder, [*words, f"name=reference-{scenario}"], is_cold=True)
    wanted = outcomes.outcomes(folder / "results" / f"reference-{scenario}")
    tally.check(cold.status == 0 and bool(wanted), f"{scenario}: the reference ends with {cold.status}: {cold.text}")
    shutil.rmtree(results, ignore_errors=True)  # what the scenario before has left
    shim.arm(Action.COUNT)
    product.finished(folder, [*words, NAME])
    shim.disarm()
    operations, report = shim.operations, _report(results)
    tally.count(f"operations of a {scenario}", len(operations))
    points = list(_points(operations))
    for number, way in sorted(tally.random.sample(points, min(tally.n, len(points)))):
        shutil.rmtree(results, ignore_errors=True)
        trial = f"{scenario}, {way.name} at operation {number} ({operations[number - 1]})"
        _trial(tally, shim, folder, trial, [*words, NAME], way, number, wanted, report)


def _points(operations: Sequence[str]) -> Iterator[tuple[int, Action]]:
    """Yield every operation with every way in which it can fail; only writes can be short."""
    for number, operation in enumerate(operations, start=1):
        for way in WAYS:
            if way is not Action.SHORT or "write" in operation.split()[0]:
                yield number, way


def _trial(
    tally: Tally,
    shim: Shim,
    folder: Path,
    trial: str,
    words: Sequence[str],
    way: Action,
    number: int,
    wanted: dict[str, str],
    report: set[str],
) -> None:
    results = folder / "results" / "faulty"
    shim.arm(way, number)
    faulty = product.start(folder, words, is_cold=tally.is_cold)
    faulty.wait()
    tally.check(not (left := product.left_behind()), f"{trial}: still alive after 5 s: {left}")
    has_fired = shim.disarm()
    tally.count("faults" if has_fired else "not reached")
    if way not in DEADLY:
        _judge_survival(tally, trial, faulty, outcomes.differences(wanted, outcomes.outcomes(results)), report, results)
    ends = product.go_on(folder, words, is_cold=tally.is_cold, tries=1)
    said = _telling(ends[-1].text)
    tally.check(ends[-1].status == 0, f"{trial}: afterwards the same command ends with {ends[-1].status}: {said}")
    lines = outcomes.differences(wanted, outcomes.outcomes(results))
    lines += [f"the report lacks {name}" for name in sorted(report - _report(results))]
    if tally.check(not lines, f"{trial}: afterwards {lines[:2]}"):
        tally.count("recovered")
    tally.check(not (left := outcomes.forgotten(results)), f"{trial}: checkpoints of finished Runs stay: {left[:2]}")
    litter = sorted(path.name for path in results.rglob("*") if path.suffix in (".tmp", ".partial"))
    tally.count("with litter", int(bool(litter)))


def _judge_survival(
    tally: Tally, trial: str, faulty: product.Command, lines: list[str], report: set[str], results: Path
) -> None:
    """A command that was not killed has either repaired the fault or refused it by name."""
    text = faulty.text
    tally.check("Traceback" not in text, f"{trial}: a traceback on stderr: {_telling(text)}")
    lines += [f"the report lacks {name}" for name in sorted(report - _report(results))]
    if faulty.status == 0:
        if tally.check(not lines, f"{trial}: swallowed: exit 0, but {lines[:2]}"):
            tally.count("repaired at once")
        return
    is_named = f"results{os.sep}" in text
    is_met = faulty.status in (1, 2) and is_named
    if tally.check(is_met, f"{trial}: exit {faulty.status}, path named: {is_named}: {_telling(text)}"):
        tally.count("refused by name")


def _report(results: Path) -> set[str]:
    """Return the whole files of a report."""
    folder = results / "report"
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.stat().st_size > 0
    }


def _telling(text: str) -> list[str]:
    return [line for line in text.splitlines() if "rror" in line or "failed" in line][-2:]


if __name__ == "__main__":
    conduct("files", __doc__ or "", files, n=1_000_000, parts=tuple(SCENARIOS))
