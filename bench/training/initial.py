"""How weights start: one declared scheme for every cell, each weight from a stream of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.cells.base import Weight
from bench.core.seeds import stream
from bench.core.settings import InitSettings
from bench.core.typing import Float
from bench.training.model import Shape


def initial_row(
    shape: Shape, settings: InitSettings, *, seed: int, output_bias: Float[Tensor, "O"], dtype: torch.dtype
) -> Float[Tensor, "P"]:
    """Return one member's initial weights as a row.

    Drawn in float64 and rounded, so that a float32 and a float64 member of one seed start from the same numbers.
    """
    row = torch.zeros(1, shape.row_size, dtype=torch.float64)
    for name, view in shape.views(row).items():
        layer, parameter = name.split(".")
        generator = torch.Generator().manual_seed(stream("init", seed=seed, layer=layer, parameter=parameter))
        view[0] = _draw(shape, shape.weights[name], settings, generator)
        if layer.startswith("layer"):
            _start(shape, parameter, view[0], seed=seed, layer=layer)
    if settings.output_bias == "marginals":
        shape.views(row)["readout.b"][0] = output_bias
    return row[0].to(dtype)


def _draw(shape: Shape, weight: Weight, settings: InitSettings, generator: torch.Generator) -> Tensor:
    uniform = torch.rand(weight.shape, generator=generator, dtype=torch.float64) * 2 - 1
    normal = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    if settings.scheme == "zaremba2014":
        return settings.scale * uniform
    if settings.scheme == "greff2017":
        return settings.scale * normal
    if settings.scheme == "torch":
        return normal if weight.role == "embedding" else uniform / math.sqrt(shape.hidden_size)
    if weight.role == "recurrent":
        return _orthogonal_blocks(normal, shape.hidden_size)
    return settings.scale * uniform if weight.role in ("input", "embedding", "readout") else torch.zeros(weight.shape)


def _orthogonal_blocks(normal: Tensor, hidden_size: int) -> Tensor:
    """Return an orthogonal H x H block for each gate (QR of a normal matrix, signs fixed so that it is uniform)."""
    blocks = []
    for block in normal.split(hidden_size):
        q, r = torch.linalg.qr(block)
        blocks.append(q * r.diagonal().sign())
    return torch.cat(blocks)


def _start(shape: Shape, parameter: str, weight: Tensor, *, seed: int, layer: str) -> None:
    """Change a weight (rows, ...) of a layer to what the cell's definition says of its start."""
    H, cell = shape.hidden_size, shape.cell
    gates = {"b": cell.gates, "U": cell.products}.get(parameter, ())
    for start in cell.start:
        if start.parameter != parameter or start.is_nothing:
            continue
        block = weight[gates.index(start.gate) * H :][:H]
        if parameter == "U":
            block.copy_(torch.eye(H, dtype=weight.dtype))
        else:
            block += start.offset
        if start.chrono:
            generator = torch.Generator().manual_seed(stream("init", seed=seed, layer=layer, parameter="chrono"))
            uniform = torch.rand(H, generator=generator, dtype=torch.float64)
            block += start.sign * (1 + uniform * (start.chrono - 2)).log()
