"""Kill -9 at random moments of a Run, of a sweep and of a tuning; the same command again must end with the same bits.

What is killed is in turn the whole process group, the parent alone, and one random worker. Afterwards: every record
equal to that of an undisturbed cold start, no finished Run trained again, no checkpoint of one, no process left after
five seconds. Sweeps write their report, so that kills meet that too; Runs and tunings do not, and are killed while they
train.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.product import Command
from tests.programs.faults.tally import Tally, conduct

VICTIMS = ("group", "parent", "worker")
SHAPES = tuple(shape for i in range(len(workplace.VARIANTS)) for shape in (("run", i), ("sweep", 0), ("tuning", 0)))
"""One Run with each variant's settings, and as many sweeps and tunings."""


def kills(tally: Tally) -> None:
    """Kill as many commands as asked for, in turn of every shape and by every victim."""
    with workplace.workplace() as folder:
        references = {shape: _reference(folder, shape) for shape in dict.fromkeys(SHAPES[: max(tally.n, 1)])}
        for number in range(tally.n):
            shape = SHAPES[number % len(SHAPES)]
            victim = VICTIMS[(number // len(SHAPES) + number) % len(VICTIMS)]
            _one_kill(tally, folder, number, shape, victim, *references[shape])


def _words(shape: tuple[str, int], name: str) -> list[str]:
    match shape:
        case "sweep", _:
            return workplace.sweep(f"name={name}")
        case "tuning", _:
            return workplace.tuning(f"name={name}", workplace.UNREPORTED)
        case _, variant:
            return workplace.single(variant, f"name={name}", workplace.UNREPORTED)


def _reference(folder: Path, shape: tuple[str, int]) -> tuple[dict[str, str], float]:
    """Return the outcomes of an undisturbed cold start, and the seconds that a warm one takes."""
    name = f"reference-{shape[0]}-{shape[1]}"
    cold = product.finished(folder, _words(shape, name), is_cold=True)
    if cold.status != 0:
        raise SystemExit(f"the reference itself ends with {cold.status}: {cold.text}")
    started = time.monotonic()
    product.finished(folder, _words(shape, f"{name}-timed"))
    return outcomes.outcomes(folder / "results" / name), time.monotonic() - started


def _one_kill(
    tally: Tally, folder: Path, number: int, shape: tuple[str, int], victim: str, wanted: dict[str, str], seconds: float
) -> None:
    name = f"k{number}"
    results = folder / "results" / name
    moment = tally.random.uniform(0, seconds * (4 if tally.is_cold else 1))
    trial = f"kill {number} of the {victim} of a {shape[0]} after {moment:.3f} s"
    command = product.start(folder, _words(shape, name), is_cold=tally.is_cold)
    time.sleep(moment)
    tally.count("kills")
    tally.count(f"of a {victim}", int(_strike(tally, command, victim)))
    command.wait()
    tally.check(not (left := product.left_behind()), f"{trial}: still alive after 5 s: {left}")
    before, n_checkpoints = outcomes.stamps(results), outcomes.checkpoints(results)
    tally.count("resumed from a checkpoint", int(n_checkpoints > 0))
    ends = product.go_on(folder, _words(shape, name), is_cold=tally.is_cold)
    _judge(tally, trial, ends, wanted, results, before)
    shutil.rmtree(results, ignore_errors=True)


def _strike(tally: Tally, command: Command, victim: str) -> bool:
    """Kill; return whether there was anything left to kill."""
    if command.poll():
        return False
    if victim == "group":
        command.kill_group()
    elif victim == "parent" or not (workers := command.workers):
        command.send(signal.SIGKILL)
    else:
        with suppress(ProcessLookupError):
            os.kill(tally.random.choice(workers), signal.SIGKILL)
    return True


def _judge(
    tally: Tally,
    trial: str,
    ends: list[Command],
    wanted: dict[str, str],
    results: Path,
    before: dict[str, tuple[int, int]],
) -> None:
    said = [line for line in ends[-1].text.splitlines() if "rror" in line or "failed" in line]
    tally.check(ends[-1].status == 0, f"{trial}: the same command ends with {[end.status for end in ends]}: {said[:3]}")
    tally.count("starts to the end", len(ends))
    lines = outcomes.differences(wanted, outcomes.outcomes(results))
    tally.count("bit-identical", int(tally.check(not lines, f"{trial}: {lines[:2]}")))
    tally.check(not (left := outcomes.forgotten(results)), f"{trial}: checkpoints of finished Runs stay: {left[:2]}")
    after = outcomes.stamps(results)
    again = [label for label, stamp in before.items() if after.get(label) != stamp]
    tally.check(not again, f"{trial}: finished Runs were written again: {again}")


if __name__ == "__main__":
    conduct("kills", __doc__ or "", kills, n=200)
