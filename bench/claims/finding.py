"""What the runs say about a claim: a verdict for each data set, or why there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bench.claims.claim import Claim
from bench.stats.verdict import Verdict

WORDS = ("supported", "contradicted", "equivalent", "inconclusive", "not tested")
"""The words for a claim on a data set, and the order in which they are listed."""

UNTUNED = "none"
"""The tuning of sides that ran with given settings."""


@dataclass(frozen=True)
class Result:
    """A claim on one data set; `verdict` is None where it was not tested, and `why` then says why.

    `compared` says which runs, `sides` and `what` of what the effect is, `tuning` how many trials each side had;
    `groups` are those of the report's frames.
    """

    task: str
    task_label: str
    verdict: Verdict | None
    why: str = ""
    compared: str = ""
    sides: str = ""
    what: str = ""
    tuning: str = ""
    groups: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """One of WORDS."""
        return "not tested" if self.verdict is None else self.verdict.word


@dataclass(frozen=True)
class Finding:
    """A claim with its results; `why` says why there are none, `overall` is the one word where all must agree."""

    claim: Claim
    results: tuple[Result, ...]
    why: str = ""
    overall: str = ""

    @property
    def tested(self) -> tuple[Result, ...]:
        """The results with a verdict."""
        return tuple(result for result in self.results if result.verdict is not None)

    @property
    def is_tested(self) -> bool:
        """Whether there is a verdict at all."""
        return bool(self.tested)

    @property
    def word(self) -> str:
        """The one word for the claim, or how many data sets have which: `supported on 2, inconclusive on 1`."""
        counts = Counter(result.word for result in self.tested)
        if not counts:
            return "not tested"
        if self.overall or len(counts) == 1:
            return self.overall or next(iter(counts))
        return ", ".join(f"{word} on {counts[word]}" for word in WORDS if counts[word])
