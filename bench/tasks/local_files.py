"""The files of a source, and the plain text in them."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import DataError
from bench.tasks.source_spec import Format


@dataclass(frozen=True)
class Files:
    """Where a source's data lie: a file for each split, or one for all of them under the name `file`."""

    format: Format
    paths: Mapping[str, Path]

    @property
    def is_single(self) -> bool:
        return "file" in self.paths

    def path(self, split: str) -> Path:
        """Return the file that holds a split."""
        return self.paths["file" if self.is_single else split]


def decode(path: Path) -> str:
    """Return a file's text, gzip undone and the byte-order mark dropped.

    Raises DataError for a file that is damaged, not UTF-8, empty, or holds a NUL.
    """
    content = _content(path)
    skipped = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
    try:
        text = content[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + skipped
        raise DataError(str(path), f"must be UTF-8, got byte 0x{content[offset]:02x} at offset {offset}") from error
    if b"\0" in content:
        raise DataError(str(path), f"must be text, got a NUL at offset {content.index(0)}")
    if not text.strip():
        raise DataError(str(path), f"must hold text, got {len(content)} bytes of nothing")
    return text


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
