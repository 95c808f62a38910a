"""What a cell must provide for this kernel: its pointwise equations, forward and backward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from bench.cells.base import Parameters
from bench.core.typing import Float

Saved = tuple[Tensor, ...]
"""What a forward pass keeps for its backward pass, each tensor with the axes (K, T, B, ...)."""


@dataclass(frozen=True)
class Layer:
    """One layer during a pass. Entry t of a state (K, T + 1, B, H) is what step t starts from."""

    states: tuple[Float[Tensor, "K T1 B H"], ...]
    params: Parameters
    is_saving: bool

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.states[0].shape[-1]

    def buffer(self, like: Float[Tensor, "K T B N"]) -> Float[Tensor, "K T B N"]:
        """Return an empty tensor of that shape; unless the pass saves, all its steps are one piece of memory."""
        return like.new_empty(like.shape) if self.is_saving else like.new_empty(like[:, :1].shape).expand_as(like)


@dataclass(frozen=True)
class Product:
    """The factor of some rows of U and b_recurrent at all steps, and the gradient of the product."""

    operand: Float[Tensor, "K T B H"]
    gradient: Float[Tensor, "K T B R"]


@dataclass(frozen=True)
class Gradients:
    """Parts from which the gradients of the weights are computed, over all steps at once.

    `products` come in the order of the rows of U; `own` are the gradients of weights that no other cell has.
    """

    wx: Float[Tensor, "K T B G"]
    products: tuple[Product, ...]
    own: Mapping[str, Tensor] = field(default_factory=dict)


class Equations(ABC):
    """A cell's pointwise equations.

    Write a step as a function of one step's slices and hand it to `scan` or `scan_back`; compute everything that
    no step waits for, such as the slopes of the gates, for all T at once.
    """

    def input_bias(self, params: Parameters) -> Float[Tensor, "K G"]:
        """Return what is added to `W x_t`: both biases, unless the recurrent one is not simply added to a gate."""
        bias = params.get("b_recurrent")
        return params["b"] if bias is None else params["b"] + bias

    @abstractmethod
    def forward(self, layer: Layer, gates: Float[Tensor, "K T B G"]) -> Saved:
        """Fill the states after every step and return what `backward` needs; may overwrite `gates`, the `W x + b`."""

    @abstractmethod
    def backward(self, layer: Layer, saved: Saved, grads: tuple[Float[Tensor, "K T1 B H"], ...]) -> Gradients:
        """Add each step's contribution to the gradients of the states it starts from and return what the weights need.

        `grads` has the places of `layer.states` and comes with the gradients from outside the layer.
        """


def before(states: Float[Tensor, "K T1 B H"]) -> Float[Tensor, "K T B H"]:
    """Return the entries that the steps start from."""
    return states[:, :-1]


def after(states: Float[Tensor, "K T1 B H"]) -> Float[Tensor, "K T B H"]:
    """Return the entries that the steps end in."""
    return states[:, 1:]


def scan(step: Callable[..., None], *tensors: Tensor) -> None:
    """Call `step` with every tensor's slice of a step, from the first step to the last.

    The slices are made in advance, because indexing a tensor costs as much as the arithmetic on a slice.
    """
    for slices in zip(*(tensor.unbind(1) for tensor in tensors), strict=True):
        step(*slices)


def scan_back(step: Callable[..., None], *tensors: Tensor) -> None:
    """Call `step` with every tensor's slice of a step, from the last step to the first."""
    for slices in zip(*(reversed(tensor.unbind(1)) for tensor in tensors), strict=True):
        step(*slices)


def blocks(tensor: Float[Tensor, "K T B N"], n_blocks: int) -> Float[Tensor, "K T B n H"]:
    """Return the view that has an axis for the blocks of the last axis."""
    return tensor.view(*tensor.shape[:-1], n_blocks, -1)


def slope_of_sigmoid(s: Tensor) -> Tensor:
    """Return the derivative of the sigmoid where its value is s."""
    return (1 - s).mul_(s)


def slope_of_tanh(n: Tensor) -> Tensor:
    """Return the derivative of tanh where its value is n."""
    return (n * n).neg_().add_(1)
