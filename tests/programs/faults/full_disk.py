"""Fill the disk during a sweep; the message names the path, and with room again the same command completes.

The results lie on a small tmpfs, filled to within a random number of pages before the sweep or while it runs. Where
mounting is not allowed, the shim refuses every write from a random operation on instead, and the summary says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs.faults import outcomes, product, workplace
from tests.programs.faults.injection import Action, preloaded
from tests.programs.faults.tally import Tally, conduct

PAGE = 4096
TOTAL = 8 << 20
N_OPERATIONS = 120
"""About as many as a sweep of four Runs takes."""


def full_disk(tally: Tally) -> None:
    """Fill the disk as many times as asked for."""
    with workplace.workplace() as folder:
        words = workplace.sweep("name=full")
        product.finished(folder, [*words, "name=reference"], is_cold=True)
        wanted = outcomes.outcomes(folder / "results" / "reference")
        shutil.rmtree(folder / "results")
        (folder / "results").mkdir()
        for number in range(tally.n):
            with _disk(folder / "results") as fill:
                _one_filling(tally, folder, words, number, wanted, fill)


def _one_filling(
    tally: Tally, folder: Path, words: list[str], number: int, wanted: dict[str, str], fill: Callable[[int], None]
) -> None:
    n_pages, is_late = tally.random.randrange(1, 200), number % 2 == 1
    trial = f"filling {number}: {n_pages} pages left {'while it runs' if is_late else 'from the start'}"
    if not is_late:
        fill(n_pages * PAGE)
    command = product.start(folder, words, is_cold=tally.is_cold)
    if is_late:
        time.sleep(tally.random.uniform(0, 2))
        fill(0)
    status, text = command.wait(), command.text
    tally.count("fillings")
    tally.check(not (left := product.left_behind()), f"{trial}: still alive after 5 s: {left}")
    tally.check("Traceback" not in text, f"{trial}: a traceback on stderr: {text[-200:]!r}")
    if status == 0:
        tally.count("had room enough")
    else:
        is_named = "results/full" in text and "No space left" in text
        tally.count("refused")
        tally.check(status == 1 and is_named, f"{trial}: exit {status}, named: {is_named}: {text[-300:]!r}")
    (folder / "results" / "ballast").unlink(missing_ok=True)
    again = product.go_on(folder, words, is_cold=tally.is_cold, tries=1)[-1]
    tally.check(again.status == 0, f"{trial}: with room again exit {again.status}: {again.text[-300:]!r}")
    lines = outcomes.differences(wanted, outcomes.outcomes(folder / "results" / "full"))
    if tally.check(not lines, f"{trial}: with room again {lines[:2]}"):
        tally.count("completed with room again")


@contextmanager
def _disk(folder: Path) -> Iterator[Callable[[int], None]]:
    """Mount a small disk and give a function that leaves so many bytes free on it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TOTAL}", "tmpfs", str(folder)], check=True)

    def fill(left: int) -> None:
        with (folder / "ballast").open("wb") as file:
            room = os.statvfs(folder)
            os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_bsize - left, 1))

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def refused_writes(tally: Tally) -> None:
    """Do the same with the shim, which refuses every write from a random operation on."""
    shim = preloaded()
    try:
        with workplace.workplace(shim.folder) as folder:
            words = workplace.sweep("name=full")
            product.finished(folder, [*words, "name=reference"], is_cold=True)
            wanted = outcomes.outcomes(folder / "results" / "reference")
            for number in range(tally.n):
                shutil.rmtree(folder / "results" / "full", ignore_errors=True)

                def fill(left: int) -> None:
                    shim.arm(Action.NO_SPACE_ON, 1 + left // PAGE % N_OPERATIONS)

                _one_filling(tally, folder, words, number, wanted, fill)
                shim.disarm()
    finally:
        shim.remove()


def may_mount() -> bool:
    """Return whether this user may mount a tmpfs here."""
    probe = Path(os.environ.get("TMPDIR", "/tmp")) / f"probe-{os.getpid()}"
    probe.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(probe)], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", str(probe)], check=True)
        return done.returncode == 0
    except FileNotFoundError:
        return False
    finally:
        probe.rmdir()


def disk(tally: Tally) -> None:
    """Fill a real small disk where that is allowed, and refuse writes where not."""
    if "FAULT_CONTROL" not in os.environ and may_mount():
        full_disk(tally)
    else:
        tally.count("by refused writes, mounting is not allowed")
        refused_writes(tally)


if __name__ == "__main__":
    conduct("full_disk", __doc__ or "", disk, n=50)
