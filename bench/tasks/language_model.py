"""Language modelling: predict each word or character from all before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.core.errors import DataError
from bench.core.metrics import METRICS
from bench.core.typing import Bool, Float, Int
from bench.tasks.base import Head, Stream, Sums, ratio
from bench.tasks.digests import check, digest_of_text, normalise
from bench.tasks.sources import origin, read_text
from bench.tasks.spec import LanguageModelSpec
from bench.tasks.vocabulary import Vocabulary, tokenise


@dataclass(frozen=True)
class LanguageModel:
    """A softmax over the vocabulary for each token, given all tokens before it.

    Every token of a split is scored exactly once, the first from the token that ends a line. The state is
    carried across windows, in training and in evaluation; evaluation cuts the split into `spec.tracks` pieces.

    Example: of the text "ab" the inputs are newline, "a" and the targets "a", "b".
    Source: Zaremba et al. 2014, arXiv 1409.2329, for words; Mikolov et al. 2012 for characters.
    """

    spec: LanguageModelSpec
    vocabulary: Vocabulary
    train: Stream
    data_dir: str | None

    n_inputs = 0
    head: ClassVar[Head] = "softmax"

    @staticmethod
    def open(spec: LanguageModelSpec, data_dir: str | None) -> LanguageModel:
        """Read the training split and its vocabulary. Raises DataError if missing, not as stated, or all alike."""
        text = normalise(read_text(spec, "train", data_dir), spec)
        tokens = tokenise(text, spec)
        where = origin(spec, "train", data_dir)
        if len(distinct := set(tokens)) < 2:
            problem = f"must hold at least 2 different {spec.level}s, got {len(distinct)}: nothing to learn"
            raise DataError(where, problem)
        vocabulary = Vocabulary.of(tokens, spec)
        return LanguageModel(spec, vocabulary, _stream(spec, "train", text, vocabulary, where), data_dir)

    @property
    def unit(self) -> str:
        return self.spec.level

    @property
    def tracks(self) -> int:
        return self.spec.tracks

    @property
    def n_outputs(self) -> int:
        return len(self.vocabulary)

    def with_train(self, train: Stream) -> LanguageModel:
        """Return the task with another training split of the same vocabulary, and its token frequencies."""
        return replace(self, train=train)

    def read(self, split: str) -> Stream:
        """Read another split with the training vocabulary. Raises DataError if it is not as stated."""
        text = normalise(read_text(self.spec, split, self.data_dir), self.spec)
        return _stream(self.spec, split, text, self.vocabulary, origin(self.spec, split, self.data_dir))

    @cached_property
    def log_rates(self) -> Float[Tensor, "O"]:
        """Log of each token's training frequency, one count added so that none is minus infinity."""
        counts = torch.bincount(self.train.tokens, minlength=self.n_outputs).double() + 1
        return (counts / counts.sum()).log()

    def output_bias(self) -> Float[Tensor, "O"]:
        """Return the log frequencies of the training split, in float64."""
        return self.log_rates

    def nats(
        self, logits: Float[Tensor, "K B T O"], targets: Int[Tensor, "K B T"], mask: Bool[Tensor, "K B T"]
    ) -> Float[Tensor, "K"]:
        """Return each member's total NLL in nats, padding excluded."""
        nats = cross_entropy(logits.flatten(0, 2), targets.flatten(), reduction="none").view_as(targets)
        return torch.where(mask, nats, 0.0).sum((1, 2))

    def tally(
        self, logits: Float[Tensor, "K B T O"], targets: Int[Tensor, "K B T"], mask: Bool[Tensor, "K B T"]
    ) -> Sums:
        """Return nats, units, and the number of tokens whose most probable prediction was right."""
        return {
            "nats": self.nats(logits, targets, mask).double(),
            "units": mask.sum((1, 2)).double(),
            "hits": ((logits.argmax(-1) == targets) & mask).sum((1, 2)).double(),
        }

    def scores(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Return mean `nats` per token, the task's metric, and the accuracy over tokens."""
        nats = sums["nats"] / sums["units"]
        accuracy = ratio(sums["hits"], sums["units"])
        return {
            "nats": nats,
            self.spec.metric: METRICS[self.spec.metric].from_nats(nats),
            "accuracy": accuracy,
        }

    def baseline(self, split: Stream) -> dict[str, float]:
        """Return the scores of the unigram model of the training split."""
        nats = -self.log_rates[split.tokens].sum()
        hits = (split.tokens == int(self.log_rates.argmax())).sum()
        return self.scores({"nats": float(nats), "units": float(split.n_units), "hits": float(hits)})


def _stream(spec: LanguageModelSpec, split: str, text: str, vocabulary: Vocabulary, where: str) -> Stream:
    digest = digest_of_text(text)
    tokens = vocabulary.encode(tokenise(text, spec), where)
    check(spec, split, sequences=1, units=len(tokens), digest=digest, where=where)
    return Stream(tokens, vocabulary.before, digest)
