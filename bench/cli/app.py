"""The Hydra app: overrides in, Runs and a report out."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.config import CHOICES, GROUPS, adding, check_tasks, command_of, conf_dir, legal_keys, options
from bench.core.errors import BenchError, ConfigError, UsageError, did_you_mean
from bench.core.settings import Command

if TYPE_CHECKING:
    from bench.sweep.plan import Sweep

PLUGINS = Path(__file__).resolve().parent / "plugins"


def run(words: Sequence[str]) -> int:
    """Run the Hydra app on the words of a command line and return the exit status. Raises UsageError."""
    sys.path.insert(0, str(PLUGINS))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are raised here instead of ending the process
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    _check_overrides(words)
    outcome: list[int | BenchError] = []
    app = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(
        lambda config: outcome.append(_run_point(config))
    )
    sys.argv = ["gatebench", *_options_first(words)]
    try:
        app()
    except BenchError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        raise UsageError(_one_message(error)) from error
    except (AssertionError, OSError, ValueError) as error:  # how Hydra refuses what its own settings cannot be
        if _is_ours(error):
            raise
        raise UsageError(_one_message(error)) from error
    for result in outcome:
        if isinstance(result, BenchError):
            raise result
    return max((result for result in outcome if isinstance(result, int)), default=0)


def _is_ours(error: BaseException) -> bool:
    """Return whether an error came out of the program that Hydra started, and not out of Hydra itself."""
    return any(frame.f_code is run_points.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def _options_first(words: Sequence[str]) -> list[str]:
    """Return the words with the overrides last, because Hydra takes them in one piece only."""
    overrides = [word for word in words if "=" in word and not word.startswith("-")]
    return [*(word for word in words if word not in overrides), *map(adding, overrides)]


def _run_point(config: Any) -> int | BenchError:
    """Run one point; an error is returned, because Hydra adds its own lines to one that is raised."""
    from omegaconf.errors import OmegaConfBaseException

    from bench.cli.compose import plain

    try:
        return run_points([plain(config)])
    except BenchError as error:
        return error
    except OmegaConfBaseException as error:
        return UsageError(_one_message(error))


def run_points(nodes: Sequence[Mapping[str, Any]]) -> int:
    """Check every point, train the Runs, report if requested; return the exit status.

    If another process tunes one of the studies, wait for it and start over. Raises UsageError before any Run.
    """
    from bench import results
    from bench.core.console import say

    commands = [command_of(node) for node in nodes]
    check_tasks(commands)
    while True:
        try:
            return _once(commands)
        except results.HeldError as error:
            say(f"{error}; waiting for it")
            results.wait_for(error.folder)


def _once(commands: Sequence[Command]) -> int:
    """Run commands. Raises HeldError, before any Run, if another process tunes one of their studies."""
    from bench.claims.claim import read_claims
    from bench.cli.stock import take_stock
    from bench.core.console import say
    from bench.sweep import plan
    from bench.sweep.run import run_sweeps

    with closing(_stages(commands)) as stages:
        first = next(stages)
        if commands[0].dry_run:
            say(plan.describe(first))
            return 0
        read_claims()  # a bad file is refused before the first Run
        return run_sweeps(_prepared(chain([first], stages)), _report if commands[0].report else take_stock)


def _report(directory: Path) -> int:
    """Write the report; what it is made with is not loaded before."""
    from bench.report.publish import publish

    return publish(directory)


def _prepared(stages: Iterable[Sweep]) -> Iterator[Sweep]:
    """Yield each sweep once its kernel is built and its plan written. Raises ConfigError before the plan is written."""
    from bench.sweep.executors.local import Local
    from bench.sweep.plan import write_down
    from bench.sweep.resolve import check_library

    for plan in stages:
        if isinstance(plan.executor, Local):  # other executors may run on another machine
            check_library(plan.waiting)
        if plan.queue is not None:
            plan.queue.begin(plan.waiting)
        write_down(plan)
        yield plan


def _stages(commands: Sequence[Command]) -> Generator[Sweep, None, None]:
    """Yield the sweeps of a command one after the other: one, or with tuning first the trials and then the rest."""
    from bench import tuning
    from bench.cli.compose import composed_tuned
    from bench.core.console import say
    from bench.sweep import plan
    from bench.sweep.resolve import SizedTasks

    if not commands[0].tune.n_trials:
        yield plan.plan(commands)
        return
    tasks = SizedTasks(commands[0].data_dir, say)
    yield from tuning.stages(commands, tasks, lambda folder, stem: command_of(composed_tuned(folder, stem)))


def _check_overrides(words: Sequence[str]) -> None:
    """Refuse unknown keys and choices, and an option that reads a pickle, before Hydra composes anything."""
    if any(word.startswith("--exp") for word in words):
        raise UsageError("`--experimental-rerun` is not supported: it reads a pickle, which can run code")
    folders = list(_folders(words))
    legal = legal_keys()
    for key, values in _overrides(words, folders):
        if "???" in values:
            raise ConfigError(key, "needs a value, got ???")
        if key in CHOICES:
            raise ConfigError(
                key, f"is a choice of settings; write {key.replace('.', '/')}={values[0] if values else '...'}"
            )
        if key in GROUPS:
            _check_choices(key, values, folders)
        elif key.split(".")[0].split("/")[0] not in ("hydra", "cell", "space", "let") and key not in legal:
            raise ConfigError(key, f"unknown key; {did_you_mean(key, legal)}")


def _overrides(words: Sequence[str], folders: Sequence[Path]) -> Iterator[tuple[str, list[str]]]:
    """Yield the key of each override and the values it sweeps over. Raises UsageError for broken grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    for word in (word for word in words if (not word.startswith("-") and "=" in word) or word.startswith("~")):
        try:
            override = parser.parse_override(word)
            values = _values(override, folders)
        except (HydraException, ValueError) as error:
            raise UsageError(f"bad override `{word}`: {str(error).splitlines()[0]}") from error
        if override.is_delete():
            raise UsageError(f"bad override `{word}`: a key cannot be deleted; set it to null for its default")
        yield override.key_or_group, values


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


def _one_message(error: BaseException) -> str:
    """Return the sentence of a Hydra or OmegaConf error that says what is wrong."""
    foreign = re.match(r"Could not override '([^']+)'", str(error))
    if foreign:
        group = foreign[1].split(".")[0]
        where = f"`conf/{group}` has them" if group == "tune" else f"`python -m bench {group}s` lists them"
        return str(ConfigError(foreign[1], f"not a setting of the chosen {group}; {where}"))
    missing = re.search(r"Interpolation key '([^']+)' not found\s+full_key: (\S+)", str(error))
    if missing:
        return str(ConfigError(missing[2], f"needs `{missing[1]}`, which does not exist"))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"bad config: {' '.join(lines[:3]) or type(error).__name__}"
