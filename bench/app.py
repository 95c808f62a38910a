"""The Hydra app: overrides in, Runs and a report out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from bench.config import GROUPS, command_of, conf_dir, legal_keys, options
from bench.errors import BenchError, ConfigError, UsageError, did_you_mean
from bench.guard import guard

PLUGINS = Path(__file__).resolve().parent / "plugins"


def run(words: Sequence[str]) -> int:
    """Run the Hydra app on the words of a command line and return the exit status. Raises UsageError."""
    sys.path.insert(0, str(PLUGINS))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come back to us instead of ending the process
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    _check_overrides(words)
    outcome: list[int | BenchError] = []
    app = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(
        lambda config: outcome.append(_carried_out(config))
    )
    sys.argv = ["gatebench", *_options_first(words)]
    try:
        app()
    except BenchError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(_one_message(error)) from error
    for result in outcome:
        if isinstance(result, BenchError):
            raise result
    return max((result for result in outcome if isinstance(result, int)), default=0)


def _options_first(words: Sequence[str]) -> list[str]:
    """Return the words with the overrides last, because Hydra takes them in one piece only."""
    overrides = [word for word in words if "=" in word and not word.startswith("-")]
    return [*(word for word in words if word not in overrides), *overrides]


def _carried_out(config: Any) -> int | BenchError:
    """Carry out one point; an error is returned, because Hydra adds lines of its own to one that is raised."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        return carry_out([plain(config)])
    except BenchError as error:
        return error
    except OmegaConfBaseException as error:
        return UsageError(_one_message(error))


def carry_out(nodes: Sequence[Mapping[str, Any]]) -> int:
    """Check every point, carry out the Runs, report; return the exit status. Raises UsageError before any Run."""
    from bench import sweep
    from bench.publish import say

    commands = [command_of(node) for node in nodes]
    planned = sweep.plan(commands)
    if commands[0].dry_run:
        say(sweep.describe(planned, commands[0]))
        return 0
    return sweep.conduct(planned, commands[0])


def plain(config: Any) -> Mapping[str, Any]:
    """Return a composed config as plain mappings, Hydra's own node left out."""
    from omegaconf import OmegaConf

    own = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    return cast(dict[str, Any], OmegaConf.to_container(own, resolve=True))


def _check_overrides(words: Sequence[str]) -> None:
    """Refuse unknown keys and choices, and unsafe files behind choices, before Hydra composes anything."""
    folders = list(_folders(words))
    legal = legal_keys()
    for key, values in _overrides(words):
        if key in GROUPS:
            _check_choices(key, values, folders)
        elif key.split(".")[0].split("/")[0] not in ("hydra", "cell") and key not in legal:
            raise ConfigError(key, f"unknown key; {did_you_mean(key, legal)}")


def _overrides(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the key of each override and the values it sweeps over. Raises UsageError for broken grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    for word in (word for word in words if (not word.startswith("-") and "=" in word) or word.startswith("~")):
        try:
            override = parser.parse_override(word)
        except HydraException as error:
            raise UsageError(f"bad override `{word}`: {str(error).splitlines()[0]}") from error
        if override.type is not None and override.type.name == "DEL":
            raise UsageError(f"bad override `{word}`: a key cannot be deleted; set it to null for its default")
        swept = override.is_sweep_override() and override.is_discrete_sweep()
        values = list(override.sweep_string_iterator()) if swept else [override.get_value_element_as_str()]
        yield override.key_or_group, values


def _check_choices(group: str, values: Sequence[str], folders: Sequence[Path]) -> None:
    legal = options(group, folders)
    for value in values:
        if value not in legal and value != "null":
            raise ConfigError(group, f"unknown choice `{value}`; {did_you_mean(value, legal)}")
        for folder in folders:
            if folder != conf_dir() and (folder / group / f"{value}.yaml").is_file():
                guard(folder / group / f"{value}.yaml", is_data=group in ("task", "cell", "size"))


def _folders(words: Sequence[str]) -> Iterator[Path]:
    """Yield the folders that config files come from: ours, the working directory, `--config-dir`."""
    yield conf_dir()
    yield Path.cwd()
    for i, word in enumerate(words):
        if word in ("--config-dir", "-cd") and i + 1 < len(words):
            yield Path(words[i + 1])
        elif word.startswith("--config-dir="):
            yield Path(word.split("=", 1)[1])


def _one_message(error: BaseException) -> str:
    """Return the sentence of a Hydra or OmegaConf error that says what is wrong."""
    foreign = re.match(r"Could not override '([^']+)'", str(error))
    if foreign:
        group = foreign[1].split(".")[0]
        return str(
            ConfigError(foreign[1], f"not a setting of the chosen {group}; `python -m bench {group}s` lists them")
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"bad config: {' '.join(lines[:3])}"
