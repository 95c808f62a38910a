"""Hydra plugins: a reader of config files that lets through data alone, a sweeper that writes nothing
and a launcher that checks every point first.

No `from __future__ import annotations` here: Hydra 1.3 loads plugin modules in a way that breaks dataclasses then.
"""

import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from hydra._internal.core_plugins import file_config_source
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from bench.cli.compose import Composer, is_search, space_lines
from bench.cli.config import GROUPS, adding, check_from_outside, conf_dir
from bench.core.errors import UsageError

FOLDERS = ("", "tune", *GROUPS)
"""What is visible of an external folder: the config groups, and the folders that contain them."""


@dataclass
class GatebenchSweeperConf:
    """Hydra's node for the sweeper."""

    _target_: str = "hydra_plugins.gatebench.GatebenchSweeper"
    max_batch_size: int | None = None
    params: dict[str, str] | None = None


@dataclass
class GatebenchLauncherConf:
    """Hydra's node for the launcher."""

    _target_: str = "hydra_plugins.gatebench.GatebenchLauncher"


ConfigStore.instance().store("gatebench", GatebenchSweeperConf, group="hydra/sweeper", provider="gatebench")
ConfigStore.instance().store("gatebench", GatebenchLauncherConf, group="hydra/launcher", provider="gatebench")


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's reader of config files, which checks every file that is not the program's own before it is read.

    This holds however a folder was added to the search path. Of other folders only the config groups are visible: any
    other with the name of a setting, such as `report` in a results directory, would replace the setting. The class
    replaces Hydra's own reader and therefore has the same name.
    """

    _read: ClassVar[dict[str, ConfigResult]] = {}

    def is_group(self, config_path: str) -> bool:
        """Return whether that is a folder of config files."""
        return super().is_group(config_path) and (self._is_ours() or config_path in FOLDERS)

    def is_config(self, config_path: str) -> bool:
        """Return whether that is a config file."""
        return super().is_config(config_path) and (self._is_ours() or config_path.rpartition("/")[0] in GROUPS)

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file, one of our own once for all points. Raises ConfigError if it is from outside and not data."""
        path = Path(self.path) / self._normalize_file_name(config_path)
        if not self._is_ours():
            check_from_outside(path, config_path.rpartition("/")[0])
            return super().load_config(config_path)
        if config_path not in self._read:
            self._read[config_path] = super().load_config(config_path)
        found = self._read[config_path]
        return replace(found, config=deepcopy(found.config))  # the caller takes the defaults out of it

    def _is_ours(self) -> bool:
        return Path(self.path).resolve() == conf_dir().resolve()


SourcesRegistry.instance().types[FileConfigSource.scheme()] = FileConfigSource


class GatebenchSweeper(BasicSweeper):
    """Hydra's grid, handed to the launcher whole; unlike Hydra's own sweeper it writes no file."""

    def sweep(self, arguments: list[str]) -> Any:
        """Expand the grid of the arguments and of `hydra.sweeper.params` and launch it."""
        if self.hydra_context is None or self.launcher is None or self.config is None:
            raise RuntimeError("setup() comes before sweep()")
        composer = Composer(self.hydra_context.config_loader, self.config)
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*map(adding, self._parse_config()), *arguments])
        searches = [override for override in overrides if is_search(override)]
        if searches and _is_tuning(overrides, composer):
            swept = [override for override in overrides if override not in searches]
            overrides = [*swept, *parser.parse_overrides(space_lines(searches))]
        elif intervals := [override for override in searches if override.is_interval_sweep()]:
            raise UsageError(f"bad override `{intervals[0].input_line}`: is searched only with tune.n_trials above 0")
        (points,) = self.split_arguments(overrides, None)
        if not points:
            empty = [line.input_line for line in overrides if line.is_sweep_override() and not [*line.sweep_iterator()]]
            raise UsageError(f"bad override `{empty[0]}`: sweeps over no value")
        jobs = self.launcher.launch(points, initial_job_idx=0)
        return [job.return_value for job in jobs]  # raises what a job of Hydra's own launchers ended with


def _is_tuning(overrides: Sequence[Override], composer: Composer) -> bool:
    """Return whether a command tunes, judged by its overrides that are not sweeps."""
    lines = [override.input_line for override in overrides if not override.is_sweep_override()]
    return bool(composer.compose([line for line in lines if line is not None])["tune"]["n_trials"])


class GatebenchLauncher(Launcher):
    """Composes and checks all points, then runs them as one sweep."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Store what Hydra passes."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run every point; if the exit status is not 0, exit here, because Hydra would lose it."""
        from bench.cli.app import run_points

        composer = Composer(self.hydra_context.config_loader, self.config)
        exit_code = run_points([composer.compose(overrides) for overrides in job_overrides])
        if exit_code:
            sys.exit(exit_code)
        return [
            JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=exit_code)
            for overrides in job_overrides
        ]
