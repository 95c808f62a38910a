"""The authors' notes on their results: `notes.md`, plain paragraphs under headings that start with `##`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.results.files import text_of
from bench.results.paths import NOTES

HEADING = "## "


@dataclass(frozen=True)
class AuthorNote:
    """Some paragraphs under a heading."""

    heading: str
    paragraphs: tuple[str, ...]


def read_author_notes(directory: Path) -> tuple[AuthorNote, ...]:
    """Return the authors' notes on some results, none where there is no file. Raises DataError if it cannot be read."""
    try:
        text = text_of(directory / NOTES)
    except FileNotFoundError:
        return ()
    found: list[AuthorNote] = []
    for part in f"\n{text}".split(f"\n{HEADING}"):
        heading, _, rest = part.partition("\n")
        paragraphs = tuple(" ".join(block.split()) for block in rest.split("\n\n") if block.strip())
        if heading.strip() or paragraphs:
            found.append(AuthorNote(heading.strip() or "Notes", paragraphs))
    return tuple(found)
