"""Look at a config file from outside before anything composes it: small, plain, and nothing but data."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from bench.errors import ConfigError

MAX_BYTES = 1 << 18
MAX_ALIASES = 16
MAX_DEPTH = 20
COMMANDS = ("defaults", "hydra", "_target_")
"""Keys by which a file would direct the program instead of describing something."""


def guard(path: Path, *, is_data: bool) -> None:
    """Refuse a file that is too large, expands without bound, or (`is_data`) does more than describe.

    Raises ConfigError naming file and line.
    """
    text = _text(path)
    if is_data and "@package" in text:
        raise ConfigError(str(path), "a file that describes a task, cell or size may not name a package")
    _check_headers(path, text)
    depth = aliases = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            _check_event(path, event, depth=depth, aliases=aliases, is_data=is_data)
        _check_keys(path, yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"not one YAML document: {' '.join(str(error).split())}") from error


def _check_headers(path: Path, text: str) -> None:
    """Refuse a comment that Hydra would take for a header and stumble over."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"#\s*@", line) and not re.fullmatch(r"# @package [\w.]+\s*", line):
            raise ConfigError(f"{path}:{number}", f"a header must read `# @package NAME`, got {line[:60]!r}")


def _check_keys(path: Path, node: yaml.Node | None) -> None:
    """Refuse a key that is given twice."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(path, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
            raise ConfigError(f"{path}:{key.start_mark.line + 1}", f"key `{key.value}` is there twice")
        seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        _check_keys(path, value)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(str(path), f"must be at most {MAX_BYTES} bytes, got {path.stat().st_size}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"must be UTF-8, got byte {error.object[error.start]:#x}") from error


def _check_event(path: Path, event: yaml.Event, *, depth: int, aliases: int, is_data: bool) -> None:
    line = event.start_mark.line + 1 if event.start_mark else 0
    where = f"{path}:{line}"
    if depth > MAX_DEPTH:
        raise ConfigError(where, f"nested more than {MAX_DEPTH} deep")
    if aliases > MAX_ALIASES:
        raise ConfigError(where, f"more than {MAX_ALIASES} aliases")
    tag = str(getattr(event, "tag", None) or "tag:yaml.org,2002:")
    if not tag.startswith("tag:yaml.org,2002:") or "python" in tag:
        raise ConfigError(where, f"tag {tag!r} is not allowed")
    if is_data and isinstance(event, yaml.ScalarEvent):
        if "${" in event.value:
            raise ConfigError(where, f"interpolation is not allowed, got {event.value!r}")
        if event.value in COMMANDS:
            raise ConfigError(where, f"key `{event.value}` is not allowed")
