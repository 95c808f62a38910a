"""A training written plainly in torch, as a careful student would write it without this project.

`python bench/speed/plain.py TRAIN.txt VALIDATION.txt [gru|lstm]` trains a model of characters; `speed --job` times it
on the data of its jobs. It needs torch alone, and is as fast as it can be without becoming something else: batches
are time first, those of validation are made once, Adam is the fused one, the loss is one call.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

State = Tensor | tuple[Tensor, ...] | None
Batch = Sequence[Tensor]
"""Inputs and targets, time first, and for sequences a mask that is 0 where they are padded."""


class Model(nn.Module):
    """An embedding for tokens (none where `embedding_size` is 0), recurrent layers and a readout."""

    def __init__(
        self,
        layers: Callable[..., nn.RNNBase],
        n_inputs: int,
        n_outputs: int,
        hidden_size: int,
        num_layers: int = 1,
        embedding_size: int = 0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_outputs, embedding_size) if embedding_size else None
        self.layers = layers(embedding_size or n_inputs, hidden_size, num_layers)
        self.readout = nn.Linear(hidden_size, n_outputs)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return the logits (T, B, O) of inputs (T, B, I) or tokens (T, B), and the last state."""
        if self.embedding is not None:
            x = self.embedding(x)
        x, state = self.layers(x, state)
        return self.readout(x), state


class Windows(Dataset[Batch]):
    """A text in B parallel pieces, cut into windows of T tokens; `before` stands before its first token."""

    def __init__(self, tokens: Tensor, before: int, batch_size: int, window: int) -> None:
        length = len(tokens) // batch_size
        inputs = torch.cat([tokens.new_tensor([before]), tokens[:-1]])
        pieces = [each[: length * batch_size].view(batch_size, length) for each in (inputs, tokens)]
        self.inputs, self.targets = (each.t().contiguous() for each in pieces)  # (length, B)
        self.window = window

    def __len__(self) -> int:
        return math.ceil(len(self.targets) / self.window)

    def __getitem__(self, i: int) -> Batch:
        if i >= len(self):
            raise IndexError(i)
        steps = slice(i * self.window, (i + 1) * self.window)
        return self.inputs[steps], self.targets[steps]


def pad(sequences: Sequence[Tensor]) -> Batch:
    """Return frames (T, I) of several sequences as one batch: each frame is to be predicted from those before it."""
    targets = pad_sequence(list(sequences))  # (T, B, I)
    inputs = torch.zeros_like(targets)
    inputs[1:] = targets[:-1]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    mask = torch.arange(len(targets))[:, None] < lengths
    return inputs, targets, mask.to(targets)


def total_loss(logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> tuple[Tensor, int]:
    """Return the loss in nats over a batch, and its number of frames or tokens."""
    if mask is None:
        return cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"), targets.numel()
    nats = binary_cross_entropy_with_logits(logits, targets, weight=mask.unsqueeze(-1), reduction="sum")
    return nats, int(mask.sum())


class Training:
    """A model in training; `batches` gives those of an epoch. Only for a text is the state carried between them."""

    def __init__(
        self,
        model: Model,
        batches: Callable[[int], Iterable[Batch]],
        validation: Sequence[Batch],
        optimiser: torch.optim.Optimizer,
        clip_norm: float,
        weight_noise: float = 0.0,
    ) -> None:
        self.model, self.batches, self.validation, self.optimiser = model, batches, validation, optimiser
        self.clip_norm, self.weight_noise = clip_norm, weight_noise
        self.noisy = [weight for name, weight in model.layers.named_parameters() if name.startswith("weight")]
        self.n_epochs, self.train_nats, self.validation_nats, self.best_nats = 0, math.nan, math.nan, math.inf
        self.best_weights = copy.deepcopy(model.state_dict())

    def epoch(self) -> None:
        """Train for an epoch, evaluate, and keep the weights if they are the best."""
        state: State = None
        total, count = 0.0, 0
        for inputs, *others in self.batches(self.n_epochs):
            self.optimiser.zero_grad()
            noise = self.add_noise()
            logits, state = self.model(inputs, self.carried(state))
            nats, n_units = total_loss(logits, *others)
            (nats / n_units).backward()
            self.remove(noise)
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
            self.optimiser.step()
            total, count = total + nats.item(), count + n_units
        self.n_epochs, self.train_nats = self.n_epochs + 1, total / count
        self.validation_nats = self.evaluate()
        if self.validation_nats < self.best_nats:
            self.best_nats, self.best_weights = self.validation_nats, copy.deepcopy(self.model.state_dict())

    @torch.no_grad()
    def evaluate(self) -> float:
        """Return the validation loss in nats per frame or token."""
        state: State = None
        total, count = 0.0, 0
        for inputs, *others in self.validation:
            logits, state = self.model(inputs, self.carried(state))
            nats, n_units = total_loss(logits, *others)
            total, count = total + nats.item(), count + n_units
        return total / count

    def carried(self, state: State) -> State:
        """Return the state to begin a batch with, cut off from the batch before."""
        if self.model.embedding is None or state is None:
            return None
        return state.detach() if isinstance(state, Tensor) else tuple(part.detach() for part in state)

    @torch.no_grad()
    def add_noise(self) -> list[Tensor]:
        """Add noise to the weights of the recurrent layers, as in Chung et al. 2014, and return it."""
        noise = [self.weight_noise * torch.randn_like(weight) for weight in self.noisy] if self.weight_noise else []
        for weight, added in zip(self.noisy, noise, strict=False):
            weight.add_(added)
        return noise

    @torch.no_grad()
    def remove(self, noise: Sequence[Tensor]) -> None:
        """Take the noise off again, before the optimiser steps."""
        for weight, added in zip(self.noisy, noise, strict=False):
            weight.sub_(added)


def main(train: str, validation: str, cell: str = "gru") -> None:
    """Train a model of the characters of two files for five epochs."""
    texts = [Path(name).read_text(encoding="utf-8") for name in (train, validation)]
    number = {letter: n for n, letter in enumerate(sorted(set("".join(texts))))}
    first, second = (torch.tensor([number[letter] for letter in text]) for text in texts)
    model = Model({"gru": nn.GRU, "lstm": nn.LSTM}[cell], 0, len(number), hidden_size=128, embedding_size=64)
    windows, held_out = Windows(first, int(first[-1]), 32, 100), Windows(second, int(first[-1]), 64, 256)
    training = Training(
        model,
        lambda epoch: DataLoader(windows, batch_size=None),
        list(DataLoader(held_out, batch_size=None)),
        torch.optim.Adam(model.parameters(), 0.002, fused=True),
        clip_norm=1.0,
    )
    for epoch in range(1, 6):
        training.epoch()
        print(f"epoch {epoch}: {training.validation_nats:.4f} nats per character")


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small gain nothing by more, and lose much where cores are shared
    main(*sys.argv[1:4])
