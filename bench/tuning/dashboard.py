"""Mirror: a copy of a study in one of Optuna's storages, for its dashboard. Nothing is ever read from it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import Trial

from bench.claims.importance import quiet
from bench.core.endings import TrialEnding
from bench.core.errors import UsageError
from bench.core.metrics import Direction
from bench.core.settings.search_space import Space, Value
from bench.tuning.distributions import distributions, drawn
from bench.tuning.search import DIRECTIONS, OPTUNA_STATES

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


class Mirror:
    """One study of a storage; when the storage fails, that is said once and the copy ends."""

    def __init__(
        self, storage: BaseStorage, name: str, space: Space, direction: Direction, *, complain: Callable[[str], None]
    ):
        self._space, self._distributions, self._complain = space, distributions(space), complain
        self._trials: dict[int, Trial] = {}
        self._is_broken = False
        with quiet():
            if name in optuna.get_all_study_names(storage):
                optuna.delete_study(study_name=name, storage=storage)
            self._study = optuna.create_study(
                study_name=name,
                storage=storage,
                direction=DIRECTIONS[direction],
                sampler=optuna.samplers.RandomSampler(0),
                pruner=optuna.pruners.NopPruner(),
            )

    def widen(self, space: Space) -> None:
        """Take trials of a wider space from now on."""
        self._space, self._distributions = space, distributions(space)

    def begin_trial(self, number: int, params: Mapping[str, Value], notes: Mapping[str, Any]) -> None:
        """Begin a trial."""

        def begin() -> None:
            self._study.enqueue_trial(drawn(self._space, params), user_attrs=dict(notes))
            self._trials[number] = self._study.ask(self._distributions)

        self._try(begin)

    def report(self, number: int, step: int, value: float) -> None:
        """Add an intermediate value."""
        self._try(lambda: self._trials[number].report(value, step))

    def end_trial(self, number: int, ending: TrialEnding, score: float) -> None:
        """End a trial."""
        value = score if ending == "done" and math.isfinite(score) else None
        self._try(lambda: self._study.tell(self._trials[number], value, state=OPTUNA_STATES[ending]))

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_broken:
            return
        try:
            with quiet():
                act()
        except Exception as error:  # any error of a database; the study itself does not depend on it
            self._is_broken = True
            self._complain(f"tune.storage: no further copy of the study is kept: {type(error).__name__}")


def storage_at(url: str) -> BaseStorage:
    """Open a storage and make its tables. Raises UsageError, which names no password, if there is none."""
    try:
        with quiet():
            return optuna.storages.RDBStorage(url)
    except Exception as error:  # SQLAlchemy, the driver, the driver's absence
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        password = re.search(r"://[^:/@]*:([^@]*)@", url)
        if password and password[1]:
            reason = reason.replace(password[1], "***")
        raise UsageError(f"tune.storage: no storage at {without_password(url)}: {reason}") from error


def without_password(url: str) -> str:
    """Return a URL without its password."""
    return re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", url)
