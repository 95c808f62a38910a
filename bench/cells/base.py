"""What models, kernels and initialisation ask of a cell: its weights, and the types that a step works on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

State = tuple[Tensor, ...]
"""One tensor (K, B, H) for each of the cell's states; the first is the output h."""

Parameters = Mapping[str, Tensor]
"""A layer's weights by name, each with a leading member axis K."""

Role = Literal["input", "recurrent", "bias", "peephole", "embedding", "readout", "readout_bias"]

Biases = Literal["double", "single", "none"]
"""`double` keeps an input and a recurrent bias vector as torch.nn does; `single` keeps the input one; `none` keeps
neither, as the equations of Chung et al. 2014, arXiv 1412.3555, section 3, are printed.
"""


@dataclass(frozen=True)
class Weight:
    """Shape of one member's weight and the role that decides how it starts and whether noise acts on it."""

    shape: tuple[int, ...]
    role: Role

    @property
    def size(self) -> int:
        return math.prod(self.shape)
