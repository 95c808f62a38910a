"""Names of Runs in lines of progress: the cell, the task where there are several, and the settings that vary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from bench.core.wording import plain
from bench.results.groups import Settings, settings_of, varying
from bench.results.run import Run

SHORT = {"hidden_size": "h", "num_layers": "layers"}
"""Names of settings that have a shorter one; of all others the last part stands."""

LONGEST = 80


class RunNames:
    """Names of the Runs of a sweep, short and each another; settings in `searched` are left to whoever adds them.

    A setting varies where Runs of one task and cell differ in it: what goes with these two is not said again.
    """

    def __init__(self, runs: Iterable[Run], searched: Collection[str] = ()) -> None:
        groups: dict[tuple[str, str], dict[str, Settings]] = defaultdict(dict)
        for run in runs:
            groups[_group(run)][run.key] = _settings(run)
        self._has_tasks = len({task for task, _ in groups}) > 1
        self._words = {group: _words(settings, searched) for group, settings in groups.items()}

    def of(self, run: Run) -> str:
        """Return the name of a Run, one that was not known before too."""
        settings, words = _settings(run), self._words.get(_group(run), {})
        parts = [run.task_name] if self._has_tasks else []
        parts.append(run.cell_name)
        for name, short in _short([name for name in words if name in settings]).items():
            parts.append(f"{short}={words[name].get(settings[name], settings[name])}")
        return plain(" ".join(parts), LONGEST)


def _group(run: Run) -> tuple[str, str]:
    return run.task_name, run.cell_name


def _settings(run: Run) -> dict[str, str]:
    return {**settings_of(run), "seed": str(run.seed)}


def _words(settings: Mapping[str, Settings], searched: Collection[str]) -> dict[str, dict[str, str]]:
    """Return, by its name, the words for each value of a setting that varies, the seed last."""
    words = {name: found for name, found in varying(settings).items() if name not in searched}
    seed = {"seed": words.pop("seed")} if "seed" in words else {}
    words |= seed
    others = [name for name in words if name != "hidden_size"]
    if "hidden_size" in words and all(each["size.mode"] != "hidden" for each in settings.values()):
        with_it = {tuple(each.get(name) for name in words) for each in settings.values()}
        if len({tuple(each.get(name) for name in others) for each in settings.values()}) == len(with_it):
            del words["hidden_size"]  # it was solved for, and follows from the others
    return words


def _short(names: Iterable[str]) -> dict[str, str]:
    """Return a short word for each name, the name itself where two would have one."""
    short = {name: SHORT.get(name, name.rpartition(".")[2]) for name in names}
    words = list(short.values())
    return {name: word if words.count(word) == 1 else name for name, word in short.items()}
