"""The words of a command line before Hydra composes anything: every mistake is one message of ours."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.cli.config import CHOICES, GROUPS, OF_SETTINGS, conf_dir, legal_keys, options
from bench.core.console import program
from bench.core.errors import ConfigError, UsageError, did_you_mean
from bench.core.yaml_files import load

FUNCTIONS = {
    "range": "range(STOP), range(START,STOP) or range(START,STOP,STEP): numbers, the step not 0",
    "interval": "interval(LOW,HIGH): numbers",
    "choice": "choice(V1,V2,...)",
    "glob": "glob(PATTERN) or glob([PATTERN,...],exclude=PATTERN)",
    "sort": "sort(V1,V2,...) or sort(V1,V2,...,reverse=true)",
    "shuffle": "shuffle(V1,V2,...)",
    "tag": "tag(log,interval(LOW,HIGH))",
}
"""How the functions are called that an override may use."""

ELSEWHERE = ("cell", "space", "let", "hydra")
"""Sections whose keys are those of a chosen file, and are checked against it."""


def check_overrides(words: Sequence[str]) -> None:
    """Refuse unknown keys and choices, and an option that reads a pickle, before Hydra composes anything."""
    if any(word.startswith("--exp") for word in words):
        raise UsageError("`--experimental-rerun` is not supported: it reads a pickle, which can run code")
    is_sweep = _is_sweep(words)
    folders = list(_folders(words))
    legal, found = legal_keys(), [*_overrides(words, folders)]
    legal_in_cell = _keys_of_cells({override.key_or_group: values for override, values in found}, folders)
    for override, values in found:
        key = override.key_or_group
        if override.is_delete():
            raise _bad(override.input_line, "a key cannot be deleted; set it to null for its default")
        if "???" in values:
            raise ConfigError(key, "needs a value, got ???")
        if key in CHOICES:
            raise ConfigError(
                key, f"is a choice of settings; write {key.replace('.', '/')}={values[0] if values else '...'}"
            )
        if key in GROUPS:
            _check_choices(key, values, folders)
        else:
            for each in _leaves(key, override.value()):
                _check_key(each, legal)
            if legal_in_cell and key.startswith("cell.") and not override.is_add() and not override.is_force_add():
                _check_key_of_cell(key, legal_in_cell)
        if override.is_sweep_override() and not is_sweep:
            raise _bad(override.input_line, _without_sweep(override))


def _is_sweep(words: Sequence[str]) -> bool:
    """Return whether all combinations of values are trained. Raises UsageError for what is no option of ours."""
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> None:
        raise UsageError(f"bad option: {message}")

    parser: argparse.ArgumentParser = get_args_parser()
    parser.error = refuse  # type: ignore[assignment, method-assign]
    found, others = parser.parse_known_args(list(words))
    strays = [word for word in [*found.overrides, *others] if "=" not in word and not word.startswith("~")]
    if strays:
        raise UsageError(_stray(strays[0], words, list(parser._option_string_actions)))
    return bool(found.multirun) or "hydra.mode=MULTIRUN" in words


def _stray(stray: str, words: Sequence[str], legal: Sequence[str]) -> str:
    """Return what is wrong with a word that is neither an option nor a setting."""
    if stray.startswith("-"):
        return f"unknown option `{stray}`; {did_you_mean(stray, legal)}"
    before = next((before for before, word in pairwise(words) if word == stray), "")
    if "=" in before and before.endswith(","):
        return f"bad override `{before} {stray}`: values stand without spaces: `{before}{stray}`"
    return f"`{stray}` is neither a setting, KEY=VALUE, nor an option"


def _leaves(key: str, value: Any) -> Iterator[str]:
    """Yield the keys that an override sets: one, or all within a mapping."""
    if not isinstance(value, Mapping) or not value:
        yield key
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}", inner)


def _check_key(key: str, legal: set[str]) -> None:
    if key.split(".")[0].split("/")[0] not in ELSEWHERE and key not in legal:
        raise ConfigError(key, f"unknown key; {did_you_mean(key, legal)}")


def _keys_of_cells(chosen: Mapping[str, Sequence[str]], folders: Sequence[Path]) -> set[str]:
    """Return the settings of the cells that are chosen on the command line, none where another file may choose."""
    if not chosen.keys().isdisjoint(OF_SETTINGS):
        return set()
    paths = [folder / "cell" / f"{name}.yaml" for name in chosen.get("cell", ()) for folder in folders]
    return {f"cell.{name}" for path in paths if path.exists() for name in load(path)}


def _check_key_of_cell(key: str, legal: set[str]) -> None:
    """Refuse a typing error; whatever else is no setting of a cell is refused where that is composed."""
    meant = did_you_mean(key, legal)
    if key not in legal and meant.startswith("did"):
        raise ConfigError(key, f"not a setting of the chosen cell; {meant}")


def _without_sweep(override: Any) -> str:
    if override.is_interval_sweep():
        return "is searched only with -m and tune.n_trials above 0"
    value = override.input_line.split("=", 1)[1]
    a_list = "" if value.endswith(")") else f"; for one value that is a list, [{value}]"
    return f"several values take -m, which trains each: {program()} -m '{override.input_line}'{a_list}"


def _bad(word: str, problem: str) -> UsageError:
    return UsageError(f"bad override `{word}`: {problem}")


def _overrides(words: Sequence[str], folders: Sequence[Path]) -> Iterator[tuple[Any, list[str]]]:
    """Yield each override as Hydra reads it, with the values it sweeps over. Raises UsageError for broken grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    for word in (word for word in words if (not word.startswith("-") and "=" in word) or word.startswith("~")):
        try:
            override = parser.parse_override(word)
            values = _values(override, folders)
        except (HydraException, ValueError) as error:
            raise _bad(word, _grammar(word)) from error
        yield override, values


