"""What the authors of some results say about them: `notes.md`, plain paragraphs under headings that start with `##`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.results.files import text_of
from bench.results.paths import NOTES

HEADING = "## "


@dataclass(frozen=True)
class Remark:
    """Some paragraphs under a heading."""

    heading: str
    paragraphs: tuple[str, ...]


def read_remarks(directory: Path) -> tuple[Remark, ...]:
    """Return the remarks in a results directory, none where there is no file. Raises DataError if it cannot be read."""
    try:
        text = text_of(directory / NOTES)
    except FileNotFoundError:
        return ()
    found: list[Remark] = []
    for part in f"\n{text}".split(f"\n{HEADING}"):
        heading, _, rest = part.partition("\n")
        paragraphs = tuple(" ".join(block.split()) for block in rest.split("\n\n") if block.strip())
        if heading.strip() or paragraphs:
            found.append(Remark(heading.strip() or "Notes", paragraphs))
    return tuple(found)
