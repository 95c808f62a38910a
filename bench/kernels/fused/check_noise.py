"""Check that a build of the library draws noise and dropout by the rule of `bench.kernels.draws`, in a whole update."""

from __future__ import annotations

import ctypes
from ctypes import CDLL, pointer
from dataclasses import replace

import numpy as np
import torch

from bench.cells import Cell
from bench.kernels.draws import dropout_factors, normal, places
from bench.kernels.fused import interface as c
from bench.kernels.fused.check_models import (
    LENGTHS,
    N_LAYERS,
    N_OUTPUTS,
    B,
    Case,
    Data,
    H,
    T,
    data_of,
    error_of,
    expected,
    model_of,
)

KEYS = (2**62 + 12345, 2**61 + 678, 2**60 + 9)
"""Of noise on weights, on inputs, and of dropout."""

UPDATE = 2**32 + 77
STD, RATES = (0.1, 0.2), (0.1, 0.2, 0.3)
ERRORS = {torch.float64: 1e-11, torch.float32: 1e-4}


def wrong_noise(library: CDLL, cell: Cell, dtype: torch.dtype) -> str:
    """Return in words what an update with noise computes wrongly, empty if nothing."""
    case = Case(cell, "bytes", has_dropout=False, dtype=dtype)
    data = data_of(case)
    data = replace(data, state=torch.zeros_like(data.state))
    exact_case = replace(case, kind="frames", dtype=torch.float64)
    exact = expected(exact_case, _noisy(case, data))
    nats, gradient = _updated(library, case, data)
    pairs = {"loss": (torch.tensor(nats, dtype=torch.float64), exact.totals[0])}
    pairs |= {f"gradient of {name}": (part, exact.gradients[name]) for name, part in case.views(gradient).items()}
    for name, (found, truth) in pairs.items():
        error = error_of(found, truth)
        if not error <= ERRORS[dtype]:
            return f"with noise in {dtype}: {name} is {error:.2g} of its size away"
    return ""


def _noisy(case: Case, data: Data) -> Data:
    """Return the weights and inputs with their noise, and dropout's factors, in double precision."""
    device, at = torch.device("cpu"), (UPDATE,)
    row = data.row.double().clone()
    for place, name in enumerate(_noisy_weights(case)):
        view = case.views(row)[name]
        view += STD[0] * normal(KEYS[:1], at, [place], view.numel(), device).view_as(view)
    drawn = normal(KEYS[1:2], at, places(0, B), T * N_OUTPUTS, device).view(B, T, N_OUTPUTS)
    widths = (N_OUTPUTS, *[H] * N_LAYERS)
    factors = tuple(
        dropout_factors(KEYS[2:], at, place, [rate], (B, T, width), row)[0]
        for place, (rate, width) in enumerate(zip(RATES, widths, strict=True))
    )
    return Data(row, data.inputs.double() + STD[1] * drawn, data.targets.double(), data.state.double(), factors)


def _noisy_weights(case: Case) -> list[str]:
    return [name for name in case.shapes if name[0] in "WU"]


def _updated(library: CDLL, case: Case, data: Data) -> tuple[float, torch.Tensor]:
    """Return the loss and the gradient of an update of all sequences, which the library scales by its units."""
    row, grads, first, second = data.row.clone(), *(torch.empty_like(data.row) for _ in range(3))
    starts = dict(zip(case.shapes, np.cumsum([0, *(view.numel() for view in case.views(row).values())]), strict=False))
    noisy = np.array([(starts[name], case.views(row)[name].numel()) for name in _noisy_weights(case)], np.int64)
    frames = data.targets.to(torch.uint8)
    pointers = np.array([each.data_ptr() for each in frames], np.uint64)
    lengths, chosen, batches = np.array(LENGTHS), np.arange(B), np.array([0, B])
    lr, nats, norms = np.zeros(1), np.zeros(1), np.zeros(1)
    segment = c.Segment(model=pointer(model_of(case)), n=1, first_update=UPDATE)
    segment.noise = c.Noise(*STD, *RATES, *KEYS, len(noisy), noisy.ctypes.data)
    segment.sequences, segment.lengths = pointers.ctypes.data, lengths.ctypes.data
    segment.chosen, segment.first = chosen.ctypes.data, batches.ctypes.data
    segment.lr, segment.nats, segment.norms = (each.ctypes.data for each in (lr, nats, norms))
    segment.row, segment.grads = row.data_ptr(), grads.data_ptr()
    segment.first_moment, segment.second_moment = first.data_ptr(), second.data_ptr()
    if library.take_updates(ctypes.byref(segment)) != 1:
        raise ValueError("the library takes no update")
    return float(nats[0]), grads * sum(LENGTHS)
