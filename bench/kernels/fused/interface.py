"""The C interface of the fused library: its structures and functions."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int, c_int64, c_uint32, c_uint64, c_void_p
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.cells import Cell
from bench.kernels.fused.build import digest_in, library_path

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
        ("n_given", c_int64),
        ("frames", c_void_p),
        ("tokens", c_void_p),
        ("frame_targets", c_void_p),
        ("token_targets", c_void_p),
        ("drop_input", c_void_p),
        ("drop_between", c_void_p * MOST_LAYERS),
        ("drop_output", c_void_p),
        ("state", c_void_p),
        ("nats", c_void_p),
    ]


class Tally(ctypes.Structure):
    """Totals over a batch."""

    _fields_ = [(name, c_double) for name in ("nats", "units", "hits", "errors")]


class Rule(ctypes.Structure):
    """An optimiser and its settings."""

    _fields_ = [
        *((name, c_int64) for name in ("name", "nesterov", "has_largest_eps")),
        *((name, c_double) for name in ("lr", "momentum", "beta1", "beta2", "alpha", "eps")),
        *((name, c_double) for name in ("weight_decay", "clip_norm", "clip_velocity")),
    ]


class Noise(ctypes.Structure):
    """Noise while training: standard deviations and rates, the key of each, and which weights have noise."""

    _fields_ = [
        *((name, c_double) for name in ("weights", "inputs", "drop_input", "drop_between", "drop_output")),
        *((name, c_uint64) for name in ("weight_key", "input_key", "drop_key")),
        ("n_noisy", c_int64),
        ("noisy", c_void_p),
    ]


class Segment(ctypes.Structure):
    """The next updates of a member; `interface.h` says what its members are."""

    _fields_ = [
        ("model", POINTER(Model)),
        *((name, c_int64) for name in ("n", "first_update")),
        ("seconds", c_double),
        *((name, c_void_p) for name in ("sequences", "lengths", "chosen", "first", "tokens")),
        *((name, c_int64) for name in ("n_given", "before", "B", "piece", "window", "position")),
        ("noise", Noise),
        ("rule", Rule),
        *((name, c_int64) for name in ("is_sum", "n_steps")),
        *((name, c_void_p) for name in ("lr", "row", "grads", "first_moment", "second_moment", "state")),
        *((name, c_void_p) for name in ("nats", "norms")),
        *((name, c_double) for name in ("arithmetic_seconds", "noise_seconds")),
    ]


@lru_cache(maxsize=256)
def library(cell: Cell, dtype: torch.dtype) -> ctypes.CDLL:
    """Return the library of a cell, the same for as long as this process lives. Raises BuildError if it cannot be."""
    return load(_path(cell, dtype))


def library_digest(cell: Cell, dtype: torch.dtype) -> str:
    """Return the digest of a cell's library: two of one digest compute the same bits. Raises BuildError."""
    return digest_in(_path(cell, dtype))


@lru_cache(maxsize=256)
def _path(cell: Cell, dtype: torch.dtype) -> Path:
    return library_path(cell, dtype)


def load(path: Path) -> ctypes.CDLL:
    """Return a built library with its functions declared."""
    loaded = ctypes.CDLL(str(path))
    loaded.step_batch.argtypes = [POINTER(Model), POINTER(Batch), c_void_p, c_void_p, c_double, POINTER(Tally)]
    loaded.step_batch.restype = c_int
    loaded.update_weights.argtypes = [POINTER(Rule), c_int64, c_void_p, c_void_p, c_void_p, c_void_p, c_int64]
    loaded.update_weights.restype = c_double
    loaded.add_weight_noise.argtypes = [POINTER(Noise), c_uint64, c_uint32, c_void_p]
    loaded.add_weight_noise.restype = None
    loaded.take_updates.argtypes = [POINTER(Segment)]
    loaded.take_updates.restype = c_int64
    return loaded


def step(
    library: ctypes.CDLL, model: Model, batch: Batch, row: Tensor, grads: Tensor | None, scale: float, tally: Tally
) -> None:
    """Add a batch's totals to the tally and, with `grads`, write the gradient of `scale` times the loss."""
    code = library.step_batch(model, batch, row.data_ptr(), None if grads is None else grads.data_ptr(), scale, tally)
    _check(code, model)


def update(
    library: ctypes.CDLL, rule: Rule, count: int, row: Tensor, grad: Tensor, first: Tensor, second: Tensor
) -> float:
    """Clip the gradient, step the optimiser, and return the norm before clipping; a norm not finite changes nothing."""
    pointers = (row.data_ptr(), grad.data_ptr(), first.data_ptr(), second.data_ptr())
    return float(library.update_weights(rule, count, *pointers, row.numel()))


def add_weight_noise(library: ctypes.CDLL, noise: Noise, update: int, first_place: int, row: Tensor) -> None:
    """Add the noise of an update to a row, its first weight with noise by the numbers of that place."""
    library.add_weight_noise(noise, update, first_place, row.data_ptr())


def take_updates(library: ctypes.CDLL, segment: Segment) -> int:
    """Take the updates of a segment and return how many; the last may have a loss or a norm that is not finite."""
    taken = int(library.take_updates(segment))
    _check(max(0, -taken), segment.model.contents)
    return taken


def _check(code: int, model: Model) -> None:
    if code == 1:
        raise MemoryError("the fused kernel could not allocate its workspace")
    if code:
        raise ValueError(f"the fused kernel has no model of {model.num_layers} layers")
