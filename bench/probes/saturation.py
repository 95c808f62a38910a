"""How open gates are, and how long a gate keeps what a unit holds."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.shapes import Bool, Float

CLOSED, OPEN = 0.1, 0.9
"""Below and above which a gate counts as saturated (Karpathy et al. 2015, arXiv 1506.02078, section 4.2)."""


def saturation(
    gate: Float[Tensor, "T B H"], mask: Bool[Tensor, "B T"], *, n_bins: int = 20
) -> tuple[Float[Tensor, "N"], Float[Tensor, "H"], Float[Tensor, "H"]]:
    """Return the shares of a gate's values in equal bins of 0 to 1, and each unit's shares of closed and open steps."""
    values = gate.transpose(0, 1)[mask]  # (steps, H)
    counts = torch.histc(values, n_bins, 0.0, 1.0)
    return counts / counts.sum(), (values < CLOSED).double().mean(0), (values > OPEN).double().mean(0)


def time_constants(keep: Float[Tensor, "T B H"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "H"]:
    """Return in how many steps each unit's state falls to 1/e by its keeping gate alone: -1 / mean(log gate).

    Exact where the gate is constant; otherwise the constant of the geometric mean. Source: Tallec and Ollivier 2018,
    arXiv 1804.11188, section 2.
    """
    return -1 / keep.transpose(0, 1)[mask].log().mean(0)
