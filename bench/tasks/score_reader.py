"""Read four-part scores with music21, as a program of its own: `python score_reader.py SCORE...` prints JSON.

It imports nothing of ours, so that several can run at once whatever program asked for them, and it uses the
entry of music21's parser that neither reads nor writes a pickle.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

N_PARTS = 4


def read_score(path: str) -> list[list[int]] | None:
    """Return the MIDI pitches that sound at each quarter note; None for a score of another number of parts."""
    from music21.converter import Converter

    converter = Converter()
    converter.parseFileNoPickle(path, format="musicxml")
    score: Any = converter.stream  # a Score, for all the parser promises less
    parts = score.parts
    if len(parts) != N_PARTS:
        return None
    return sounding(note for part in parts for note in part.flatten().notes)


def sounding(notes: Iterable[Any]) -> list[list[int]]:
    """Return the sorted pitches that sound at each quarter, until the last note ends; grace notes have no length."""
    spans = [(_next_quarter(note.offset), _next_quarter(note.offset + note.quarterLength), note) for note in notes]
    steps: list[set[int]] = [set() for _ in range(max(end for _, end, _ in spans))]
    for start, end, note in spans:
        for t in range(start, end):
            steps[t].update(pitch.midi for pitch in note.pitches)
    return [sorted(step) for step in steps]


def _next_quarter(offset: Any) -> int:
    """Return the first quarter that is not before an offset, which triplets leave inexact."""
    return math.ceil(round(float(offset), 6))


if __name__ == "__main__":
    json.dump([read_score(path) for path in sys.argv[1:]], sys.stdout)
