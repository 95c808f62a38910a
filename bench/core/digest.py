"""JSON texts that carry their own digest, so that damage is detected."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, TypeVar

from bench.core.errors import ConfigError, DataError
from bench.core.schema import build

T = TypeVar("T")


def with_digest(node: dict[str, Any]) -> str:
    """Return a node as JSON text that carries its own digest."""
    return json.dumps({**node, "digest": digest_of(node)}, indent=1, sort_keys=True, allow_nan=False) + "\n"


def checked_node(text: str, where: str, version: int, what: str) -> dict[str, Any]:
    """Return the node of a text that carries its digest.

    Raises DataError naming `where` if it is damaged or of another format.
    """
    try:
        node = json.loads(text)
        digest = node.pop("digest")
        is_whole = digest_of(node) == digest
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise DataError(where, f"not a {what}: {type(error).__name__}: {error}") from error
    if not is_whole:
        raise DataError(where, f"the {what}'s digest does not match its content; the file is damaged")
    if node.get("format") != version:
        raise DataError(where, f"{what} format {node.get('format')}, this version reads {version}")
    return dict(node)


def built_from(kind: type[T], text: str, where: str, version: int, what: str) -> T:
    """Return what a text that carries its digest holds, as a dataclass.

    Raises DataError naming `where` if it is damaged, of another format or no such.

    Such a dataclass has the version of its layout in a field `format`.
    """
    node = checked_node(text, where, version, what)
    try:
        return build(kind, node, "")
    except (ConfigError, KeyError, TypeError) as error:
        raise DataError(where, f"not a {what}: {error}") from error


def digest_of(node: object) -> str:
    """Return the SHA-256 of a JSON-like value in canonical form."""
    text = json.dumps(node, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def without_layout(equations: str) -> str:
    """Return equations without comments, empty lines and spaces that mean nothing: for digests, not to be read."""
    return "\n".join(_packed(code) for line in equations.splitlines() if (code := line.split("#")[0].strip()))


def _packed(code: str) -> str:
    """Return a line with one space where words would grow together, and none elsewhere; quoted words stay."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", code)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"\s*([^\w\s])\s*", r"\1", " ".join(parts[place].split()), flags=re.ASCII)
    return "".join(parts)
