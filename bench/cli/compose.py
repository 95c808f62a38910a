"""The points of a sweep as plain mappings: Hydra composes each choice of config groups once, values are set on copies.

Where that could give anything but what Hydra gives for the whole list of overrides (an interpolation, an addition, a
key that is no plain value, an error), Hydra composes the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, OverrideType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import AnyNode, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.cli.config import GROUPS
from bench.core.errors import UsageError
from bench.core.yaml_files import conf_dir

Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Setting:
    """An override that only gives a key another value; equal lines are equal settings."""

    line: str
    keys: Keys = field(compare=False)
    value: str | int | float | bool | None = field(compare=False)


@dataclass(frozen=True)
class Base:
    """What Hydra composes for the overrides that are no Settings, and the keys of it that a Setting may set."""

    node: Mapping[str, Any]
    free: frozenset[Keys]
    _sections: dict[tuple[Setting, ...], Any] = field(default_factory=dict)

    def with_settings(self, settings: Sequence[Setting]) -> Mapping[str, Any]:
        """Return a copy with the settings applied in order; points of equal settings share their sections."""
        by_section: dict[str, list[Setting]] = {}
        for setting in settings:
            by_section.setdefault(setting.keys[0], []).append(setting)
        return {**self.node, **{name: self._section(name, tuple(changes)) for name, changes in by_section.items()}}

    def _section(self, name: str, changes: tuple[Setting, ...]) -> Any:
        if changes not in self._sections:
            section = self.node[name]
            for change in changes:
                section = _replaced(section, change.keys[1:], change.value)
            self._sections[changes] = section
        return self._sections[changes]


class Composer:
    """Composes the points of one sweep to exactly what Hydra's `load_sweep_config` gives."""

    def __init__(self, loader: ConfigLoader, config: DictConfig) -> None:
        self._loader, self._config = loader, config
        overrides = list(config.hydra.overrides.hydra)
        groups = loader.get_group_options("", ObjectType.GROUP, config.hydra.job.config_name, overrides)
        self._groups = frozenset(groups)
        parser = OverridesParser.create()
        self._parse = cache(lambda line: parser.parse_overrides([line])[0])
        self._setting = cache(self._read_setting)
        self._base = cache(self._compose_base)

    def compose(self, overrides: Sequence[str]) -> Mapping[str, Any]:
        """Return the config of one point. Raises HydraException or OmegaConfBaseException."""
        if any("$" in line for line in overrides):
            return plain(self._composed(overrides))
        read = [self._setting(line) for line in overrides]
        settings = [setting for setting in read if setting]
        base = self._base(tuple(line for line, setting in zip(overrides, read, strict=True) if not setting))
        if base is None or not base.free.issuperset(setting.keys for setting in settings):
            return plain(self._composed(overrides))
        return base.with_settings(settings)

    def _composed(self, overrides: Sequence[str]) -> DictConfig:
        return self._loader.load_sweep_config(self._config, list(overrides))

    def _read_setting(self, line: str) -> Setting | None:
        override = self._parse(line)
        key, value = override.key_or_group, override.value()
        if override.type != OverrideType.CHANGE or override.package is not None or self._is_group(override):
            return None
        if not isinstance(value, (str, int, float, bool, type(None))) or value == "???":
            return None
        return Setting(line, tuple(key.split(".")), value)

    def _is_group(self, override: Override) -> bool:
        key = override.key_or_group
        return "/" in key or key.split(".")[0] == "hydra" or key in self._groups

    def _compose_base(self, overrides: tuple[str, ...]) -> Base | None:
        """Return what the overrides give by themselves, None if that depends on the other overrides of a point."""
        try:
            own = _own(self._composed(overrides))
        except (HydraException, OmegaConfBaseException):
            return None
        node = OmegaConf.to_container(own, resolve=False)
        if node != OmegaConf.to_container(own, resolve=True):
            return None
        taken = [keys for line in overrides if (keys := self._keys_taken(self._parse(line))) is not None]
        free = {keys for keys in _plain_values(own) if not any(_overlap(keys, other) for other in taken)}
        return Base(cast(dict[str, Any], node), frozenset(free))

    def _keys_taken(self, override: Override) -> Keys | None:
        """Return the key that an override acts on in its turn; none for a group, which comes before all keys."""
        if self._is_group(override) and not isinstance(override.value(), dict):
            return None
        return tuple(override.key_or_group.split("."))


def composed_tuned(folder: Path, stem: str) -> Mapping[str, Any]:
    """Return what `--config-dir FOLDER +tuned=STEM` composes to. Raises UsageError."""
    try:
        return plain(_loader(folder).load_configuration("config", [f"+tuned={stem}"], run_mode=RunMode.RUN))
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(str(error).splitlines()[0]) from error


@cache
def _loader(folder: Path) -> ConfigLoader:
    search_path = create_config_search_path(str(conf_dir()))
    search_path.prepend("command-line", f"file://{folder.resolve()}")
    return ConfigLoaderImpl(search_path)


def plain(config: DictConfig) -> Mapping[str, Any]:
    """Return a composed config as plain mappings, Hydra's own node left out."""
    return cast(dict[str, Any], OmegaConf.to_container(_own(config), resolve=True))


def _own(config: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(config, cast(list[str], [key for key in config if key != "hydra"]))


def _plain_values(config: DictConfig, above: Keys = ()) -> Iterator[Keys]:
    """Yield the keys of the values that are under no schema."""
    for key in config.keys():  # noqa: SIM118 (iteration itself refuses a mapping that is null)
        child = config._get_node(key)
        if isinstance(child, DictConfig):
            yield from _plain_values(child, (*above, key))
        elif type(child) is AnyNode:
            yield (*above, key)


def _overlap(keys: Keys, other: Keys) -> bool:
    """Return whether one is the other or stands above it."""
    return all(mine == theirs for mine, theirs in zip(keys, other, strict=False))


def _replaced(section: Any, keys: Keys, value: Any) -> Any:
    """Return a copy of nested mappings with one value replaced; everything off its path is shared."""
    if not keys:
        return value
    return {**section, keys[0]: _replaced(section[keys[0]], keys[1:], value)}


TAGS = {"log"}


def is_search(override: Override) -> bool:
    """Return whether an override of a tuning command is searched, and not swept over."""
    value = override.value()
    if override.key_or_group in GROUPS:
        return False
    return isinstance(value, IntervalSweep) or (isinstance(value, ChoiceSweep) and not value.simple_form)


def space_lines(searches: Sequence[Override]) -> list[str]:
    """Return overrides that put searches into the space. Raises UsageError."""
    return [f"++space.{override.key_or_group}={{{_dimension(override)}}}" for override in searches]


def _dimension(override: Override) -> str:
    value = override.value()
    if isinstance(value, ChoiceSweep) and not value.tags:
        return f"choices:[{','.join(override.sweep_string_iterator())}]"
    if not isinstance(value, IntervalSweep) or value.tags - TAGS:
        raise UsageError(f"bad override `{override.input_line}`: the only tag is log, for an interval")
    low, high = value.start, value.end
    whole = isinstance(low, int) and isinstance(high, int)
    return f"low:{low},high:{high},log:{_yaml('log' in value.tags)},whole:{_yaml(whole)}"


def _yaml(is_true: bool) -> str:
    return "true" if is_true else "false"
