"""Links in a results directory: to a file or a folder of the user's, in the place of every part there is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs.faults import product, workplace
from tests.programs.faults.damage import said_by
from tests.programs.faults.tally import Tally

PRIVATE = "canary-91be04-of-another-folder"

FILES = (
    *("plan.json", "notes.md", "archive.zip", "probes/a.json", "sizes/a.json", "tuned/a.yaml", "a-file-of-nobody"),
    *("studies/S/study.json", "studies/S/lock", "studies/S/trial-000000.json"),
    *("RUN/record.json", "RUN/lock", "RUN/log.txt", "RUN/checkpoint", "RUN/checkpoint.previous", "RUN/losses.json"),
    *("RUN/given-up", "RUN/.record.json.1.tmp", "report/report.html", "report/SHA256SUMS", "report/summary.csv"),
    *("report/figures/mine.png", "report/latex/summary.tex"),
)
FOLDERS = (
    *("RUN", "runs", "studies", "studies/S", "probes", "sizes", "tuned", "slurm"),
    *("report", "report/figures", "report/latex"),
)


def links(tally: Tally, folder: Path, chosen: list[tuple[str, bool]]) -> None:
    """Put a link in each of some places, give every command, and see that it is refused and leads nowhere."""
    results = folder / "results" / "whole"
    run = next((results / "runs").iterdir()).relative_to(results)
    bait = folder.parent / "pictures"
    bait.mkdir(exist_ok=True)
    for name in ("mine.png", "mine.svg", "record.json", "lock", "notes.md"):
        (bait / name).write_text(PRIVATE)
    for name, is_folder in chosen:
        place = results / name.replace("RUN", str(run))
        with _linked(place, bait if is_folder else bait / "notes.md"):
            for words in _commands():
                before = _contents(results), _contents(bait)
                status, said = _ended(folder, words)
                trial = f"a link in the place of {name}, {words[0]}"
                tally.count("links")
                tally.check("Traceback" not in said, f"{trial}: a traceback: {said[-300:]!r}")
                tally.check(status == 2 and "is a link" in said, f"{trial}: exit {status}: {said[-300:]!r}")
                tally.check(PRIVATE not in said, f"{trial}: what it leads to is told")
                tally.check(before == (_contents(results), _contents(bait)), f"{trial}: something was changed")


def places() -> list[tuple[str, bool]]:
    """Return every place of a link, and whether it is one to a folder."""
    return [*((name, False) for name in FILES), *((name, True) for name in FOLDERS)]


def _commands() -> list[list[str]]:
    read = ("report", "status", "archive", "verify", "probe")
    return [*([word, "results/whole"] for word in read), ["diff", "results/whole", "results/whole"], _again()]


def _again() -> list[str]:
    return workplace.single(0, "name=whole")


def _ended(folder: Path, words: list[str]) -> tuple[int, str]:
    """Give a command, one that trains in a process of its own; return its exit status and all that it said."""
    if words == _again():
        end = product.finished(folder, words)
        return end.status, end.text
    status, out, said = said_by(words)
    return status, said + out


@contextmanager
def _linked(place: Path, target: Path) -> Iterator[None]:
    """Put a link in a place for a while; what was there is put back, and folders made for it are removed."""
    made = [each for each in place.parents if not each.exists()]
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp()) / place.name
    if place.exists():
        place.rename(aside)
    place.symlink_to(target)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(place)
        aside.parent.rmdir()
        for each in made:
            each.rmdir()


def _contents(folder: Path) -> dict[str, bytes | str]:
    """Return what is in a folder: the bytes of files, where links lead, nothing of folders."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[str(path)] = path.read_bytes() if plain else str(path.is_symlink() and path.readlink())
    return found
