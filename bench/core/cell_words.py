"""What a cell is called, what it looks like, what its gates and fields mean: what its YAML says beside its equations.

Nothing here changes a number. It is told by the node that a record keeps; where that is bare, as of the cells of the
first records, by the file of the cell's name and the file with its equations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bench.core.digest import without_layout
from bench.core.errors import ConfigError
from bench.core.schema import Matching, build, convert
from bench.core.wording import plain
from bench.core.yaml_files import conf_dir, load

LOOKS = ("title", "source", "colour", "marker", "published")
"""Keys about the cell of any file."""

DEFINING = ("states", "start", "fields", "gates", "equations")
"""Keys of a file that holds equations."""

RESERVED = ("name", "kind", "biases", *LOOKS, *DEFINING)
"""Every other key of a cell is a field of it."""

DESCRIPTIVE = (*LOOKS, "fields", "gates")
"""Keys that say something about a cell, and change nothing in a training."""

NAME = Matching(r"[a-z][a-z0-9_]{0,39}", "lower-case letters, digits and _, at most 40, the first a letter")
COLOUR = Matching(r"#[0-9A-Fa-f]{6}", "a colour such as '#0072B2', in quotes")
MARKER = Matching(r"[ov^<>sphdDPX8*]", "a marker of matplotlib: one of o v ^ < > s p h d D P X 8 *")
LONGEST_TITLE = 32
"""Letters of a title that a label of a figure has room for."""

LARGEST = 1e300
"""A whole number may be too large to be written as a decimal."""

OTHER = "other"
"""Stands among the meanings of a field for every number that is not there."""


@dataclass(frozen=True)
class FieldWords:
    """A field in words: its `name`, the lowest and highest number of its `range`, and what its values mean.

    Of a field of words, `means` has every word that is allowed; in the meaning of `other`, `{}` is the number.
    """

    name: str = ""
    range: tuple[float, ...] = ()
    means: Mapping[str, str] = field(default_factory=dict)

    @property
    def of(self) -> Literal["", "switch", "numbers", "words"]:
        """What the values are, "" where nothing says so."""
        if self.range or (self.means and all(key == OTHER or _is_number(key) for key in self.means)):
            return "numbers"
        return "" if not self.means else "switch" if {*self.means} <= {"true", "false"} else "words"

    def told(self, value: object) -> str:
        """Return what a value means, "" where that is not said."""
        text = value_text(value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        meaning = self.means.get(text) or (self.means.get(OTHER, "") if is_number else "")
        return plain(meaning, 120).replace("{}", text)


@dataclass(frozen=True)
class CellWords:
    """What the YAML of a cell says of it; what it does not say is empty. `published` are the papers' names of it."""

    title: str = ""
    colour: str = ""
    marker: str = ""
    gates: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldWords] = field(default_factory=dict)
    published: tuple[str, ...] = ()

    def gate(self, name: str) -> str:
        """Return a gate in words, its own name where there are none."""
        return plain(self.gates.get(name, ""), 24) or plain(name, 24)

    def field(self, name: str) -> str:
        """Return a field's name in words."""
        known = self.fields.get(name)
        return plain(known.name if known else "", 40) or plain(name.replace("_", " "), 40)

    def setting(self, name: str, value: object) -> str:
        """Return what a field's value means, else both as they are."""
        told = self.fields[name].told(value) if name in self.fields else ""
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return told or f"{plain(name, 40)} {plain(shown, 40)}"


NO_WORDS = CellWords()


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        return math.isfinite(float(text))
    return False


def value_text(value: object) -> str:
    """Return a value of a field, or a key that stands for one, as text: `true`, `0.5`, `after`."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) and abs(value) < LARGEST else str(value)


def with_text_keys(node: Any) -> Any:
    """Return a node whose keys are text, as JSON has them: a field may mean something at 0, or at true."""
    if isinstance(node, Mapping):
        return {key if isinstance(key, str) else value_text(key): with_text_keys(each) for key, each in node.items()}
    return [with_text_keys(each) for each in node] if isinstance(node, list | tuple) else node


def without_words(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cell's numbers depend on: equations without comments and spaces, and nothing that is only said."""
    kept = {name: value for name, value in node.items() if name not in DESCRIPTIVE}
    if isinstance(equations := kept.get("equations"), str):
        kept["equations"] = without_layout(equations)
    return kept


