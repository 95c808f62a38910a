"""A sweep before it starts: every point checked, finished Runs separated from the rest, and the time estimated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import results
from bench.core.console import say
from bench.core.endings import FINAL
from bench.core.errors import UsageError
from bench.core.settings import Command, Site
from bench.core.wording import quantity
from bench.results import TimedSize
from bench.results.run import Run, RunRecord
from bench.sweep import schedule
from bench.sweep.executors import executor_of
from bench.sweep.executors.base import Executor, GrowingQueue
from bench.sweep.progress import clock_time
from bench.sweep.resolve import SizedTasks, run_of, shape_of
from bench.sweep.schedule import Load, Past
from bench.sweep.time_left import Durations, TimeLeft
from bench.training import checkpoint


@dataclass(frozen=True)
class Sweep:
    """Distinct Runs, their cost, their earlier records, the executor for the rest, and the site.

    With a `queue` these are the Runs known so far; `before` are those of earlier stages, and `problems` say what
    failed there. `timed` holds, by key, the measurement for each Run whose hidden size comes from timing.
    """

    site: Site
    executor: Executor
    runs: tuple[Run, ...]
    loads: Mapping[str, Load]
    past: Mapping[str, Past]
    stops_at_failure: bool = False
    queue: GrowingQueue | None = None
    before: tuple[Run, ...] = ()
    problems: tuple[str, ...] = ()
    timed: Mapping[str, TimedSize] = field(default_factory=dict)

    @property
    def n_open(self) -> int:
        """Number of Runs not yet known."""
        return self.queue.n_open if self.queue else 0

    @property
    def waiting(self) -> list[Run]:
        """The Runs still to be trained."""
        return [run for run in self.runs if not self._is_over(run)]

    def _is_over(self, run: Run) -> bool:
        """Return whether a Run is finished, or timed out under a limit that has not been raised."""
        past = self.past.get(run.key)
        return past is not None and past.is_over(self.site)


def plan(commands: Sequence[Command]) -> Sweep:
    """Check every point of a command, data included, before anything is written. Raises UsageError."""
    first = commands[0]
    tasks, site = SizedTasks(first.data_dir, say), site_of(first)
    runs = [run_of(command, tasks) for command in commands]
    return sweep_of(runs, site, executor_of(first), tasks, stops_at_failure=first.on_failure == "stop")


def site_of(command: Command) -> Site:
    """Return where and how a command's Runs are trained. Raises UsageError for a bad name, or LinkError."""
    directory = results.results_directory(command.name)
    results.refuse_links(directory)
    return Site(
        directory=directory,
        data_dir=command.data_dir,
        limits=command.limits,
        checkpoint_seconds=command.checkpoint_seconds,
        population=command.population,
        keep=command.keep,
    )


def sweep_of(
    runs: Iterable[Run],
    site: Site,
    executor: Executor,
    tasks: SizedTasks,
    *,
    stops_at_failure: bool = False,
    queue: GrowingQueue | None = None,
    before: Iterable[Run] = (),
) -> Sweep:
    """Return a sweep over Runs, those that are done taken from their records. Raises UsageError where data differ."""
    each = {run.key: run for run in runs}
    loads, past, timed = {}, {}, {}
    for key, run in each.items():
        task = tasks.task(run.task)
        loads[key] = schedule.load_of(run, shape_of(run, task), task)
        if found := tasks.timed_sizes.timed_size(run):
            timed[key] = found
        record = results.find(site.directory, run)
        if record is not None:
            _check_same_data(record, tasks, site.directory)
            past[key] = Past(record.outcome.status, record.cost.seconds, _lacks_weights(site, record))
        elif problem := results.damage(site.directory, run):
            say(f"damaged: {problem}; the run is trained again")
    return Sweep(
        site,
        executor,
        tuple(each.values()),
        loads,
        past,
        stops_at_failure=stops_at_failure,
        queue=queue,
        before=tuple(before),
        timed=timed,
    )


def _lacks_weights(site: Site, record: RunRecord) -> bool:
    """Return whether a finished Run is trained again for its weights, and say so where they are there and damaged."""
    if not results.lacks_weights(site, record):
        return False
    if problem := results.look_for_weights(site.directory, record).damage:
        say(f"damaged: {problem}; the run is trained again for its weights")
    return True


def write_down(sweep: Sweep) -> None:
    """Write the hidden sizes found by timing and the plan of a sweep. Raises StorageError or UsageError."""
    for found in {each.run.key: each for each in sweep.timed.values()}.values():
        results.write_size(sweep.site.directory, found)
    results.write_plan(sweep.site.directory, [*sweep.before, *sweep.runs])


