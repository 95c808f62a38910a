"""How far a kernel's numbers are from what they must be: gradients from finite differences, a member among others from
the same member alone.

Shapes: K members, B sequences, T steps, I inputs, H units; everything is drawn from a normal distribution, in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cells import Cell
from bench.kernels import SequenceKernel

STEP = 1e-5
"""Of a central difference: its own error is some 1e-10, of rounding and of the third derivative."""

AGREES = 1e-6
"""Largest error of a gradient that is right, relative to the largest gradient."""

K, B, T, I, H = 3, 4, 9, 5, 6  # noqa: E741
FEW = (1, 2, 3, 2, 3)
"""Sizes K, B, T, I, H at which each number is moved by itself."""


@dataclass(frozen=True)
class Layer:
    """A layer's x (K, B, T, I), its initial state and its weights."""

    x: Tensor
    state: tuple[Tensor, ...]
    params: dict[str, Tensor]

    @property
    def leaves(self) -> list[Tensor]:
        """Everything that may have a gradient."""
        return [self.x, *self.state, *self.params.values()]

    def like(self, tensors: Iterable[Tensor]) -> Layer:
        """Return the layer with other tensors in the order of `leaves`."""
        rest = iter(tensors)
        x, state = next(rest), tuple(next(rest) for _ in self.state)
        return Layer(x, state, dict(zip(self.params, rest, strict=True)))

    def differentiable(self) -> Layer:
        """Return a copy whose tensors have gradients."""
        return self.like(leaf.detach().clone().requires_grad_() for leaf in self.leaves)


def layer_of(cell: Cell, *, sizes: Sequence[int] = (K, B, T, I, H), scale: float = 1.0, seed: int = 0) -> Layer:
    """Return the same layer at every call with one seed."""
    n_members, n_sequences, n_steps, n_inputs, n_units = sizes
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weights = cell.weights(n_inputs, n_units).items()
    params = {name: scale * draw(n_members, *weight.shape) for name, weight in weights}
    x = draw(n_members, n_sequences, n_steps, n_inputs)
    return Layer(x, tuple(draw(n_members, n_sequences, n_units) for _ in cell.states), params)


def results(kernel: SequenceKernel, cell: Cell, layer: Layer) -> list[Tensor]:
    """Return the outputs (K, B, T, H) and every part of the last state (K, B, H)."""
    outputs, last = kernel.run(cell, layer.x, layer.state, layer.params)
    return [outputs, *last]


def pulled(found: Sequence[Tensor], which: Iterable[int]) -> Tensor:
    """Return a random sum of some results, the same at every call."""
    generator = torch.Generator().manual_seed(7)
    pulls = [torch.randn(each.shape, generator=generator, dtype=torch.float64).to(each.dtype) for each in found]
    return torch.stack([(found[index] * pulls[index]).sum() for index in which]).sum()


def gradient_error(kernel: SequenceKernel, cell: Cell) -> float:
    """Return the largest error of a gradient against central differences, relative to the largest; NaN where one is.

    A cell with kinks is as smooth here as any other: no random point lies on one.
    """
    layer = layer_of(cell, sizes=FEW).differentiable()

    def loss(leaves: Iterable[Tensor]) -> Tensor:
        found = results(kernel, cell, layer.like(leaves))
        return pulled(found, range(len(found)))

    gradients = torch.autograd.grad(loss(layer.leaves), layer.leaves, materialize_grads=True)
    found = torch.cat([gradient.flatten() for gradient in gradients])
    expected = []
    with torch.no_grad():
        leaves = [leaf.detach().clone() for leaf in layer.leaves]
        for leaf in leaves:
            flat = leaf.view(-1)
            for place, value in enumerate(flat.tolist()):
                sides = []
                for moved in (value + STEP, value - STEP):
                    flat[place] = moved
                    sides.append(loss(leaves))
                flat[place] = value
                expected.append((sides[0] - sides[1]) / (2 * STEP))
    wanted = torch.stack(expected)
    return float((found - wanted).abs().max() / wanted.abs().max())


def members_difference(kernel: SequenceKernel, cell: Cell) -> float:
    """Return the largest difference between members computed together and alone, relative to the largest number."""
    layer = layer_of(cell)
    together = results(kernel, cell, layer)
    differences = []
    for k in range(layer.x.shape[0]):
        alone = results(kernel, cell, layer.like(leaf[k : k + 1] for leaf in layer.leaves))
        differences += [(one - each[k : k + 1]).abs().max() for one, each in zip(alone, together, strict=True)]
    return float(torch.stack(differences).max() / torch.stack([each.abs().max() for each in together]).max())
