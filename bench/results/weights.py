"""The best weights of a Run by validation, kept beside its record as safetensors where `keep=best` asks for them.

A file has each weight under its name. Its metadata are the `key` of the Run, its `cell` as JSON, and `shapes`: the
shape of each weight by name, as JSON, in the order in which a model's row has them. The record has the digest of that
row, and a file that gives another is damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.errors import DataError
from bench.core.settings import Site
from bench.results import archive
from bench.results.files import make_folder, set_aside, write_whole
from bench.results.paths import RUNS, WEIGHTS, folder_of
from bench.results.records import is_there
from bench.results.run import RunRecord

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Weights = Mapping[str, "Array"]
"""A model's weights by name, in the order in which they stand in its row."""

ALIGNMENT = 16
"""Every weight starts at a multiple of this many scalars: 64 bytes in float32, so that all rows are alike to BLAS."""

LARGEST_HEADER = 1 << 20
"""Most bytes of a file besides the weights themselves."""

LENGTH = 8
"""Bytes of the number with which a file of safetensors begins: the length of its header, which is a multiple of it."""


@dataclass(frozen=True)
class FoundWeights:
    """The kept weights of a Run, or a message on their damage, or neither where none are kept."""

    weights: Weights | None = None
    damage: str = ""


@dataclass(frozen=True)
class KeptWeights:
    """Of how many Runs whole weights are kept, and a message for each damaged file."""

    n: int
    damaged: tuple[str, ...]


def row_of(weights: Weights) -> Array:
    """Return the row of a model: its weights in their order, each followed by zeros up to where the next one starts."""
    import numpy as np

    parts = [np.pad(weight.ravel(), (0, -weight.size % ALIGNMENT)) for weight in weights.values()]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def digest_of_row(row: Array) -> str:
    """Return the SHA-256 of a model's row, gaps included: what a record holds as `weights_digest`."""
    return hashlib.sha256(row.tobytes()).hexdigest()


def write_weights(directory: Path, record: RunRecord, weights: Weights) -> Path:
    """Write the weights of a Run before its record, so that a record never stands without those it should have.

    A file that is damaged by the record that stands there is set aside. Raises StorageError.
    """
    path = make_folder(directory, RUNS, record.run.label) / WEIGHTS
    if path.exists() and is_there(directory, record.run) and look_for_weights(directory, record).damage:
        set_aside(path)
    write_whole(path, _to_bytes(record, weights))
    return path


def look_for_weights(directory: Path, record: RunRecord) -> FoundWeights:
    """Return the kept weights of a Run, plain or archived, checked against its record."""
    path = folder_of(directory, record.run) / WEIGHTS
    most = 4 * record.outcome.num_params.get("total", 0) + LARGEST_HEADER
    try:
        return FoundWeights(_checked(archive.bytes_of(directory, path, most), str(path), record))
    except FileNotFoundError:
        return FoundWeights()
    except DataError as error:
        return FoundWeights(damage=str(error))


def lacks_weights(site: Site, record: RunRecord) -> bool:
    """Return whether the weights of a finished Run are to be kept and are not there, or damaged."""
    is_to_be_kept = site.keep == "best" and bool(record.outcome.weights_digest)
    return is_to_be_kept and look_for_weights(site.directory, record).weights is None


def kept_weights(directory: Path, records: Iterable[RunRecord]) -> KeptWeights:
    """Look for the weights of every Run."""
    found = [look_for_weights(directory, record) for record in records]
    return KeptWeights(sum(each.weights is not None for each in found), tuple(e.damage for e in found if e.damage))


def _to_bytes(record: RunRecord, weights: Weights) -> bytes:
    """Return the file, its header sorted: safetensors leaves the order of metadata to chance."""
    import numpy as np
    from safetensors.numpy import save  # kernels are used where it is not installed

    shapes = {name: weight.shape for name, weight in weights.items()}
    said = {"key": record.key, "cell": json.dumps(dict(record.run.cell), sort_keys=True), "shapes": json.dumps(shapes)}
    content = save({name: np.ascontiguousarray(weight) for name, weight in weights.items()}, said)
    text = json.dumps(_header(content), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH)
    return len(text).to_bytes(LENGTH, "little") + text + content[LENGTH + _header_length(content) :]


def _checked(content: bytes, where: str, record: RunRecord) -> Weights:
    """Return the weights in a file. Raises DataError where they are not those of the record."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        said = _header(content)["__metadata__"]
        key, cell, shapes = said["key"], json.loads(said["cell"]), json.loads(said["shapes"])
        arrays = load(content)
        weights = {name: arrays[name] for name in shapes}
        is_whole = {name: list(weight.shape) for name, weight in arrays.items()} == shapes
        digest = digest_of_row(row_of(weights))
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(where, f"not weights: {type(error).__name__}: {error}") from error
    if key != record.key:
        raise DataError(where, f"the weights of another run, {key}")
    if not is_whole or cell != json.loads(json.dumps(dict(record.run.cell))) or digest != record.outcome.weights_digest:
        raise DataError(where, "the weights are not those whose digest the record has; the file is damaged")
    return weights


def _header(content: bytes) -> dict[str, Any]:
    return dict(json.loads(content[LENGTH : LENGTH + _header_length(content)]))


def _header_length(content: bytes) -> int:
    return int.from_bytes(content[:LENGTH], "little")