def _grammar(word: str) -> str:
    """Return in words why an override cannot be read."""
    value = word.partition("=")[2]
    called = re.match(r"\w+(?=\()", value)
    if value.count("'") % 2 or value.count('"') % 2:
        return "has a quotation mark that is not closed"
    if any(value.count(left) != value.count(right) for left, right in ("()", "[]", "{}")):
        return "has brackets that do not match"
    if called and called[0] not in FUNCTIONS:
        return f"there is no function `{called[0]}`; {did_you_mean(called[0], FUNCTIONS)}"
    if called:
        return f"is not as {called[0]} is written: {FUNCTIONS[called[0]]}"
    if ",," in value or value.startswith(",") or value.endswith(","):
        return "has a comma without a value; values stand without spaces: V1,V2"
    return f"cannot be read; text with signs of its own stands in quotes, \"{word.partition('=')[0]}='...'\""


def _values(override: Any, folders: Sequence[Path]) -> list[str]:
    """Return the values of a parsed override, one for each point. Raises HydraException or ValueError."""
    from hydra.core.override_parser.types import Glob

    value = override.value()
    if isinstance(value, Glob):
        return value.filter(sorted(options(override.key_or_group, folders)))
    if override.is_interval_sweep():
        return []
    return (
        list(override.sweep_string_iterator())
        if override.is_sweep_override()
        else [override.get_value_element_as_str()]
    )


def _check_choices(group: str, values: Sequence[str], folders: Sequence[Path]) -> None:
    legal = options(group, folders)
    for value in values:
        if value not in legal:
            raise ConfigError(group, f"unknown choice `{value}`; {did_you_mean(value, legal)}")


def _folders(words: Sequence[str]) -> Iterator[Path]:
    """Yield the folders that config files come from: ours, the working directory, `--config-dir`."""
    yield conf_dir()
    yield Path.cwd()
    for i, word in enumerate(words):
        if word in ("--config-dir", "-cd") and i + 1 < len(words):
            yield Path(words[i + 1])
        elif word.startswith("--config-dir="):
            yield Path(word.split("=", 1)[1])


def one_message(error: BaseException) -> str:
    """Return the sentence of a Hydra or OmegaConf error that says what is wrong."""
    foreign = re.match(r"Could not override '([^']+)'", str(error))
    if foreign:
        group = foreign[1].split(".")[0]
        return str(ConfigError(foreign[1], f"not a setting of the chosen {group}; {_where(group)}"))
    missing = re.search(r"Interpolation key '([^']+)' not found\s+full_key: (\S+)", str(error))
    if missing:
        return str(ConfigError(missing[2], f"needs `{missing[1]}`, which does not exist"))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"bad config: {' '.join(lines[:3]) or type(error).__name__}"


def _where(group: str) -> str:
    """Return where the settings of a section are listed."""
    return f"`{program()} {group}s` lists them" if group in ("cell", "task") else "`conf/config.yaml` has them all"
