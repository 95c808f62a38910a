"""Tokenisation, and the vocabulary that maps tokens to numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from torch import Tensor

from bench.core.errors import DataError
from bench.core.typing import Int
from bench.tasks.digests import normalise
from bench.tasks.spec import LanguageModelSpec

EOS = "<eos>"
UNKNOWN = "<unk>"
NEWLINE = "\n"


def tokenise(text: str, spec: LanguageModelSpec) -> Sequence[str]:
    """Return the tokens of a text: its characters, or the words of each line followed by `<eos>`.

    A last line without a newline counts only if it holds something.
    """
    if spec.level == "character":
        return text
    lines = text.split("\n")
    if not lines[-1].strip():
        lines.pop()
    return [word for line in lines for word in (*line.split(), EOS)]


def opening(text: str, spec: LanguageModelSpec) -> Sequence[str]:
    """Return the tokens of the beginning of a text, read as the task reads it: its last line may go on."""
    text = normalise(text, spec)
    tokens = list(tokenise(text, spec))
    return tokens[:-1] if spec.level == "word" and text.split("\n")[-1].strip() else tokens


def spelt(tokens: Sequence[str], spec: LanguageModelSpec) -> str:
    """Return the text of some tokens: characters as they stand, words with spaces, a new line at `<eos>`."""
    if spec.level == "character":
        return "".join(tokens)
    text = " ".join(NEWLINE if token == EOS else token for token in tokens)
    return text.replace(f" {NEWLINE}", NEWLINE).replace(f"{NEWLINE} ", NEWLINE)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of the training split, most frequent first."""

    tokens: tuple[str, ...]

    @staticmethod
    def of(tokens: Sequence[str], spec: LanguageModelSpec) -> Vocabulary:
        """Count the training tokens; keep the most frequent if the task limits their number."""
        ranked = sorted(Counter(tokens).items(), key=lambda pair: (-pair[1], pair[0]))
        limit = spec.vocabulary_size or len(ranked) + 1
        if spec.closed_vocabulary and len(ranked) <= limit:
            return Vocabulary(tuple(token for token, _ in ranked))
        kept = [token for token, _ in ranked if token != UNKNOWN][: limit - 1]
        return Vocabulary((*kept, UNKNOWN))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def before(self) -> int:
        """The token that stands before the first of a text: a line's end, or else the most frequent token."""
        numbers = self._numbers()
        return numbers.get(EOS, numbers.get(NEWLINE, 0))

    def encode(self, tokens: Sequence[str], where: str) -> Int[Tensor, "N"]:
        """Return token numbers. Raises DataError for a token outside a closed vocabulary."""
        numbers = self._numbers()
        unknown = numbers.get(UNKNOWN)
        found = map(numbers.__getitem__, tokens) if unknown is None else map(numbers.get, tokens, repeat(unknown))
        try:
            return torch.from_numpy(np.fromiter(found, dtype=np.int64, count=len(tokens)))
        except KeyError as error:
            raise DataError(where, f"token {error.args[0]!r} does not occur in the training split") from error

    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}
