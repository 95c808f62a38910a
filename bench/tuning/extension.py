"""Extensions: where the best trial of any cell lies at an edge, the space is widened for every cell by the same draws.

Whether it is widened follows from the records of the trials, so an interrupted command comes to the same decision; once
it is made it stands in every study, and is not made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.errors import UsageError
from bench.core.settings.tuning import MOST_EXTENSIONS
from bench.core.settings.widening import End, beyond, limits_of, widened
from bench.core.wording import listed, quantity
from bench.results.edges import Edge, edges_of
from bench.results.study import Extension
from bench.tuning.study import StudyRunner


@dataclass(frozen=True)
class Family:
    """The studies whose spaces are widened together: those of every cell, with all replications."""

    runners: tuple[StudyRunner, ...]

    def even_out(self) -> None:
        """Give every study the extensions that any of them has: a cell may have come later, or a command been ended.

        Raises UsageError where two studies were widened differently.
        """
        longest = max(self.runners, key=lambda each: len(each.record.extensions))
        known = longest.record.extensions
        for runner in self.runners:
            own = runner.record.extensions
            if own != known[: len(own)]:
                raise UsageError(
                    f"tune.extend: the spaces of {runner.definition.label} and {longest.definition.label} were widened "
                    "differently, by a command for each alone; give the results of both together another name"
                )
            runner.extend(known[len(own) :])

    def next_extensions(self) -> tuple[Extension, ...]:
        """Return by what the space is widened next, nothing where no best trial lies at an edge that can be moved."""
        if any(outcome.state == "waiting" for runner in self.runners for outcome in runner.outcomes):
            return ()
        cells: dict[tuple[str, End], set[str]] = defaultdict(set)
        for runners in searches(self.runners):
            for edge in edges_of_search(runners):
                cells[edge.path, edge.end].add(runners[0].record.cell)
        some = self.runners[0]
        first, n_trials, space = len(some.record.trials), max(1, round(some.record.n_trials / 2)), some.record.space
        found: list[Extension] = []
        for (path, end), named in sorted(cells.items()):
            before = [(each.path, each.end) for each in some.record.extensions]
            part = beyond(space[path], end, limits_of(path), some.definition.space[path])
            if part is not None and before.count((path, end)) < MOST_EXTENSIONS:
                low, high = part.bounds
                found.append(Extension(path, end, low, high, tuple(sorted(named)), first, n_trials))
                space, first = widened(space, path, end, low, high), first + n_trials
        return tuple(found)

    def widen(self) -> list[str]:
        """Widen the space of every study where a best trial lies at an edge, and return in words by what."""
        found = self.next_extensions()
        for runner in self.runners if found else ():
            runner.extend(found)
            runner.write()
        return [self._said(each) for each in found]

    def _said(self, each: Extension) -> str:
        task = self.runners[0].record.task
        return (
            f"{task}: {each.path} is searched from {each.low:.4g} to {each.high:.4g} too, for every cell, in "
            f"{quantity(each.n_trials, 'more trial', 'more trials')} of each study, as the best of "
            f"{listed(list(each.cells))} lay at its {each.end} end"
        )


def families(runners: Sequence[StudyRunner]) -> list[Family]:
    """Return the families of the studies whose commands ask for extensions, with the same extensions in each."""
    found: dict[str, list[StudyRunner]] = defaultdict(list)
    for runner in runners:
        if runner.definition.command.tune.extend:
            found[runner.definition.family].append(runner)
    each = [Family(tuple(members)) for members in found.values()]
    for family in each:
        family.even_out()
    return each


def searches(runners: Sequence[StudyRunner]) -> list[list[StudyRunner]]:
    """Return the replications of each search."""
    found: dict[str, list[StudyRunner]] = defaultdict(list)
    for runner in runners:
        found[runner.record.search_key].append(runner)
    return list(found.values())


def edges_of_search(runners: Sequence[StudyRunner]) -> tuple[Edge, ...]:
    """Return the edges at which the best trials of the replications of one search lie."""
    return edges_of([(runner.record, runner.best) for runner in runners if runner.best is not None])
