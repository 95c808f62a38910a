"""Check a build of the library against the reference kernel, before anything is trained with it.

A compiler, its flags or a changed constant may give a library that runs and is wrong. Losses, gradients, states and
updates of small models are compared in both precisions, and values that are not finite must be detected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ctypes import CDLL
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from bench.cells import Cell, cell_of
from bench.kernels.fused.build import DISAGREES, REALS
from bench.kernels.fused.check_models import Case, Data, computed, converted, data_of, error_of, expected
from bench.kernels.fused.check_noise import wrong_noise
from bench.kernels.fused.check_updates import wrong_update
from bench.kernels.fused.interface import load

KINDS = (
    ("bytes", False),
    ("sparse frames", False),
    *((kind, has_dropout) for kind in ("frames", "tokens") for has_dropout in (False, True)),
)

DOUBLE_ERROR = 1e-12
RIVALS = 10.0
"""Allowed error in single precision, in multiples of the reference's own error there (at least its last digit).

Good builds are at most 4 times as far away, with AVX2 and with AVX-512; one whose e^x is wrong in the fifth digit of a
constant is 19 times, and an optimised one with -ffast-math a million.
"""


def problem(library: CDLL, cell: Cell, dtype: torch.dtype) -> str:
    """Return in words the first disagreement of a cell's library with the reference, empty if there is none."""
    for case in _cases(cell, dtype):
        data = data_of(case)
        found = _disagreement(library, case, data) or _ignored_nan(library, case, data)
        if found:
            return f"{case}: {found}"
    return wrong_update(library, dtype) or wrong_noise(library, cell, dtype)


def _cases(cell: Cell, dtype: torch.dtype) -> Iterator[Case]:
    double, single, none = (replace(cell, biases=biases) for biases in ("double", "single", "none"))
    yield from (Case(double, kind, has_dropout, dtype) for kind, has_dropout in KINDS)
    yield from (Case(each, "tokens", has_dropout=False, dtype=dtype) for each in (single, none))


def _disagreement(library: CDLL, case: Case, data: Data) -> str:
    """Return which result of a step is too far from the reference in double precision."""
    exact_case = replace(case, dtype=torch.float64)
    exact = expected(exact_case, converted(torch.float64, data))
    rival = expected(case, data) if case.dtype == torch.float32 else exact
    found = computed(library, case, data)
    if case.dtype == torch.float64 and not torch.equal(found.totals[1:], exact.totals[1:]):
        return f"counts {found.totals[1:].tolist()}, the reference {exact.totals[1:].tolist()}"
    pairs = {"loss": (found.totals[:1], exact.totals[:1], rival.totals[:1])}
    pairs["loss of a sequence"] = (found.nats, exact.nats, rival.nats)
    pairs["last state"] = (found.states, exact.states, rival.states)
    for name, gradient in exact.gradients.items():
        pairs[f"gradient of {name}"] = (found.gradients[name], gradient, rival.gradients[name])
    for name, (ours, truth, theirs) in pairs.items():
        error, allowed = error_of(ours, truth), _allowed(theirs, truth, case.dtype)
        if not error <= allowed:
            return f"{name} is {error:.2g} of its size away from the reference, more than {allowed:.2g}"
    return ""


def _allowed(rival: Tensor, exact: Tensor, dtype: torch.dtype) -> float:
    if dtype == torch.float64:
        return DOUBLE_ERROR
    return RIVALS * max(error_of(rival, exact), torch.finfo(dtype).eps)


def _ignored_nan(library: CDLL, case: Case, data: Data) -> str:
    """Return which weight may be NaN without the loss becoming NaN."""
    for name in case.shapes:
        if name[0] not in "UbPEr":  # weights of inputs that are always zero have no effect
            continue
        row = data.row.clone()
        case.views(row)[name].view(-1)[: None if name == "E" else 1] = float("nan")
        if not computed(library, case, replace(data, row=row)).totals[0].isnan():
            return f"{name} is NaN, but the loss is not"
    return ""


def main(path: str, node: str, real: str) -> int:
    """Print the first disagreement of the library of that path with the cell of a node, and return the exit status."""
    torch.set_num_threads(1)
    (dtype,) = (each for each, name in REALS.items() if name == real)
    found = problem(load(Path(path)), cell_of(json.loads(node)), dtype)
    print(found)
    return DISAGREES if found else 0
