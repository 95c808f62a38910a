"""The small models and batches that a build of the library is checked with, by the reference and by the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import CDLL, addressof, c_int64, c_void_p
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bench.cells import Cell
from bench.cells.base import State
from bench.kernels.fused import interface as c
from bench.kernels.reference import Reference

LENGTHS = (9, 4, 7, 1, 9, 6, 5, 3, 2)
B, T, H, N_OUTPUTS, N_EMBEDDED, N_LAYERS = len(LENGTHS), max(LENGTHS), 35, 21, 7, 2
"""No size is a multiple of a vector's lanes, so that reading beyond the end changes a result.

Steps have from one sequence to nine, so that each number of rows that is computed at once occurs, and not only those.
"""


@dataclass(frozen=True)
class Found:
    """Results of a step: the loss and its tallies, each sequence's loss, the gradient by weight, the last states."""

    totals: Tensor
    nats: Tensor
    gradients: Mapping[str, Tensor]
    states: Tensor


@dataclass(frozen=True)
class Case:
    """A model and its batch. `kind` is how the batch is given: as bytes, as (sparse) frames, as tokens."""

    cell: Cell
    kind: str
    has_dropout: bool
    dtype: torch.dtype

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The weights in the order of the row."""
        found: dict[str, tuple[int, ...]] = {"E": (N_OUTPUTS, N_EMBEDDED)} if self.kind == "tokens" else {}
        width = self.n_inputs
        for layer in range(N_LAYERS):
            weights = self.cell.weights(width, H)
            found |= {f"{name}{layer}": weight.shape for name, weight in weights.items()}
            width = H
        return {**found, "readout_W": (N_OUTPUTS, H), "readout_b": (N_OUTPUTS,)}

    @property
    def n_inputs(self) -> int:
        """Numbers that the first layer reads at a step."""
        return N_EMBEDDED if self.kind == "tokens" else N_OUTPUTS

    def views(self, row: Tensor) -> dict[str, Tensor]:
        """Return a row's weights by name."""
        sizes = [torch.Size(shape).numel() for shape in self.shapes.values()]
        parts = row.split(sizes)
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def __str__(self) -> str:
        biases = {"double": "", "single": "with one bias", "none": "without a bias"}[self.cell.biases]
        words = (biases, "from", self.kind, "with dropout" * self.has_dropout)
        return " ".join(word for word in words if word) + f" in {str(self.dtype).removeprefix('torch.')}"


@dataclass(frozen=True)
class Data:
    """Weights and batch of a case; `factors` are dropout's, of the input, between the layers and of the output."""

    row: Tensor
    inputs: Tensor
    targets: Tensor
    state: Tensor
    factors: tuple[Tensor, ...]


def data_of(case: Case) -> Data:
    """Return weights and batch, the same at every call."""
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    row = 0.35 * normal(sum(torch.Size(shape).numel() for shape in case.shapes.values()))
    n_states = len(case.cell.states)
    if case.kind == "tokens":
        inputs, targets = (torch.randint(N_OUTPUTS, (B, T), generator=generator) for _ in range(2))
    else:
        targets = (uniform(B, T, N_OUTPUTS) < 0.06).double()
        before = torch.cat([torch.zeros(B, 1, N_OUTPUTS, dtype=torch.float64), targets[:, :-1]], 1)
        inputs = normal(B, T, N_OUTPUTS) if case.kind == "frames" else before
    sizes = (case.n_inputs, H, H) if case.has_dropout else ()
    factors = tuple((uniform(B, T, size) < 0.8).double() / 0.8 for size in sizes)
    state = 0.5 * normal(N_LAYERS, n_states, B, H).abs()  # some states are divided by, and never below zero
    return converted(case.dtype, Data(row, inputs, targets, state, factors))


