"""MIDI files of piano rolls, read back by music21."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from bench.core.errors import UsageError
from bench.tasks.midi import TICKS, midi_of
from bench.tasks.rolls import KEYS, LOWEST
from tests.toys import rolls


def roll_in(content: bytes) -> np.ndarray:
    """Return the roll that a MIDI file holds, step by step."""
    from music21 import midi

    file = midi.MidiFile()
    file.readstr(content)
    assert file.ticksPerQuarterNote == TICKS
    (track,) = file.tracks
    time, sounding, frames = 0, np.zeros(KEYS, np.uint8), []
    for event in track.events:
        if event.type == "DeltaTime":
            frames += [sounding.copy()] * (event.time // TICKS)
            time += event.time
        elif event.isNoteOn() or event.isNoteOff():
            sounding[event.pitch - LOWEST] = event.isNoteOn()
    assert time == len(frames) * TICKS
    assert not sounding.any()
    return np.array(frames)


@pytest.mark.parametrize("seed", range(3))
def test_a_roll_is_what_its_file_says_and_back(seed):
    for frames in rolls(4, seed=seed).frames:
        roll = frames.numpy()
        assert (roll_in(midi_of(roll)) == roll).all()
        assert midi_of(roll) == midi_of(roll)


def test_lowest_and_highest_key_and_silence_at_either_end_are_there():
    roll = np.zeros((5, KEYS), np.uint8)
    roll[1:3, 0] = roll[2, -1] = 1
    assert (roll_in(midi_of(roll)) == roll).all()


def test_without_music21_it_says_what_is_missing(monkeypatch):
    whole = builtins.__import__

    def missing(name, *arguments):
        if name == "music21":
            raise ImportError(name)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UsageError, match="music21, which is not installed"):
        midi_of(np.zeros((1, KEYS), np.uint8))
