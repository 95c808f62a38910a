"""Checkpoints: everything a member's later numbers depend on, in two generations, each with its own digest.

What is drawn while training is a function of (seed, epoch, update), so that no state of a generator has to be kept.
A file is a line with the SHA-256 of the rest, and an .npz archive of plain arrays: nothing in it can run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core import disk
from bench.core.errors import ConfigError, DataError, StorageError
from bench.core.schema import build
from bench.results import set_aside, write_whole
from bench.results.run import CurvePoint
from bench.training.member import Clock, Member

FORMAT = 1
GENERATIONS = ("checkpoint", "checkpoint.previous")
COUNTERS = ("n_updates", "last_lr", "best_update", "n_stale", "recent_nats", "recent_units")


BROKEN = (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, MemoryError, zipfile.BadZipFile)
"""Errors of reading a file that is not an archive, or not a checkpoint."""


@dataclass(frozen=True)
class Values:
    """The plain values of a member; the best losses are None before the first evaluation."""

    n_updates: int
    last_lr: float
    best_nats: float | None
    best_update: int
    n_stale: int
    recent_nats: float
    recent_units: int
    schedule_best: float | None
    schedule_n_stale: int
    schedule_scale: float
    curve: tuple[CurvePoint, ...]
    curve_seconds: tuple[float, ...]
    clock: Clock


@dataclass(frozen=True)
class Checkpoint:
    """A member between two updates: arrays by name, plain values, and the machine it was made on.

    `resumed` has a line for each earlier resumption, as in the provenance.
    """

    key: str
    arrays: Mapping[str, np.ndarray]
    values: Values
    machine: Mapping[str, str]
    resumed: tuple[str, ...] = ()


def snapshot(member: Member, machine: Mapping[str, str], resumed: tuple[str, ...] = ()) -> Checkpoint:
    """Return the checkpoint of a member that has just finished an update."""
    tensors = {"row": member.row, **{f"optimiser.{name}": part for name, part in member.optimiser.state().items()}}
    if member.best_row is not None:
        tensors["best_row"] = member.best_row
    for number, layer in enumerate(member.state):
        tensors |= {f"state.{number}.{part}": tensor for part, tensor in enumerate(layer)}
    values = Values(
        **{name: getattr(member, name) for name in COUNTERS},
        best_nats=_finite(member.best_nats),
        schedule_best=_finite(member.schedule.best),
        schedule_n_stale=member.schedule.n_stale,
        schedule_scale=member.schedule.scale,
        curve=tuple(member.curve),
        curve_seconds=tuple(member.curve_seconds),
        clock=dataclasses.replace(member.clock),
    )
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return Checkpoint(member.run.key, arrays, values, machine, resumed)


def restore(member: Member, checkpoint: Checkpoint) -> None:
    """Set a new member to the state of a checkpoint."""
    tensors = {name: torch.tensor(array, device=member.row.device) for name, array in checkpoint.arrays.items()}
    values = checkpoint.values
    member.row.copy_(tensors["row"])
    member.best_row = tensors.get("best_row")
    member.optimiser.load(_under("optimiser.", tensors))
    member.state = _state(_under("state.", tensors))
    for name in COUNTERS:
        setattr(member, name, getattr(values, name))
    member.best_nats = _or_infinite(values.best_nats)
    member.schedule.best = _or_infinite(values.schedule_best)
    member.schedule.n_stale, member.schedule.scale = values.schedule_n_stale, values.schedule_scale
    member.curve, member.curve_seconds = list(values.curve), list(values.curve_seconds)
    member.clock = dataclasses.replace(values.clock)


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest generation; the one before stays until the next. Raises StorageError."""
    newest, previous = (folder / name for name in GENERATIONS)
    data = _to_bytes(checkpoint)
    try:
        if newest.exists():
            newest.replace(previous)
    except OSError as error:
        raise StorageError(newest, error) from error
    write_whole(newest, data)


def load(folder: Path, key: str) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest whole checkpoint of a Run, and messages about damaged ones, which are set aside."""
    notes: list[str] = []
    for name in GENERATIONS:
        path = folder / name
        if not os.path.lexists(path):
            continue
        try:
            return _from_bytes(disk.bytes_of(path), str(path), key), notes
        except (DataError, OSError) as error:
            notes.append(f"{error}; set aside as {set_aside(path).name}")
    return None, notes


def is_there(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint of either generation."""
    return any((folder / name).exists() for name in GENERATIONS)


def remove(folder: Path) -> None:
    """Remove the checkpoints of a finished Run."""
    for name in GENERATIONS:
        with suppress(OSError):  # it does no harm
            (folder / name).unlink()


def _to_bytes(checkpoint: Checkpoint) -> bytes:
    values = dataclasses.asdict(checkpoint.values)
    meta = {"format": FORMAT, "key": checkpoint.key, "values": values, "machine": checkpoint.machine}
    meta["resumed"] = checkpoint.resumed
    archive = io.BytesIO()
    text = json.dumps(meta).encode()
    arrays: dict[str, Any] = {f"_{name}": array for name, array in checkpoint.arrays.items()}
    np.savez(archive, meta=np.frombuffer(text, np.uint8), **arrays)
    data = archive.getvalue()
    return hashlib.sha256(data).hexdigest().encode() + b"\n" + data


def _from_bytes(data: bytes, where: str, key: str) -> Checkpoint:
    digest, _, archive = data.partition(b"\n")
    if hashlib.sha256(archive).hexdigest().encode() != digest:
        raise DataError(where, "the checkpoint's digest does not match its content; the file is damaged")
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            meta = json.loads(arrays["meta"].tobytes())
            found = {name[1:]: arrays[name] for name in arrays.files if name != "meta"}
        if meta["format"] != FORMAT:
            raise DataError(where, f"checkpoint format {meta['format']}, this version reads {FORMAT}")
        if meta["key"] != key:
            raise DataError(where, f"the checkpoint of another run, {meta['key']}")
        machine = {str(name): str(value) for name, value in meta["machine"].items()}
        resumed = tuple(map(str, meta.get("resumed", ())))
        return Checkpoint(key, found, build(Values, meta["values"], "values"), machine, resumed)
    except (*BROKEN, RecursionError, ConfigError) as error:
        raise DataError(where, f"not a checkpoint: {type(error).__name__}: {error}") from error


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _or_infinite(loss: float | None) -> float:
    return math.inf if loss is None else loss


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _state(parts: Mapping[str, Tensor]) -> tuple[tuple[Tensor, ...], ...]:
    """Return the carried states, layer by layer."""
    layers: dict[int, dict[int, Tensor]] = {}
    for name, tensor in parts.items():
        layer, part = map(int, name.split("."))
        layers.setdefault(layer, {})[part] = tensor
    return tuple(tuple(layers[i][j] for j in sorted(layers[i])) for i in sorted(layers))
