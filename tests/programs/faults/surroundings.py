"""The same small sweep in odd surroundings: clocks, locales, paths, flags, streams, limits; always the same bits.

Every case is a cold start of `python -m bench`. It must end with the outcomes of the reference; where it is written
below that nothing can be written, a refusal without a traceback will do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.test_config import GOOD
from tests.programs.faults import outcomes, processes, product, workplace
from tests.programs.faults.injection import Shim, built
from tests.programs.faults.tally import Tally, conduct
from tests.toys import write_text_task

HOUR = 3600
YEAR = 365 * 24 * HOUR
TITLE = "Mine, größer als 音楽 ☃"
SEEN_SECONDS = 4.0
"""After so many seconds a cold start is in the middle of its sweep."""


@dataclass(frozen=True)
class Case:
    """What is odd about the surroundings of one start; `python` and `shell` come before the words of the command."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    python: Sequence[str] = ()
    shell: str = 'exec "$@"'
    folder: str = "plain"
    changes: Sequence[str] = ()
    clock: int = 0
    is_late: bool = False
    may_fail: bool = False
    may_refuse: bool = False


NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
DEEP = "/".join(["d" * 60] * 20)

CASES = (
    Case("clock an hour on in the middle", clock=HOUR, is_late=True),
    Case("clock an hour back in the middle", clock=-HOUR, is_late=True),
    Case("clock at 1971", clock=-55 * YEAR),
    Case("clock at 2080", clock=54 * YEAR),
    Case("locale C", {"LC_ALL": "C"}),
    Case("locale C without UTF-8", NO_UTF8),
    Case("locale POSIX", {"LC_ALL": "POSIX", "LANG": ""}),
    Case("Turkish locale", {"LC_ALL": "tr_TR.UTF-8"}),
    Case("unknown locale", {"LC_ALL": "xx_YY.ISO-8859-1"}),
    Case("UTF-8 mode off", {"PYTHONUTF8": "0"}),
    Case("streams in Latin-1", {"PYTHONIOENCODING": "latin-1"}),
    Case("time zone far ahead", {"TZ": "Pacific/Kiritimati"}),
    Case("time zone of half hours", {"TZ": "America/St_Johns"}),
    Case("time zone that is none", {"TZ": "Nowhere/Never"}),
    Case("path with spaces", folder="two words here"),
    Case("path in other scripts", folder="größe 音楽 ☃"),
    Case("path with a newline", folder="new\nline"),
    Case("path with marks of the shell", folder="a'b\"c$d;e&f|g"),
    Case("path with marks of a glob", folder="[a]*?{b}"),
    Case("path with marks of an override", folder="a=b,c~d+e${f}"),
    Case("path of 1200 letters", folder=DEEP),
    Case("path that is not UTF-8", folder=os.fsdecode(b"bytes-\xff\xfe")),
    Case("-O", python=["-O"]),
    Case("-OO", python=["-OO"]),
    Case("-I is not wanted, -P is", python=["-P"]),
    Case("hash seed 1", {"PYTHONHASHSEED": "1"}),
    Case("no bytecode", {"PYTHONDONTWRITEBYTECODE": "1"}),
    Case("stdin closed", shell='exec "$@" <&-'),
    Case("stdout closed", shell='exec "$@" >&-', may_fail=True),
    Case("stderr closed", shell='exec "$@" 2>&-'),
    Case("all three closed", shell='exec "$@" <&- >&- 2>&-', may_fail=True),
    Case("stdout full", shell='exec "$@" >/dev/full', may_fail=True),
    Case("stderr full", shell='exec "$@" 2>/dev/full', may_fail=True),
    Case("stdout into a pipe that nobody reads", shell='"$@" | true'),
    Case("home that cannot be written", {"HOME": "/proc/none", "XDG_CACHE_HOME": "", "GATEBENCH_CACHE": ""}),
    Case("no home", {"HOME": "", "XDG_CACHE_HOME": "", "GATEBENCH_CACHE": ""}),
    Case("no network", shell='exec unshare -rn "$@"'),
    Case("64 file descriptors", shell='ulimit -n 64; exec "$@"'),
    Case("umask 077", shell='umask 077; exec "$@"'),
    Case("umask 000", shell='umask 000; exec "$@"'),
    Case("lowest priority", shell='exec nice -n 19 "$@"'),
    Case("many threads asked for", {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}),
    Case("no threads asked for", {"OMP_NUM_THREADS": "", "MKL_NUM_THREADS": ""}),
    Case("a narrow terminal", {"COLUMNS": "10", "LINES": "2", "TERM": "dumb"}),
    Case("no folder for temporary files", {"TMPDIR": "/proc/none"}),
    Case("two workers", changes=["workers=2"]),
    Case("results that cannot be written", folder="refused", may_refuse=True),
)


