"""Validate a config file before Hydra composes it: it must be small, plain, and nothing but data.

A file either describes one thing (a task, a cell, a size, a space, a claim) or sets the program's own settings (an
experiment, a tuned file). Neither may direct Hydra, name code, or read the environment: only the command line may.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.core.errors import ConfigError

MAX_BYTES = 1 << 18
MAX_ALIASES = 16
MAX_DEPTH = 20
COMMANDS = ("defaults", "hydra", "_target_")
"""Keys by which a file would direct the program instead of describing something."""

KEY = re.compile(r"\s*(\w+):")
CHOICE = r"[^./$@:][^/$@:]*"
"""The name of a file in a config group."""

HEADER = "# @package _global_"
COMMAND_LINE_ONLY = {"storage": "tune.storage", "address": "ray.address"}
"""Keys that make the program write elsewhere than in its results, or talk to another machine."""


def check_yaml(path: Path) -> None:
    """Refuse a file that is too large, expands without bound, or does more than describe.

    Raises ConfigError naming file and line.
    """
    text = _text(path)
    if "@package" in text:
        raise ConfigError(str(path), "a file that describes a task, cell or size may not name a package")
    _check_headers(path, text)
    _document(path, text, is_data=True)


def guard_settings(path: Path, *, keys: Collection[str], groups: Collection[str]) -> None:
    """Refuse a file that sets anything but the given keys, `hydra.sweeper.params` and choices of the given groups.

    Raises ConfigError naming file and line.
    """
    text = _text(path)
    _check_headers(path, text)
    root = _document(path, text, is_data=False)
    if root is None:
        return
    for key, value in _pairs(path, root):
        if key.value == "defaults":
            _check_defaults(path, value, groups)
        elif key.value == "hydra":
            _check_sweep(path, value, keys)
        elif key.value not in keys:
            raise ConfigError(_at(path, key), f"a file from outside may not set `{key.value}`; only settings of a run")
        _check_nested(path, value)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(str(path), f"must be at most {MAX_BYTES} bytes, got {path.stat().st_size}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"must be UTF-8, got byte {error.object[error.start]:#x}") from error


def _check_headers(path: Path, text: str) -> None:
    """Refuse a comment that Hydra would read as a header, except the one that places settings at the root."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*#[\s#]*@", line) and line.rstrip() != HEADER:
            raise ConfigError(f"{path}:{number}", f"a header must read `{HEADER}`, got {line[:60]!r}")


def _document(path: Path, text: str, *, is_data: bool) -> yaml.Node | None:
    """Return the one document of a text, each of its events and keys checked."""
    depth = aliases = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            _check_event(path, event, depth=depth, aliases=aliases, is_data=is_data)
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_keys(path, root)
        yaml.safe_load(text)  # a value may be impossible: a date of month 13, a number of too many digits
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(str(path), f"not one YAML document: {' '.join(str(error).split())}") from error
    return root


def _check_event(path: Path, event: yaml.Event, *, depth: int, aliases: int, is_data: bool) -> None:
    where = _at(path, event)
    if depth > MAX_DEPTH:
        raise ConfigError(where, f"nested more than {MAX_DEPTH} deep")
    if aliases > MAX_ALIASES:
        raise ConfigError(where, f"more than {MAX_ALIASES} aliases")
    tag = str(getattr(event, "tag", None) or "tag:yaml.org,2002:")
    if not tag.startswith("tag:yaml.org,2002:") or "python" in tag:
        raise ConfigError(where, f"tag {tag!r} is not allowed")
    if not isinstance(event, yaml.ScalarEvent):
        return
    _, found, inside = event.value.partition("${")
    if found and is_data:
        raise ConfigError(where, f"interpolation is not allowed, got {event.value!r}")
    if found and ":" in inside:
        raise ConfigError(where, f"only settings may be looked up, as in ${{let.NAME}}, got {event.value!r}")
    if event.value in (COMMANDS if is_data else ("_target_",)):
        raise ConfigError(where, f"key `{event.value}` is not allowed")


def _check_keys(path: Path, node: yaml.Node | None, above: tuple[yaml.Node, ...] = ()) -> None:
    """Refuse a key that is given twice, and what contains itself."""
    if node is not None and any(node is other for other in above):
        raise ConfigError(_at(path, node), "an alias stands inside of what it names")
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(path, item, (*above, node))
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
            raise ConfigError(_at(path, key), f"key `{key.value}` is there twice")
        seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        _check_keys(path, value, (*above, node))