def _check_same_data(record: RunRecord, tasks: SizedTasks, directory: Path) -> None:
    """Refuse to add to results that were made on other data under the same task version."""
    node = record.run.task
    now = {"train": tasks.task(node).train.digest, "validation": tasks.validation(node).digest}
    if record.run.phase == "confirm":
        now["test"] = tasks.test_digest(node)
    for split, digest in now.items():
        if record.outcome.data_digests.get(split, digest) != digest:
            name = record.run.task_name
            raise UsageError(
                f"{directory} holds runs of task `{name}` made on other data (split {split}); "
                "raise the task's version, or give these results another name"
            )


def time_left(sweep: Sweep) -> TimeLeft:
    """Return the estimate of a sweep's time, by its Runs that have ended before."""
    durations, waiting = Durations(), sweep.waiting
    for run in sweep.runs:
        past = sweep.past.get(run.key)
        if past is not None and past.status in FINAL and past.seconds > 0:
            durations.learn(run, sweep.loads[run.key].operations, past.seconds)
    directory = sweep.site.directory
    begun = {run.key for run in waiting if checkpoint.is_there(results.folder_of(directory, run))}
    return TimeLeft(waiting, sweep.loads, n_open=sweep.n_open, durations=durations, begun=begun)


def summary(sweep: Sweep) -> str:
    """Return one line about a sweep: how many Runs, how many are done, how long the rest may take."""
    n_done, n_to_do = len(sweep.runs) - len(sweep.waiting), len(sweep.waiting) + sweep.n_open
    count = f"{quantity(n_done + n_to_do, 'run')}, {n_done} already done, {n_to_do} to do"
    place = f"results in {sweep.site.directory}"
    left = time_left(sweep)
    if not n_to_do or not left.is_known:
        return f"{count}; {place}"
    n_workers = min(sweep.executor.n_workers, n_to_do)
    basis = "by the finished runs here" if left.is_measured else "estimated from the operation count"
    took = f"about {clock_time(left.work / n_workers)} on {quantity(n_workers, 'worker')} ({basis})"
    return f"{count}, {took}; {place}"


def for_weights(sweep: Sweep) -> list[str]:
    """Return a line about the finished Runs that are trained again because their weights are to be kept, if any."""
    n = sum(past.lacks_weights for past in sweep.past.values())
    which = f"{quantity(n, 'finished run')} {'lacks' if n == 1 else 'lack'} weights"
    return [f"{which}: trained again for these alone, as keep=best asks; the records stay as they are"] if n else []


def sizes(sweep: Sweep) -> list[str]:
    """Return a line for each cell whose hidden size was solved for: the size, its count, its distance to the budget."""
    lines: dict[str, None] = {}
    for run in sweep.runs:
        budget, found, what = run.size.budget, *_budget_used(sweep, run)
        if budget and found:
            left = f"{(found - budget) / budget:+.1%} of the budget of {budget:,}"
            size = f"hidden_size {run.hidden_size}, {what}, {left}"
            lines[f"{run.task_name} {run.cell_name}: {size}"] = None
    return list(lines)


def _budget_used(sweep: Sweep, run: Run) -> tuple[float, str]:
    """Return how much of its budget a Run's hidden size uses, as a number and in words; 0 if it is not known."""
    load, count = sweep.loads[run.key], run.size.count
    match run.size.mode:
        case "params":
            return load.num_params[count], f"{load.num_params[count]:,} {count} parameters"
        case "flops":
            return load.num_flops[count], f"{load.num_flops[count]:,} {count} operations per unit"
        case "seconds" if run.key in sweep.timed:
            timed = sweep.timed[run.key]
            return timed.us_per_unit, f"{timed.us_per_unit:.3g} µs of training per unit, kernel {timed.kernel}"
    return 0.0, ""


def describe(sweep: Sweep) -> str:
    """Return the plan of a sweep: what is done, what is waiting, the size of each model, and the estimated time."""
    waiting = {run.key for run in sweep.waiting}
    lines = [f"{'state':8} {'total':>10} {'recurrent':>10}  run"]
    for run in sweep.runs:
        state = ("weights" if _is_for_weights(sweep, run) else "waiting") if run.key in waiting else "done"
        counts = sweep.loads[run.key].num_params
        lines.append(f"{state:8} {counts['total']:>10,} {counts['recurrent']:>10,}  {run.label}")
    if sweep.n_open:
        lines.append(f"and {sweep.n_open:,} runs of trials that depend on the scores of those before")
    return "\n".join([*lines, *sizes(sweep), *for_weights(sweep), summary(sweep)])


def _is_for_weights(sweep: Sweep, run: Run) -> bool:
    past = sweep.past.get(run.key)
    return past is not None and past.lacks_weights