def field_values(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a cell's node with their values; `biases` is no field."""
    return {name: value for name, value in node.items() if name not in RESERVED}


def field_words(allowed: object, where: str) -> FieldWords:
    """Return what `fields` says of one field: a list of what it may be, or a mapping. Raises ConfigError."""
    if isinstance(allowed, Mapping):
        node = with_text_keys(allowed)
        means = convert(Mapping[str, str], node.get("means", {}), f"{where}.means")
        words: FieldWords = build(FieldWords, {**node, "means": means}, where)
        if words.range and (len(words.range) != 2 or list(words.range) != sorted(words.range)):
            raise ConfigError(f"{where}.range", f"must be the lowest and the highest, got {list(words.range)}")
        return words
    if isinstance(allowed, list | tuple) and [type(each) in (int, float) for each in allowed] == [True, True]:
        return FieldWords(range=convert(tuple[float, ...], allowed, where))
    return FieldWords(means=dict.fromkeys(convert(tuple[str, ...], allowed, where), ""))


def _fields(node: object, where: str) -> dict[str, FieldWords]:
    if not isinstance(node, Mapping | None):
        raise ConfigError(where, f"must be a mapping from a field to what it may be, got {node!r}")
    return {str(name): field_words(allowed, f"{where}.{name}") for name, allowed in (node or {}).items()}


def _matching(pattern: Matching) -> Callable[[object, str], str]:
    def read(value: object, where: str) -> str:
        text = convert(str, value, where)
        if not pattern.admits(text):
            raise ConfigError(where, f"must be {pattern}, got {text[:60]!r}")
        return str(text)

    return read


READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "title": lambda value, where: convert(str, value, where),
    "colour": _matching(COLOUR),
    "marker": _matching(MARKER),
    "gates": lambda value, where: convert(Mapping[str, str], value, where),
    "fields": _fields,
    "published": lambda value, where: convert(tuple[str, ...], value, where),
}


def words_in(node: Mapping[str, Any], where: str) -> CellWords:
    """Return what a node says itself. Raises ConfigError."""
    return CellWords(**{key: read(node[key], f"{where}.{key}") for key, read in READERS.items() if key in node})


def cell_words(node: Mapping[str, Any]) -> CellWords:
    """Return what is known of the cell of a record, which may say anything: what is not as it must be, is not said.

    Files give the words that a record lacks: that of the cell's name its looks, and where the record has no equations,
    the shipped one that has them what is about these.
    """
    name = str(node.get("name", ""))
    of_name = _of_file(name, node.get("kind"))
    found = {key: of_name[key] for key in ("title", "colour", "marker") if key in of_name}
    if "equations" not in node:
        of_kind = {**_of_kinds().get(str(node.get("kind", name)), {}), **of_name}
        found |= {key: of_kind[key] for key in ("gates", "fields", "published") if key in of_kind}
    return CellWords(**{**found, **_told(node)})


def _told(node: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, read in READERS.items():
        with suppress(ConfigError, TypeError, ValueError, AttributeError):
            if value := read(node[key], key) if key in node else None:
                found[key] = value
    return found


def _of_file(name: str, kind: object) -> Mapping[str, Any]:
    """Return what the shipped file of a name says, else that of the user's `./cell`, where it is of the same kind."""
    if name in shipped():
        return _told(shipped()[name])
    path = Path.cwd() / "cell" / f"{name}.yaml"
    if NAME.admits(name) and path.is_file():
        with suppress(ConfigError, OSError):
            node = load(path)
            if kind in (None, node.get("kind", name)):
                return _told(node)
    return {}


@cache
def shipped() -> Mapping[str, Mapping[str, Any]]:
    """Return the nodes of the cells of `conf/cell/` by name."""
    return {path.stem: load(path) for path in sorted((conf_dir() / "cell").glob("*.yaml"))}


@cache
def _of_kinds() -> Mapping[str, Mapping[str, Any]]:
    """Return what the files with equations say, by the kind of their cells."""
    nodes = [node for node in shipped().values() if "equations" in node]
    return {str(node.get("kind", node["name"])): _told(node) for node in nodes}


def title_of(name: str, words: CellWords) -> str:
    """Return what a cell is called in print: its title in one short line, else its name."""
    title = re.sub(r"^[_ ]+", "", plain(words.title, LONGEST_TITLE))  # figures leave out what starts with _
    return title or plain(name, 24)
