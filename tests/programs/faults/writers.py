"""Many processes and one results directory: distinct Runs all arrive whole, and equal ones are trained once.

Eight commands of 100 Runs each are started at once with one name: 800 of 800 whole records. Then the same single Run,
and the same sweep of four, are started eight times at once: each record is written once, and every other command finds
it finished or says who works on it and waits; all end with exit 0.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.injection import Action, Shim, preloaded
from tests.programs.faults.tally import Tally, conduct

PROCESSES = 8
TINY = ("cell=tanh", "train.max_epochs=0", "train.max_updates=2", "train.score_train=false")
PARTS = ("distinct", "same")
SHAPES = {"run": (lambda name: workplace.single(0, name), 1), "sweep": (lambda name: workplace.sweep(name), 4)}
WAITING = re.compile(r"waiting for \d runs? of other processes: process \d+")


def writers(tally: Tally) -> None:
    """Let eight commands write at once: so many distinct Runs each, then a fifth as many times equal ones."""
    shim = preloaded()
    try:
        with workplace.workplace(shim.folder) as folder:
            if tally.wants("distinct"):
                _distinct(tally, folder)
            if tally.wants("same"):
                for number in range(max(tally.n // 5, len(SHAPES))):
                    _same(tally, shim, folder, number)
    finally:
        shim.remove()


def _started(folder: Path, words: list[list[str]], *, is_cold: bool) -> list[product.Command]:
    """Start all commands at once, each with a file of its own for what it says, and wait for all."""
    commands = []
    for number, line in enumerate(words):
        said = folder / f"stderr-{number}.txt"
        commands.append(product.start(folder, line, is_cold=is_cold, said=said))
    for command in commands:
        command.wait(600)
    return commands


def _distinct(tally: Tally, folder: Path) -> None:
    ranges = [f"seed=range({tally.n * i},{tally.n * (i + 1)})" for i in range(PROCESSES)]
    words = (*TINY, "workers=1", "name=shared", workplace.UNREPORTED)
    lines = [["-m", *workplace.command(*words, seeds, often=False)] for seeds in ranges]
    commands = _started(folder, lines, is_cold=tally.is_cold)
    for number, command in enumerate(commands):
        tally.check(command.status == 0, f"writer {number} ends with {command.status}: {command.text[-400:]!r}")
    whole = outcomes.stamps(folder / "results" / "shared")
    wanted = PROCESSES * tally.n
    tally.count("whole", len(whole))
    tally.count("wanted", wanted)
    tally.check(len(whole) == wanted, f"{len(whole)} of {wanted} records are whole")
    report = product.finished(folder, ["report", "results/shared"])
    tally.check(report.status == 0, f"the report of all ends with {report.status}: {report.text[-400:]!r}")
    tally.check(not (left := product.left_behind()), f"still alive after 5 s: {left}")


def _same(tally: Tally, shim: Shim, folder: Path, number: int) -> None:
    make, n_runs = list(SHAPES.values())[number % len(SHAPES)]
    words = make(f"name=same{number}")
    shim.arm(Action.COUNT)
    commands = _started(folder, [words] * PROCESSES, is_cold=tally.is_cold)
    shim.disarm()
    written = [line for line in shim.operations if line.startswith("rename") and line.endswith("/record.json")]
    tally.count("equal commands at once")
    tally.check(len(written) == n_runs, f"round {number}: the record was written {len(written)} times: {written}")
    for command in commands:
        tally.check(command.status == 0, f"round {number}: exit {command.status}: {command.text[-300:]!r}")
        tally.check("Traceback" not in command.text, f"round {number}: a traceback: {command.text[-600:]!r}")
    tally.count("waited", sum(bool(WAITING.search(command.text)) for command in commands))
    files = sorted(path.name for path in (folder / "results" / f"same{number}").glob("runs/*/*"))
    tally.check("record.1.json" not in files, f"round {number}: a record was set aside: {files}")
    shutil.rmtree(folder / "results" / f"same{number}")


if __name__ == "__main__":
    conduct("writers", __doc__ or "", writers, n=100, parts=PARTS)