def surroundings(tally: Tally) -> None:
    """Start the sweep in as many of the surroundings as asked for, evenly chosen."""
    shim = built()
    try:
        write_text_task(shim.folder, {**GOOD, "title": TITLE})
        wanted = _reference(tally, shim.folder)
        step = max(len(CASES) // tally.n, 1)
        for case in CASES[tally.random.randrange(step) :: step][: tally.n]:
            _one_case(tally, shim, case, wanted)
    finally:
        shim.remove()


def _words(*changes: str) -> list[str]:
    limit = ["limits.seconds=600"] if "limits" in workplace.config_text() else []
    budget = ("train.max_epochs=0", "train.max_updates=150", "train.evaluate_every=30")
    noise = ("train.dropout=0.2", "num_layers=2")
    return ["-m", *workplace.command(*budget, *noise, "cell=gru,tanh", "workers=1", "name=here", *limit, *changes)]


def _reference(tally: Tally, folder: Path) -> dict[str, str]:
    end = product.finished(folder, _words(), is_cold=True)
    found = outcomes.outcomes(folder / "results" / "here")
    tally.check(end.status == 0 and len(found) == 2, f"the reference ends with {end.status}: {end.text}")
    shutil.rmtree(folder / "results")
    return found


def _one_case(tally: Tally, shim: Shim, case: Case, wanted: dict[str, str]) -> None:
    folder = shim.folder if case.folder == "plain" else shim.folder / case.folder
    if folder != shim.folder:
        write_text_task(folder, {**GOOD, "title": TITLE})
    if case.may_refuse:
        (folder / "results").write_text("in the way")
    status, said = _started(shim, case, folder)
    shim.jump(0)
    tally.count("cases")
    trial = f"{case.name}: exit {status}"
    left = processes.orphans(5)
    tally.check(not left, f"{trial}: still alive after 5 s: {left}")
    tally.check("Traceback" not in said, f"{trial}: a traceback: {said[-400:]!r}")
    if case.may_refuse:
        tally.count("refused")
        tally.check(status in (1, 2) and "results" in said, f"{trial}, must be refused by name: {said[-300:]!r}")
        return
    tally.check(status == 0 or case.may_fail, f"{trial}: {said[-400:]!r}")
    lines = outcomes.differences(wanted, outcomes.outcomes(folder / "results" / "here"))
    if tally.check(not lines, f"{trial}: {lines[:2]} {said[-200:]!r}"):
        tally.count("the same bits")
    shutil.rmtree(folder / "results", ignore_errors=True)


def _started(shim: Shim, case: Case, folder: Path) -> tuple[int, str]:
    """Start the sweep as the case says and return its status and all that it said."""
    variables = {**os.environ, "PYTHONPATH": str(product.ROOT), "PYTHONWARNINGS": "ignore", **case.variables}
    kept = {name: value for name, value in variables.items() if value}
    if case.clock:
        kept |= shim.variables
        threading.Timer(SEEN_SECONDS if case.is_late else 0, shim.jump, [case.clock]).start()
    line = [sys.executable, *case.python, "-m", "bench", *_words(*case.changes)]
    done = subprocess.run(
        ["sh", "-c", case.shell, "sh", *line], cwd=folder, env=kept, capture_output=True, stdin=subprocess.DEVNULL
    )
    return done.returncode, (done.stderr + done.stdout).decode(errors="replace")


if __name__ == "__main__":
    conduct("surroundings", __doc__ or "", surroundings, n=len(CASES))