def _check_defaults(path: Path, node: yaml.Node, groups: Collection[str]) -> None:
    """Refuse a defaults list that names more than files of its own group and choices of the given groups."""
    if not isinstance(node, yaml.SequenceNode):
        raise ConfigError(_at(path, node), "`defaults` must be a list")
    for item in node.value:
        pairs = _pairs(path, item) if isinstance(item, yaml.MappingNode) else [(None, item)]
        for key, value in pairs:
            group = re.sub(r"^(optional +)?(override +)?/?", "", key.value) if key else ""
            if key and group not in groups:
                raise ConfigError(_at(path, item), f"a file from outside may not choose `{key.value}`")
            if not isinstance(value, yaml.ScalarNode) or not re.fullmatch(CHOICE, value.value):
                raise ConfigError(_at(path, item), "a choice of `defaults` must be the name of a file in its group")


def _check_sweep(path: Path, node: yaml.Node, keys: Collection[str]) -> None:
    """Refuse anything for Hydra but `hydra.sweeper.params`, and of these what is no list of values of the keys."""
    for name in ("sweeper", "params"):
        for key, value in _pairs(path, node):
            if key.value != name:
                problem = f"of `hydra` a file may set `hydra.sweeper.params` alone, got `{key.value}`"
                raise ConfigError(_at(path, key), problem)
            node = value
    for key, value in _pairs(path, node):
        found = re.fullmatch(r"\+{0,2}(\w+)([./]\w+)*", key.value)
        if found is None or found[1] not in keys:
            raise ConfigError(_at(path, key), f"a file from outside may not sweep over `{key.value}`")
        if not isinstance(value, yaml.ScalarNode) or re.search(r"[${]", value.value):
            raise ConfigError(_at(path, value), f"`{key.value}` must be a text of plain values")


def _check_nested(path: Path, node: yaml.Node) -> None:
    """Refuse keys at any depth that only the command line may give."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_nested(path, item)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value).rpartition(".")[2]
            if name in COMMAND_LINE_ONLY:
                problem = f"`{COMMAND_LINE_ONLY[name]}` is for the command line, a file may not set it"
                raise ConfigError(_at(path, key), problem)
            _check_nested(path, value)


def _pairs(path: Path, node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Yield what a mapping maps. Raises ConfigError for anything else, and for a key that is no text."""
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(_at(path, node), "must be a mapping")
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(_at(path, key), "a key must be text")
        yield key, value


def _at(path: Path, mark: yaml.Node | yaml.Event) -> str:
    return f"{path}:{mark.start_mark.line + 1 if mark.start_mark else 0}"


def conf_dir() -> Path:
    """Return the folder of the shipped configs: inside an installed package, beside the package in a checkout."""
    here = Path(__file__).resolve().parents[1]
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def nodes(group: str) -> list[Mapping[str, Any]]:
    """Return every YAML of a group, sorted by name; a shipped file shadows a user's file of the same name."""
    return [load(path) for path in paths(group).values()]


def paths(group: str) -> dict[str, Path]:
    """Return the files of a group by name, those of the working directory included."""
    found = {path.stem: path for folder in (Path.cwd(), conf_dir()) for path in (folder / group).glob("*.yaml")}
    return {name: found[name] for name in sorted(found)}


def comments(path: Path) -> dict[str, str]:
    """Return what one of our own files says behind each key, by the key's path, such as `optim.lr`.

    A line that is a comment alone goes on with that of the key above it.
    """
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        indent, key, comment = len(line) - len(line.lstrip()), KEY.match(line), line.partition("# ")[2]
        if key:
            above = [*(each for each in above if each[0] < indent), (indent, key[1])]
        elif not indent:
            above = []
        if above and comment:
            path_of_key = ".".join(name for _, name in above)
            found[path_of_key] = f"{found[path_of_key]}; {comment}" if path_of_key in found else comment
    return found


def load(path: Path) -> Mapping[str, Any]:
    """Return what a YAML file describes, named after the file. Raises ConfigError, also for a task of another name.

    A task's results are found by its name: two files of one name would be taken for one task.
    """
    check_yaml(path)
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(node, Mapping):
        raise ConfigError(str(path), "must be a mapping")
    if path.parent.name == "task" and node.get("name", path.stem) != path.stem:
        raise ConfigError(f"{path}: name", f"must be that of its file, {path.stem}, got {node['name']}")
    return {"name": path.stem, **node}
