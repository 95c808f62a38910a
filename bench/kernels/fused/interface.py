"""The C interface of the fused library: its structures and functions."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int, c_int64, c_void_p
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.cells import Cell
from bench.kernels.fused.build import digest_in, library_path
from bench.kernels.fused.source import source_of

MOST_LAYERS = 16
Offsets = c_int64 * MOST_LAYERS


class Model(ctypes.Structure):
    """Where a model's weights begin in its row; -1 for those it does not have."""

    _fields_ = [
        *((name, c_int64) for name in ("head", "n_inputs", "n_outputs", "hidden_size", "num_layers", "row_size")),
        *((name, c_int64) for name in ("E", "readout_W", "readout_b")),
        *((name, Offsets) for name in ("W", "U", "b", "b_recurrent", "P")),
    ]


class Batch(ctypes.Structure):
    """A padded batch (B, T, ...) of one member, null if a model has no such part."""

    _fields_ = [
        ("B", c_int64),
        ("T", c_int64),
        ("lengths", c_void_p),
        ("sequences", c_void_p),
        ("frames", c_void_p),
        ("tokens", c_void_p),
        ("frame_targets", c_void_p),
        ("token_targets", c_void_p),
        ("drop_input", c_void_p),
        ("drop_between", c_void_p * MOST_LAYERS),
        ("drop_output", c_void_p),
        ("state", c_void_p),
    ]


class Tally(ctypes.Structure):
    """Totals over a batch."""

    _fields_ = [(name, c_double) for name in ("nats", "units", "hits", "errors")]


class Rule(ctypes.Structure):
    """An optimiser and its settings."""

    _fields_ = [
        ("name", c_int64),
        ("nesterov", c_int64),
        *(
            (name, c_double)
            for name in ("lr", "momentum", "beta1", "beta2", "alpha", "eps", "weight_decay", "clip_norm")
        ),
    ]


SUFFIX = {torch.float32: "float", torch.float64: "double"}


@lru_cache(maxsize=256)
def library(cell: Cell) -> ctypes.CDLL:
    """Return the library of a cell, the same for as long as this process lives. Raises BuildError if it cannot be."""
    return load(_path(source_of(cell), cell))


def library_digest(cell: Cell) -> str:
    """Return the digest of a cell's library: two of one digest compute the same bits. Raises BuildError."""
    return digest_in(_path(source_of(cell), cell))


_PATHS: dict[str, Path] = {}


def _path(source: str, cell: Cell) -> Path:
    if source not in _PATHS:
        _PATHS[source] = library_path(source, cell)
    return _PATHS[source]


def load(path: Path) -> ctypes.CDLL:
    """Return a built library with its functions declared."""
    loaded = ctypes.CDLL(str(path))
    for suffix in SUFFIX.values():
        step = getattr(loaded, f"step_{suffix}")
        step.argtypes = [POINTER(Model), POINTER(Batch), c_void_p, c_void_p, c_double, POINTER(Tally)]
        step.restype = c_int
        update = getattr(loaded, f"update_{suffix}")
        update.argtypes = [POINTER(Rule), c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_int64]
        update.restype = c_double
    return loaded


def step(
    library: ctypes.CDLL, model: Model, batch: Batch, row: Tensor, grads: Tensor | None, scale: float, tally: Tally
) -> None:
    """Add a batch's totals to the tally and, with `grads`, write the gradient of `scale` times the loss."""
    function = getattr(library, f"step_{SUFFIX[row.dtype]}")
    code = function(model, batch, row.data_ptr(), None if grads is None else grads.data_ptr(), scale, tally)
    if code == 1:
        raise MemoryError("the fused kernel could not allocate its workspace")
    if code:
        raise ValueError(f"the fused kernel has no model of {model.num_layers} layers")


def update(
    library: ctypes.CDLL, rule: Rule, count: int, row: Tensor, grad: Tensor, first: Tensor, second: Tensor
) -> float:
    """Clip the gradient, step the optimiser, and return the norm before clipping; a norm not finite changes nothing."""
    function = getattr(library, f"update_{SUFFIX[row.dtype]}")
    pointers = (row.data_ptr(), grad.data_ptr(), first.data_ptr(), second.data_ptr())
    return float(function(rule, count, *pointers, row.numel()))
