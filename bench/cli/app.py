"""The Hydra app: overrides in, Runs and a report out."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.config import adding, check_tasks, command_of, conf_dir
from bench.cli.overrides import check_overrides, one_message
from bench.core.errors import BenchError, UsageError
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

    check_overrides(words)
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
        raise UsageError(one_message(error)) from error
    except (AssertionError, OSError, ValueError) as error:  # how Hydra refuses what its own settings cannot be
        if _is_ours(error):
            raise
        raise UsageError(one_message(error)) from error
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
        return UsageError(one_message(error))


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
