"""Samples of music: drawn from what the model predicts, the same for the same seed."""

from __future__ import annotations

import argparse
import math

import pytest
import torch

from bench import results
from bench.cli.commands import sample as command
from bench.core.errors import DataError, UsageError
from bench.tasks import opened
from bench.tasks.vocabulary import EOS, UNKNOWN, opening, spelt
from bench.training.sample import continuation
from tests.sweep.test_probe import ToyTasks
from tests.sweep.test_weights import MUSIC, TEXT, train
from tests.tasks.test_midi import roll_in
from tests.toys import music_task, text_spec


def given(path, **changes):
    fields = {"n": 6, "seed": 0, "temperature": 1.0, "prime": None, "data_dir": None}
    return argparse.Namespace(run=path, **{**fields, **changes})


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The folder of a Run of music, its weights kept."""
    monkeypatch.setattr(opened, "Tasks", ToyTasks)
    train(tmp_path, [MUSIC])
    return results.folder_of(tmp_path, MUSIC)


def written(path, capsys, **changes):
    assert command.run(given(path, **changes)) == 0
    file = path.parents[1] / "samples" / f"{MUSIC.label}-{changes.get('seed', 0)}.mid"
    assert capsys.readouterr().out == f"{file}\n"
    return file.read_bytes()


def test_music_is_written_as_midi_the_same_for_the_same_seed(path, capsys):
    first, again, other = (written(path, capsys, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert roll_in(first).shape == (6, 88)


def test_where_the_first_frame_is_given_a_piece_begins_with_one_that_was_trained_on(path, capsys, monkeypatch):
    task = music_task(first_step="given")
    monkeypatch.setattr(ToyTasks, "task", lambda tasks, node: task)
    roll = roll_in(written(path, capsys))
    assert roll.shape == (7, 88)
    assert any((roll[0] == frames[0].numpy()).all() for frames in task.train.frames)


def test_a_piece_of_music_begins_with_no_text(path):
    with pytest.raises(UsageError, match=r"--prime: is the beginning of a text, and run .* is one of music"):
        command.run(given(path, prime="do re mi"))


def test_a_text_begins_with_what_a_closed_vocabulary_has(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(opened, "Tasks", ToyTasks)
    train(tmp_path, [TEXT])
    path = results.folder_of(tmp_path, TEXT)
    assert command.run(given(path, prime="box")) == 0
    assert capsys.readouterr().out.startswith("box")
    with pytest.raises(DataError, match="bad data in --prime: token 'é' does not occur in the training split"):
        command.run(given(path, prime="été"))


class Fixed(torch.nn.Module):
    """Predicts the same whatever it has read."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, inputs, state):
        return self.logits.expand(1, inputs.shape[1], -1), state


def drawn(head, logits, first, n, temperature=1.0):
    generator = torch.Generator().manual_seed(1)
    return continuation(Fixed(logits), head, first, n=n, temperature=temperature, generator=generator)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_and_keys_are_drawn_as_often_as_they_are_predicted(temperature):
    n, odds = 4000, math.log(3.0)
    rate = 1 / (1 + math.exp(-odds / temperature))
    bound = 4 * math.sqrt(rate * (1 - rate) / n)
    tokens = drawn("softmax", [0.0, odds], torch.tensor([0]), n, temperature)
    keys = drawn("bernoulli", [0.0, odds], torch.zeros(1, 2), n, temperature)
    assert (tokens.shape, keys.shape) == ((n,), (n, 2))
    assert tokens.double().mean().item() == pytest.approx(rate, abs=bound)
    assert keys[:, 1].double().mean().item() == pytest.approx(rate, abs=bound)
    assert keys[:, 0].double().mean().item() == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / n))


WORDS = text_spec(level="word", metric="perplexity", lowercase=True)
OPENINGS = {
    "The cat": ["the", "cat"],
    "the\ncat sat": ["the", EOS, "cat", "sat"],
    "the cat\n": ["the", "cat", EOS],
    "": [],
}


@pytest.mark.parametrize(("text", "tokens"), OPENINGS.items(), ids=range(len(OPENINGS)))
def test_the_last_line_of_an_opening_goes_on(text, tokens):
    assert opening(text, WORDS) == tokens
    assert spelt(tokens, WORDS) == text.lower()


def test_words_are_spelt_with_spaces_and_lines_and_characters_as_they_stand():
    assert spelt(["a", EOS, EOS, UNKNOWN, "b"], WORDS) == "a\n\n<unk> b"
    assert spelt(list("a b\nc"), text_spec()) == "a b\nc"
