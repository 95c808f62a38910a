"""Piano rolls as MIDI files, by music21: a step is a quarter note, and a key that goes on sounding is held."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from bench.core.errors import UsageError
from bench.tasks.rolls import LOWEST, Roll

TICKS = 480
"""Ticks of a quarter note, of which a player makes half a second unless told otherwise."""

VELOCITY = 80


def midi_of(roll: Roll) -> bytes:
    """Return a roll (T, 88) as the content of a MIDI file. Raises UsageError where music21 is not installed."""
    try:
        from music21 import midi
    except ImportError as error:
        raise UsageError("MIDI files are written by music21, which is not installed; pip install music21") from error

    file, track = midi.MidiFile(), midi.MidiTrack(0)
    file.ticksPerQuarterNote = TICKS
    file.tracks = [track]
    before = 0
    for step, key, is_on in _changes(roll):
        event = midi.MidiEvent(
            track, type=midi.ChannelVoiceMessages.NOTE_ON if is_on else midi.ChannelVoiceMessages.NOTE_OFF
        )
        event.pitch, event.velocity = LOWEST + key, VELOCITY if is_on else 0
        track.events += [midi.DeltaTime(track, (step - before) * TICKS), event]
        before = step
    end: Any = midi.MidiEvent(track, type=midi.MetaEvents.END_OF_TRACK)
    end.data = b""
    track.events += [midi.DeltaTime(track, (len(roll) - before) * TICKS), end]
    return bytes(file.writestr())


def _changes(roll: Roll) -> Iterator[tuple[int, int, bool]]:
    """Yield the step, the key and whether it begins to sound or ends, ends first; all have ended after the last."""
    silence = np.zeros((1, roll.shape[1]), dtype=bool)
    frames = np.concatenate([silence, roll.astype(bool), silence])
    for step, (last, now) in enumerate(pairwise(frames)):
        for is_on in (False, True):
            changed = now & ~last if is_on else last & ~now
            yield from ((step, int(key), is_on) for key in np.flatnonzero(changed))
