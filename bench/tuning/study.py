"""One study in progress; at every start it is rebuilt from the files on disk."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from bench import results
from bench.core.console import say
from bench.core.endings import trial_ending
from bench.core.errors import ConfigError, DataError
from bench.core.settings import Site
from bench.core.settings.search_space import Value
from bench.results.run import Run, RunRecord
from bench.results.study import Asked, Extension, StudyRecord, TrialOutcome, TrialRecord, best_of, outcome_of, shown
from bench.sweep.resolve import SizedTasks
from bench.sweep.schedule import Past
from bench.tuning.dashboard import Mirror
from bench.tuning.definition import Definition, recovered
from bench.tuning.widening import WideningSearch

Reflect = Callable[[Definition], Mirror | None]
"""Returns the copy of a study in a storage, None if there is none."""


class StudyRunner:
    """Asks for trials, returns their Runs, and tells the search how they ended."""

    def __init__(self, definition: Definition, site: Site, tasks: SizedTasks) -> None:
        self.definition, self._site, self._tasks = definition, site, tasks
        self.record = definition.record
        self._search = WideningSearch(definition)
        self.n_trials = self._search.first.n_points(definition.command.tune.n_trials)
        self.runs: dict[str, Run] = {}
        self._owners: dict[str, list[int]] = {}
        self._ended: dict[str, RunRecord] = {}
        self._nats: dict[str, tuple[float, ...]] = {}
        self._n_reported: dict[int, int] = {}
        self._pruned: set[int] = set()
        self._finished: dict[int, None] = {}  # in order
        self._n_written = 0
        self._mirror: Mirror | None = None
        self._rebuild()

    @property
    def n_open(self) -> int:
        """Number of trials not yet asked for."""
        return max(self.n_trials - len(self.record.trials), 0)

    @property
    def wanted(self) -> list[Run]:
        """The Runs of the trials asked for so far, except those left out."""
        return [run for key, run in self.runs.items() if key in self._ended or not self._is_left_out(key)]

    @property
    def outcomes(self) -> list[TrialOutcome]:
        """The outcome of each trial."""
        return [outcome_of(trial, self.record.metric, self._ended) for trial in self.record.trials]

    @property
    def best(self) -> TrialRecord | None:
        """The best trial by validation."""
        return best_of(self.record, self.outcomes)

    def begin(self, stack: ExitStack, mirror: Mirror | None) -> None:
        """Lock the study and write its file. Raises HeldError or StorageError."""
        stack.enter_context(results.held_study(self._site.directory, self.definition.folder_name))
        self.write()
        self._mirror = mirror
        if mirror is not None:
            mirror.widen(self.record.space)
            self._reflect_all(mirror)

    def extend(self, extensions: Sequence[Extension]) -> None:
        """Widen the space and ask for the trials in each new part; nothing is written to disk yet."""
        for each in extensions:
            self._widen(each)
            if self._mirror is not None:
                self._mirror.widen(self.record.space)
            while self.n_open:
                trial = self._add(self._search.ask())
                if self._mirror is not None:
                    self._reflect_asked(self._mirror, trial)
                self._tell_if_over(trial.number)

    def ask(self) -> list[Run]:
        """Ask for one more trial, write it to disk, and return its Runs that are not done. Raises StorageError."""
        trial = self._add(self._search.ask())
        news = tuple(self._finished)[self._n_written :]
        results.write_trial(self._site.directory, self.definition.folder_name, Asked(trial, news))
        self._n_written += len(news)
        if self._mirror is not None:
            self._reflect_asked(self._mirror, trial)
        self._tell_if_over(trial.number)
        return [self.runs[key] for key in trial.runs if key not in self._ended]

    def write(self) -> None:
        """Write the trials and the order in which they finished. Raises StorageError."""
        self.record = replace(self.record, finished=tuple(self._finished))
        results.write_study(self._site.directory, self.definition.folder_name, self.record)
        self._n_written = len(self._finished)

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """Report a Run's validation losses so far and return whether all of its trials are pruned."""
        numbers = self._owners[run.key]
        self._nats[run.key] = tuple(nats)
        for number in numbers:
            self._report(number)
        return all(number in self._pruned for number in numbers)

    def note(self, run: Run) -> str:
        """Return number, counted from 1, and settings of a Run's trial."""
        trial = self.record.trials[self._owners[run.key][0]]
        replication = f"replication {self.definition.replication}, " if self.definition.replication else ""
        return f"{replication}trial {trial.number + 1}: {shown(trial.params)}"

    def tell(self, run: Run) -> list[Run]:
        """Add the record of a Run that has ended and return the Runs that need not be trained any more."""
        record = results.find(self._site.directory, run)
        if record is None:
            return []
        self._add_record(record)
        dropped = []
        for number in self._owners[run.key]:
            if self._tell_if_over(number):
                dropped += [self.runs[key] for key in self.record.trials[number].runs if key not in self._ended]
        return [each for each in dropped if self._is_left_out(each.key)]

    def _is_left_out(self, key: str) -> bool:
        return all(number in self._finished for number in self._owners[key])

    def _add(self, params: Mapping[str, Value]) -> TrialRecord:
        """Add a trial to the record, with the records of those of its Runs that are finished."""
        runs, problem = self._runs_of(params)
        keys = tuple(run.key for run in runs)
        trial = TrialRecord(len(self.record.trials), dict(params), keys, len(self._finished), problem)
        self.record = replace(self.record, trials=(*self.record.trials, trial))
        for run in runs:
            self.runs[run.key] = run
            self._owners.setdefault(run.key, []).append(trial.number)
            record = results.find(self._site.directory, run)
            if record is not None and Past(record.outcome.status, record.cost.seconds).is_over(self._site):
                self._add_record(record)
        return trial

    def _runs_of(self, params: Mapping[str, Value]) -> tuple[list[Run], str]:
        try:
            return self.definition.runs_of(params, self._tasks), ""
        except ConfigError as error:
            return [], str(error)

    def _widen(self, each: Extension) -> None:
        self.record = self.record.with_extension(each)
        self._search.widen(each, self.record.space)
        self.n_trials += each.n_trials

    def _known_extensions(self, known: StudyRecord) -> tuple[Extension, ...]:
        """Return the extensions on disk that are still meant: those after as many trials in the space as it was."""
        is_meant = self.definition.command.tune.extend and known.n_trials == self.record.n_trials
        return known.extensions if is_meant else ()

    def _rebuild(self) -> None:
        """Repeat every ask and tell that is on disk, in the same order."""
        known = self._read()
        extensions = self._known_extensions(known)
        if known.extensions and not extensions:
            known = replace(known, trials=known.trials[: known.extensions[0].first])
        for each in extensions:
            self._widen(each)
        for trial in known.trials[: self.n_trials]:
            for number in known.finished[: trial.n_finished]:
                self._tell_if_over(number)
            added = self._add(self._search.ask(trial.params))
            if trial.is_given_up:
                self._mark_pruned(added.number)
        for number in (*known.finished, *range(len(self.record.trials))):
            self._tell_if_over(number)
        while self.n_open and len(self.record.trials) < self._search.first.n_independent:
            self._tell_if_over(self._add(self._search.ask()).number)

    def _read(self) -> StudyRecord:
        """Return the study on disk: its file, or if that is damaged, what the records of its Runs give."""
        directory, name = self._site.directory, self.definition.folder_name
        try:
            found = results.read_study(directory, name)
        except DataError as error:
            say(f"damaged: {error}; the study is rebuilt from the records of its runs")
            found = None
        if found is not None:
            return found
        return recovered(self.definition, directory, self._tasks) if self._search.first.learns else self.record

    def _add_record(self, record: RunRecord) -> None:
        self._ended[record.key] = record
        self._nats[record.key] = tuple(point.validation_nats for point in record.outcome.curve)

    def _tell_if_over(self, number: int) -> bool:
        """Tell the search how a trial ended, unless it was told before; return whether the trial has ended."""
        if number in self._finished:
            return True
        if number >= len(self.record.trials):
            return False
        self._report(number)
        outcome = self._outcome(number)
        if outcome.state == "waiting" and self._is_over_seeds and number in self._pruned:
            self._mark_pruned(number)
            outcome = self._outcome(number)
        if outcome.state == "waiting":
            return False
        self._search.tell(number, trial_ending(outcome.state), outcome.score)
        self._finished[number] = None
        if self._mirror is not None:
            self._mirror.end_trial(number, trial_ending(outcome.state), outcome.score)
        return True

    @property
    def _is_over_seeds(self) -> bool:
        """Whether the pruner compares seeds, and not evaluations."""
        return self.definition.command.tune.pruner.name == "wilcoxon"

    def _outcome(self, number: int) -> TrialOutcome:
        return outcome_of(self.record.trials[number], self.record.metric, self._ended)

    def _mark_pruned(self, number: int) -> None:
        """Mark a trial as pruned: its later seeds are left out."""
        trials = list(self.record.trials)
        trials[number] = replace(trials[number], is_given_up=True)
        self.record = replace(self.record, trials=tuple(trials))

    def _report(self, number: int) -> None:
        """Report the new values of a trial to the pruner."""
        if number in self._finished:
            return
        values = self._values(number)
        for step in range(self._n_reported.get(number, 0), len(values)):
            self._n_reported[number] = step + 1
            if self._search.report(number, step + 1, values[step]):
                self._pruned.add(number)
            if self._mirror is not None:
                self._mirror.report(number, step + 1, values[step])

    def _values(self, number: int) -> list[float]:
        """Return a trial's values so far: one for each seed that is done, or one for each evaluation of all seeds."""
        keys, metric = self.record.trials[number].runs, self.definition.metric
        if self._is_over_seeds:
            done = [self._ended[key] for key in keys if key in self._ended]
            scores = [record.outcome.scores.get("validation", {}) for record in done]
            return [score[metric.name] for score in scores if metric.name in score]
        curves = [self._nats.get(key, ()) for key in keys]
        return [statistics.fmean(map(metric.from_nats, nats)) for nats in zip(*curves, strict=False)]

    def _reflect_all(self, mirror: Mirror) -> None:
        for trial in self.record.trials:
            self._reflect_asked(mirror, trial)
            for step, value in enumerate(self._values(trial.number)[: self._n_reported.get(trial.number, 0)], 1):
                mirror.report(trial.number, step, value)
        for number in self._finished:
            outcome = self._outcome(number)
            mirror.end_trial(number, trial_ending(outcome.state), outcome.score)

    def _reflect_asked(self, mirror: Mirror, trial: TrialRecord) -> None:
        labels = [self.runs[key].label for key in trial.runs]
        mirror.begin_trial(trial.number, trial.params, {"runs": labels, "problem": trial.problem})
