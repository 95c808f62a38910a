"""Check the files derived from records against them: the report and tuned settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench import results
from bench.core import disk
from bench.core.errors import DataError
from bench.core.wording import plain, quantity
from bench.report.document import compose
from bench.report.figures.style import Image
from bench.report.formats import write
from bench.report.formats.page import charts, html
from bench.report.inputs import ReportInputs
from bench.report.section import Document
from bench.tuning.export import FOLDER as TUNED
from bench.tuning.export import Winner, tuned_file, winners_of

WRITTEN = (".md", ".csv", ".json", ".tex", ".html")
DRAWN = (".png", ".svg")
BEFORE, SHOWN = 20, 60
"""Characters of a line shown before a difference, and in all."""


@dataclass(frozen=True)
class Compared:
    """Comparison of files of one kind with what the records give: equal, wrong and not compared."""

    n_same: int
    wrong: tuple[str, ...]
    unseen: tuple[str, ...]


def report_compared(directory: Path, material: ReportInputs) -> Compared:
    """Compare the report of a results directory with the one composed from its inputs."""
    folder = directory / write.FOLDER
    if not folder.is_dir():
        return Compared(0, (), ("there is none",))
    document = compose(material)
    wanted, unseen = write.texts(document), list[str]()
    page, images = Path(write.PAGE).name, _images(folder / "figures", document)
    wrong = []
    if images is not None:
        try:
            wanted[page] = html(document, images)
        except DataError as error:
            wrong.append(str(error))
    there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    shown = {name: f"{write.FOLDER}/{name}" for name in wanted}
    wrong += [_difference(there[name], text, shown[name]) for name, text in wanted.items() if name in there]
    unseen += [f"{name}: not there" for name in wanted if name not in there and name not in (page, write.CURVES)]
    others = [name for name, path in there.items() if path.suffix in WRITTEN and name not in wanted]
    unseen += [f"{name}: its figures are not all there" if name == page else f"{name}: not of it" for name in others]
    if drawn := sum(path.suffix in DRAWN for path in there.values()):
        unseen.append(f"{quantity(drawn, 'figure')}: their bytes depend on the version of the library that draws them")
    return Compared(wrong.count(""), tuple(filter(None, wrong)), tuple(unseen))


def tuned_compared(directory: Path, material: ReportInputs) -> Compared:
    """Compare the files of tuned settings with those that the studies give."""
    given: dict[str, list[Winner]] = {}
    winners = winners_of(material.studies, material.records)
    for winner in winners:
        for stem in (winner.name, winner.full_name):
            given.setdefault(stem, []).append(winner)
    there = {path.stem: path for path in sorted((directory / TUNED).glob("*.yaml"))}
    wrong = [_tuned_difference(path, given.get(stem, []), directory) for stem, path in there.items()]
    n_without = sum(not {winner.name, winner.full_name} & there.keys() for winner in winners)
    unseen = (f"{quantity(n_without, 'study', 'studies')} without a file",) if n_without else ()
    return Compared(wrong.count(""), tuple(filter(None, wrong)), unseen)


def _tuned_difference(path: Path, winners: list[Winner], directory: Path) -> str:
    """Return how a file differs from that of the winner that it is named after, "" if it does not."""
    name = f"{TUNED}/{path.name}"
    found = [_difference(path, tuned_file(winner, path.stem, directory), name) for winner in winners]
    return "" if "" in found else found[0] if found else f"{name}: no study of these results gives it"


def _images(folder: Path, document: Document) -> Mapping[str, Image] | None:
    """Return the figures of a report as they are there, None where one of them is missing."""
    try:
        return {
            chart.name: Image(*(disk.bytes_of(folder / f"{chart.name}{kind}") for kind in DRAWN))
            for chart in charts(document)
        }
    except OSError:
        return None


def _difference(path: Path, wanted: str, name: str) -> str:
    """Return where a file differs first from what it should be and how, "" if it does not."""
    try:
        there = results.text_of(path)
    except DataError as error:
        return str(error)
    if there == wanted:
        return ""
    for number, (has, gives) in enumerate(zip_longest(there.split("\n"), wanted.split("\n"), fillvalue=""), 1):
        if has != gives:
            start = max(0, _n_alike(has, gives) - BEFORE)
            shown = [plain(text[start : start + SHOWN]) for text in (has, gives)]
            return f"{name}, line {number}: has `{shown[0]}`, the records give `{shown[1]}`"
    return f"{name}: other empty lines at its end than the records give"


def _n_alike(left: str, right: str) -> int:
    """Return how many characters two texts begin with in common."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
