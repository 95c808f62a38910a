"""Small data in every format that a source may have, and tasks that read them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from bench.tasks.spec import LanguageModelSpec, PianoRollSpec
from tests.toys import music_spec, text_spec

MUSIC = {
    "train": [[[60, 64], []], [[21], [108], [60]]],
    "validation": [[[55]]],
    "test": [[[], [], [99]]],
}
"""Two, one and one sequence."""

TEXT = {"train": "the cat\nsat\n", "validation": "on\n", "test": "a mat\n"}

SPLITS = ("train", "validation", "test")


def rolls(sequences) -> list[np.ndarray]:
    return [
        np.array([[key + 21 in step for key in range(88)] for step in steps], dtype=np.uint8) for steps in sequences
    ]


def same(found, wanted) -> bool:
    return len(found) == len(wanted) and all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


def music(**source) -> PianoRollSpec:
    """A music task with one local source, unless `kind` says otherwise."""
    return music_spec(sources=({"kind": "local", **source},))


def text(*, fields=None, **source) -> LanguageModelSpec:
    """A text task with one local source, unless `kind` says otherwise."""
    return text_spec(sources=({"kind": "local", **source},), **(fields or {}))


def named(suffix: str) -> dict[str, str]:
    """The names of a file for each split."""
    return {split: f"{split}{suffix}" for split in SPLITS}


def write_table(path: Path, columns: dict[str, list]) -> None:
    """Write a parquet, CSV or JSON file of columns; CSV and JSON as pandas and `json` write them."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".csv":
        cells = {name: [v if isinstance(v, str) else json.dumps(v) for v in values] for name, values in columns.items()}
        pd.DataFrame(cells).to_csv(path, index=False)
    else:
        records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        lines = "\n".join(map(json.dumps, records)) if path.suffix == ".jsonl" else json.dumps(records)
        path.write_text(lines, encoding="utf-8")


def write_matlab(path: Path, music=MUSIC) -> None:
    """Write a MATLAB file as that of the published music sets."""
    from scipy.io import savemat

    names = {"train": "traindata", "validation": "validdata", "test": "testdata"}
    content = {}
    for split, sequences in music.items():
        cells = np.empty((1, len(sequences)), dtype=object)
        cells[0, :] = rolls(sequences)
        content[names[split]] = cells
    savemat(path, content)


def write_symbols(path: Path, text: str) -> None:
    """Write text as the published Penn Treebank characters: with a stray space at the end, packed."""
    spelled = "\n".join(" ".join(line.replace(" ", "_")) for line in text.split("\n")) + " "
    path.write_bytes(gzip.compress(spelled.encode()))
