"""A search over a space that is widened while it goes on: each extension has a search of its own over the new part."""

from __future__ import annotations

from collections.abc import Mapping

from bench.core.endings import TrialEnding
from bench.core.seeds import SEEDS, stream
from bench.core.settings.search_space import Space, Value
from bench.results.study import Extension
from bench.tuning.definition import Definition
from bench.tuning.search import Search


class WideningSearch:
    """Asks for the trials of a study one by one, and after these for those of each extension.

    Those of an extension are functions of the seed of the search, the number of the extension and their own numbers
    in it, so they are the same for every cell and after every interruption.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._parts = [(0, _search(definition, definition.space, definition.search_seed))]
        self._n_asked = 0

    @property
    def first(self) -> Search:
        """The search over the space before it was widened."""
        return self._parts[0][1]

    def widen(self, each: Extension, space: Space) -> None:
        """Add the trials of an extension, given the space as wide as it is with it."""
        seed = stream("extension", seed=self._definition.search_seed, extension=len(self._parts)) % SEEDS
        part = {**space, each.path: each.part_of(space[each.path])}
        self._parts.append((each.first, _search(self._definition, part, seed)))

    def ask(self, params: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """Return the settings of the next trial, see `Search.ask`."""
        search, _ = self._own(self._n_asked)
        self._n_asked += 1
        return search.ask(params)

    def report(self, number: int, step: int, value: float) -> bool:
        """Report an intermediate value of a trial and return whether to prune the trial."""
        search, own = self._own(number)
        return search.report(own, step, value)

    def tell(self, number: int, ending: TrialEnding, score: float | None = None) -> None:
        """Tell Optuna how a trial ended."""
        search, own = self._own(number)
        search.tell(own, ending, score)

    def _own(self, number: int) -> tuple[Search, int]:
        """Return the search that a trial is of, and its number there."""
        first, search = next(part for part in reversed(self._parts) if part[0] <= number)
        return search, number - first


def _search(definition: Definition, space: Space, seed: int) -> Search:
    tune = definition.command.tune
    return Search(
        space,
        tune.resolved_sampler,
        tune.pruner,
        direction=definition.metric.direction,
        seed=seed,
        n_steps=definition.n_steps,
    )