def converted(dtype: torch.dtype, data: Data) -> Data:
    """Return the numbers in another precision; tokens stay unchanged."""

    def of(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    return Data(of(data.row), of(data.inputs), of(data.targets), of(data.state), tuple(map(of, data.factors)))


def expected(case: Case, data: Data) -> Found:
    """Return what the reference kernel gives, sequence by sequence, without any padding."""
    row = data.row.clone().requires_grad_()
    weights = case.views(row)
    totals, states = torch.zeros(4, dtype=torch.float64), data.state.clone()
    alone, loss = torch.zeros(B, dtype=torch.float64), torch.zeros((), dtype=case.dtype)
    for b, length in enumerate(LENGTHS):
        outputs, last = _outputs(case, weights, data, b, length)
        logits, targets = outputs @ weights["readout_W"].T + weights["readout_b"], data.targets[b, :length]
        nats, counts = _nats(logits, targets)
        loss = loss + nats
        alone[b] = nats.detach()
        totals[1:] += counts
        states[:, :, b] = last
    totals[0] = loss.detach()
    (gradient,) = torch.autograd.grad(loss, row)
    return Found(totals, alone, case.views(gradient), states)


def _outputs(case: Case, weights: Mapping[str, Tensor], data: Data, b: int, length: int) -> tuple[Tensor, Tensor]:
    """Return the outputs of the top layer for one sequence, and the last states of all layers (L, S, H)."""
    x, last = data.inputs[b, :length], []
    x = weights["E"][x] if case.kind == "tokens" else x
    for layer in range(N_LAYERS):
        params = {name[:-1]: part[None] for name, part in weights.items() if name[-1] == str(layer)}
        state: State = tuple(part[None, None, b] for part in data.state[layer])
        factors = data.factors[layer][b, :length] if data.factors else 1.0
        outputs, end = Reference().run(case.cell, (x * factors)[None, None], state, params)
        x = outputs[0, 0]
        last.append(torch.stack([part[0, 0] for part in end]))
    return x * (data.factors[-1][b, :length] if data.factors else 1.0), torch.stack(last).detach()


def _nats(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of a sequence, and how many units, hits and errors it has."""
    n = len(logits)
    if not targets.is_floating_point():
        hits = int((logits.argmax(-1) == targets).sum())
        return cross_entropy(logits, targets, reduction="sum"), torch.tensor([n, hits, 0.0])
    on, wanted = logits > 0, targets > 0
    counts = torch.tensor([n, int((on & wanted).sum()), int((on ^ wanted).sum())], dtype=torch.float64)
    return binary_cross_entropy_with_logits(logits, targets, reduction="sum"), counts


def computed(library: CDLL, case: Case, data: Data) -> Found:
    """Return what the library gives; counts and sequences' losses come from a second call, without a gradient."""
    step = library.step_batch
    gradient, tallies, state = torch.zeros_like(data.row), (c.Tally(), c.Tally()), data.state.clone()
    nats = torch.zeros(B, dtype=torch.float64)
    for tally, target in zip(tallies, (gradient.data_ptr(), None), strict=True):
        state = data.state.clone()
        batch, _kept = _batch(case, data, state)
        batch.nats = nats.data_ptr()
        if step(model_of(case), batch, data.row.data_ptr(), target, 1.0, tally):
            raise ValueError(f"{case}: the library does not have it")
    last = tallies[1]
    totals = torch.tensor([tallies[0].nats, last.units, last.hits, last.errors], dtype=torch.float64)
    return Found(totals, nats, case.views(gradient), state)


def model_of(case: Case) -> c.Model:
    """Return the library's description of the model."""
    starts, start = {}, 0
    for name, shape in case.shapes.items():
        starts[name] = start
        start += torch.Size(shape).numel()
    model = c.Model(head=int(case.kind == "tokens"), n_outputs=N_OUTPUTS)
    model.n_inputs, model.hidden_size, model.num_layers, model.row_size = case.n_inputs, H, N_LAYERS, start
    model.E = starts.get("E", -1)
    model.readout_W, model.readout_b = starts["readout_W"], starts["readout_b"]
    for name in ("W", "U", "b", "b_recurrent", "P"):
        setattr(model, name, c.Offsets(*(starts.get(f"{name}{layer}", -1) for layer in range(c.MOST_LAYERS))))
    return model


def _batch(case: Case, data: Data, state: Tensor) -> tuple[c.Batch, Sequence[object]]:
    """Return the library's view of a batch, and the tensors that must live as long as it does."""
    lengths = (c_int64 * B)(*LENGTHS)
    batch = c.Batch(B=B, T=T, lengths=addressof(lengths), state=state.data_ptr())
    kept: list[object] = [lengths]
    if case.kind == "bytes":
        frames = data.targets.to(torch.uint8)
        sequences = (c_void_p * B)(*(each.data_ptr() for each in frames))
        batch.sequences = addressof(sequences)
        kept += [frames, sequences]
    elif case.kind != "tokens":
        batch.frames, batch.frame_targets = data.inputs.data_ptr(), data.targets.data_ptr()
    else:
        batch.tokens, batch.token_targets = data.inputs.data_ptr(), data.targets.data_ptr()
    if data.factors:
        before, between, after = (factors.data_ptr() for factors in data.factors)
        batch.drop_input, batch.drop_output = before, after
        batch.drop_between = (c_void_p * c.MOST_LAYERS)(None, between)
    return batch, kept


def error_of(found: Tensor, exact: Tensor) -> float:
    """Return the largest difference relative to the largest number; NaN if any number is NaN."""
    return float((found.double() - exact).abs().max() / exact.abs().max())
