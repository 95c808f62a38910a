"""The best trial of a study in words, or those of its replications: what each chose, by its median and range."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.core.settings.search_space import Dimension, Value
from bench.core.wording import NO_NUMBER, listed
from bench.results.study import shown
from bench.results.trial_frames import Tuned

NO_EDGE = "none"


@dataclass(frozen=True)
class Best:
    """What a table says of the best trial of a study; `number` and `score` are what it is sorted by."""

    which: str = NO_NUMBER
    number: float = -1
    settings: str = NO_NUMBER
    score_text: str = NO_NUMBER
    score: float = math.nan
    edges: str = NO_EDGE


def best_of_study(tuned: Tuned, name: str) -> Best:
    """Return the best trial of a study, or the best trials of its replications."""
    study = tuned.studies[name]
    best = [trial for each, _, trial in tuned.best if each == name]
    trials = tuned.trials[(tuned.trials["study"] == name) & tuned.trials["is_best"].astype(bool)]
    scores = [float(score) for score in trials["score"]]
    if not best:
        return Best()
    edges = listed([f"{edge.path} ({edge.where})" for edge in tuned.edges(name)])
    if not study.replication:
        number = best[0].number
        return Best(f"{number}", number, shown(best[0].params), f"{scores[0]:.4g}", scores[0], edges)
    return Best(
        which=f"{len(best)}, one each",
        number=len(best),
        settings=settings_of_replications(study.space, [trial.params for trial in best]),
        score_text=_median(scores),
        score=statistics.median(scores),
        edges=edges,
    )


def settings_of_replications(space: Mapping[str, Dimension], chosen: Sequence[Mapping[str, Value]]) -> str:
    """Return what replications chose, in words: the median and range of a number, how often each choice was made."""
    parts = []
    for path, dimension in sorted(space.items()):
        values = [params[path] for params in chosen]
        parts.append(f"{path} {_tally(values) if dimension.choices else _median([float(value) for value in values])}")
    return ", ".join(parts)


def _median(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    middle = f"{statistics.median(values):.4g}"
    return middle if low == high else f"{middle} ({low:.4g} to {high:.4g})"


def _tally(values: Sequence[Value]) -> str:
    return " or ".join(f"{value} ({n} of {len(values)})" for value, n in Counter(values).most_common())
