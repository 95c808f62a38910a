"""SIGTERM, SIGINT, SIGUSR2 and SIGHUP to a Run and to a sweep at random moments, from the first line of code on.

Each signal goes to the process that the user started. It must end within five seconds, more where other programs have
the processor, with the status of its signal, leave no process, say how to go on, and the same command again must end
with the bits of an undisturbed start. A second SIGINT ends at once; what it interrupts is lost back to the last
checkpoint and no further. Sweeps write their report.
"""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

from tests.programs.faults import outcomes, processes, product, workplace
from tests.programs.faults.product import Command
from tests.programs.faults.tally import Tally, conduct

STATUSES = {
    signal.SIGTERM: {143},
    signal.SIGUSR2: {143},
    signal.SIGINT: {130},
    signal.SIGHUP: {129, 143},
}
"""What a shell may show after each signal; SIGHUP may count as any other request to stop."""

BAR_SECONDS = 5.0
SECOND_BAR_SECONDS = 1.0
SHAPES = ("run", "sweep")
KINDS = (*STATUSES, "second SIGINT")


def signals(tally: Tally) -> None:
    """Send as many signals as asked for, in turn of every kind and to every shape of command."""
    with workplace.workplace() as folder:
        references = {shape: _reference(folder, shape) for shape in SHAPES}
        for number in range(tally.n):
            kind = KINDS[number % len(KINDS)]
            shape = SHAPES[(number + number // len(KINDS)) % len(SHAPES)]
            _one_signal(tally, folder, number, shape, kind, *references[shape])


def _words(shape: str, name: str) -> list[str]:
    make = workplace.sweep if shape == "sweep" else lambda *changes: workplace.single(0, *changes, workplace.UNREPORTED)
    return make(f"name={name}")


def _reference(folder: Path, shape: str) -> tuple[dict[str, str], float]:
    """Return the outcomes of an undisturbed cold start and the seconds that a warm one takes."""
    product.finished(folder, _words(shape, f"reference-{shape}"), is_cold=True)
    started = time.monotonic()
    product.finished(folder, _words(shape, f"timed-{shape}"))
    return outcomes.outcomes(folder / "results" / f"reference-{shape}"), time.monotonic() - started


def _one_signal(
    tally: Tally,
    folder: Path,
    number: int,
    shape: str,
    kind: signal.Signals | str,
    wanted: dict[str, str],
    seconds: float,
) -> None:
    results = folder / "results" / f"s{number}"
    words = _words(shape, results.name)
    moment = tally.random.uniform(0, seconds * (4 if tally.is_cold else 1))
    trial = f"signal {number}: {getattr(kind, 'name', kind)} to a {shape} after {moment:.3f} s"
    command = product.start(folder, words, is_cold=tally.is_cold)
    time.sleep(moment)
    if command.poll():
        tally.count("too late")
    else:
        _send_and_judge(tally, trial, command, kind)
    left = product.left_behind()
    tally.check(not left, f"{trial}: still alive after 5 s: {left}")
    tally.count("with a checkpoint", int(outcomes.checkpoints(results) > 0))
    before = outcomes.stamps(results)
    ends = product.go_on(folder, words, is_cold=tally.is_cold, tries=1)
    tally.check(ends[-1].status == 0, f"{trial}: the same command then ends with {ends[-1].status}: {ends[-1].text}")
    lines = outcomes.differences(wanted, outcomes.outcomes(results))
    if tally.check(not lines, f"{trial}: {lines[:2]}"):
        tally.count("bit-identical")
    after = outcomes.stamps(results)
    tally.check(all(after[label] == stamp for label, stamp in before.items()), f"{trial}: finished Runs written again")
    shutil.rmtree(results, ignore_errors=True)


def _send_and_judge(tally: Tally, trial: str, command: Command, kind: signal.Signals | str) -> None:
    number = kind if isinstance(kind, signal.Signals) else signal.SIGINT
    sent = time.monotonic()
    command.send(number)
    bar = BAR_SECONDS
    if number is not kind:
        time.sleep(0.05)
        command.send(number)
        sent, bar = time.monotonic(), SECOND_BAR_SECONDS
    status = command.wait()
    seconds = time.monotonic() - sent
    name = getattr(kind, "name", str(kind))
    tally.greatest(f"longest after {name}", seconds)
    tally.count("signals")
    tally.check(seconds <= bar or seconds <= bar * processes.slowed(), f"{trial}: took {seconds:.1f} s to end")
    if status == 0:
        tally.count("ended well before it took effect")
        return
    shown, legal, text = 128 - status if status < 0 else status, STATUSES[number], command.text
    tally.check(shown in legal, f"{trial}: ended with {shown}, must be {sorted(legal)}: {text[-300:]!r}")
    tally.check("Traceback" not in text, f"{trial}: a traceback on stderr: {text[-300:]!r}")
    if number is kind and "results/" in text:
        tally.check("same command" in text, f"{trial}: does not say how to go on: {text[-200:]!r}")


if __name__ == "__main__":
    conduct("signals", __doc__ or "", signals, n=200)
