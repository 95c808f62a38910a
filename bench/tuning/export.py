"""Export: tuned settings as config files that can be run: `--config-dir results/NAME +tuned=TASK-CELL`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from bench import results
from bench.core.console import program, say
from bench.core.errors import BenchError
from bench.core.settings import Command
from bench.core.settings.added_later import EXPORTED, without_later
from bench.results.paths import RESULTS
from bench.results.run import Run, RunRecord, slug
from bench.results.study import StudyRecord, TrialRecord, best_of, outcome_of, shown
from bench.sweep.resolve import SizedTasks, run_of

FOLDER = "tuned"
"""Config group of the files, and their folder in a results directory."""

MOST_NAMED = 8
"""Files that are named in one command."""

Compose = Callable[[Path, str], Command]
"""Returns the command that a file of a folder's group `tuned` composes to, given the folder and the file's stem."""


@dataclass(frozen=True)
class Winner:
    """The best trial of a study, one of its Runs, which has all settings of the trial, and the trial's score."""

    study: StudyRecord
    best: TrialRecord
    run: Run
    score: float

    @property
    def name(self) -> str:
        """Name of the file where no other winner of the same directory has it."""
        return f"{slug(self.study.task)}-{slug(self.study.cell)}"

    @property
    def full_name(self) -> str:
        """Name of the file where several winners have the same task and cell."""
        return f"{self.name}-{self.study.search_key}"


def winners_of(studies: Iterable[StudyRecord], records: Iterable[RunRecord]) -> list[Winner]:
    """Return the best trial of each search that has one by the records of its Runs."""
    by_key = {record.key: record for record in records}
    found = []
    for study in studies:
        outcomes = [outcome_of(trial, study.metric, by_key) for trial in study.trials]
        if (best := best_of(study, outcomes)) is not None:
            found.append(Winner(study, best, by_key[best.runs[0]].run, outcomes[best.number].score))
    return best_of_replications(found)


def best_of_replications(winners: Iterable[Winner]) -> list[Winner]:
    """Return the winners with those of the replications of one search made one, the best by validation."""
    best: dict[str, Winner] = {}
    for winner in winners:
        sign = -1.0 if winner.study.direction == "maximise" else 1.0
        known = best.setdefault(winner.study.search_key, winner)
        if sign * winner.score < sign * known.score:
            best[winner.study.search_key] = winner
    return list(best.values())


def export(winners: Sequence[Winner], directory: Path, compose: Compose, tasks: SizedTasks) -> None:
    """Write a file for each winner and print how to use it; a file that composes to another Run is not written.

    Raises StorageError.
    """
    often = {name for name, n in Counter(winner.name for winner in winners).items() if n > 1}
    named = {winner.full_name if winner.name in often else winner.name: winner for winner in winners}
    files = {stem: tuned_file(winner, stem, directory) for stem, winner in named.items()}
    with TemporaryDirectory(prefix="gatebench-tuned-") as folder:
        trial = Path(folder)
        _write(files, trial)
        problems = {stem: _problem(trial, stem, winner.run, compose, tasks) for stem, winner in named.items()}
    whole = {stem: text for stem, text in files.items() if not problems[stem]}
    _write(whole, directory)
    for stem, problem in problems.items():
        if problem:
            (directory / FOLDER / f"{stem}.yaml").unlink(missing_ok=True)
            say(f"tuned settings of study {named[stem].study.label}: not written, {problem}")
    if whole:
        say(f"tuned settings: {_how_to_use(list(whole), directory)}")


def _how_to_use(stems: Sequence[str], directory: Path) -> str:
    """Return the command that trains with every file of tuned settings; where they are many, with one of them."""
    is_many = len(stems) > MOST_NAMED
    chosen = "NAME" if is_many else ",".join(stems)
    options = "-m " if len(stems) > 1 and not is_many else ""
    command = f"{program()} {options}--config-dir {directory} +{FOLDER}={chosen} name={directory.resolve().name}_again"
    return f"{len(stems)} files in {directory / FOLDER}; {command}" if is_many else command


def tuned_file(winner: Winner, stem: str, directory: Path) -> str:
    """Return the text of the file of that stem from which a winner is trained again, in `directory`."""
    study, run = winner.study, winner.run
    choices = {"task": run.task_name, "cell": run.cell_name, "size": run.size.mode}
    settings = {
        "hidden_size": run.hidden_size,
        "num_layers": run.num_layers,
        # a Run on frames has none
        "embedding_size": run.embedding_size or study.settings["embedding_size"],
        **{name: dataclasses.asdict(getattr(run, name)) for name in ("size", "init", "optim", "train")},
        "kernel": run.kernel,
        "device": run.device,
    }
    settings = without_later(settings, but=EXPORTED)
    if _is_solved_for(winner):
        del settings["hidden_size"]
    lines = (
        "# @package _global_",
        f"# The best of {len(study.trials)} trials{_of_replication(study)}: {shown(winner.best.params)}.",
        f"# Command: python -m bench --config-dir {RESULTS / directory.resolve().name} +{FOLDER}={stem}",
    )
    defaults = [{f"override /{group}": name} for group, name in choices.items()]
    task = {"task": {"first_step": run.first_step}} if run.first_step == "given" else {}
    node = {"defaults": defaults, **task, **settings, "cell": _ordered(run.cell)}
    return "\n".join(lines) + "\n" + yaml.safe_dump(node, sort_keys=False, allow_unicode=True)


def _of_replication(study: StudyRecord) -> str:
    return f" of replication {study.replication}, the best of all by validation" if study.replication else ""


def _is_solved_for(winner: Winner) -> bool:
    """Return whether the hidden size of a winner was solved for a budget and not given."""
    return winner.study.settings["hidden_size"] is None and "hidden_size" not in winner.best.params


def _ordered(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell's node, name and kind first and the rest sorted, so that all its records give the same text."""
    first = {name: cell[name] for name in ("name", "kind") if name in cell}
    return {**first, **dict(sorted(cell.items()))}


def _write(files: Mapping[str, str], directory: Path) -> None:
    for stem, text in files.items():
        results.write_whole(results.make_folder(directory, FOLDER) / f"{stem}.yaml", text)


def _problem(folder: Path, stem: str, run: Run, compose: Compose, tasks: SizedTasks) -> str:
    """Return why a file does not give the Run that it stands for, "" if it does."""
    try:
        command = compose(folder, stem)
        composed = run_of(replace(command, seed=run.seed, phase=run.phase), tasks)
    except BenchError as error:
        return f"for its file cannot be composed: {error}"
    if composed.key == run.key:
        return ""
    parts = [part.name for part in dataclasses.fields(Run)]
    other = [name for name in parts if getattr(composed, name) != getattr(run, name)]
    return f"for its file gives another run: {', '.join(other)} would not be the same"
