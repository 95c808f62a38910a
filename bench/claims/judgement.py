"""What an effect card says of a claim: one of four words, with its reason.

==========  =============================================  =============================  =========================
direction   supported                                      contradicted                   equivalent
==========  =============================================  =============================  =========================
better      left better; where by how much is open, only   the same with right            alike
            if the estimate itself lies beyond the margin
worse       as better with the sides exchanged
alike       alike                                          left or right better
not worse   the whole interval is on the better side of    right better
            the margin's worse edge
closes      not worse, where there was a gap: right        right better still
            better than left without it
==========  =============================================  =============================  =========================

Anything else is inconclusive. A card and its mirror image give the same word to a claim and its mirror image, so that
no two claims about one comparison contradict each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.claims.cards import TO_AN_EVALUATION, Compared
from bench.claims.claim import Claim, Direction
from bench.core.interval import ENOUGH
from bench.core.wording import quantity
from bench.stats.card import Card
from bench.stats.synthesis import Synthesis

Word = Literal["supported", "contradicted", "equivalent", "inconclusive"]

WORDS = ("supported", "contradicted", "equivalent", "inconclusive", "not tested")
"""The words for a claim on a data set, and the order in which they are listed."""


def word_of(card: Card, direction: Direction) -> Word:
    """Return what a card says of a claim of that direction, by the table at the top of this file."""
    outcome = card.outcome
    if direction in ("not_worse", "closes"):
        if card.is_not_worse:
            return "supported"
        return "contradicted" if outcome == "right better" else "inconclusive"
    if direction == "alike":
        if outcome == "alike":
            return "supported"
        return "contradicted" if outcome in ("left better", "right better") else "inconclusive"
    if outcome == "alike":
        return "equivalent"
    if outcome == "undecided" or (outcome.endswith("open") and not card.is_beyond):
        return "inconclusive"
    return "supported" if outcome.startswith("right" if direction == "worse" else "left") else "contradicted"


def reason_of(card: Card) -> str:
    """Return why a card has its word, in numbers."""
    found, (low, high) = card.interval, card.edges
    if card.is_exact:
        span = f"{found.low:.4g}" if found.low == found.high else f"{found.low:.4g} to {found.high:.4g}"
        where = "the one size" if found.n == 1 else f"each of {found.n} sizes"
        return f"counted, not estimated: {span} at {where} that both have; {card.null:g} was expected"
    if found.n < ENOUGH:
        return f"{quantity(found.n, 'pair')}; at least {ENOUGH} are needed"
    if not found.low <= found.high:
        return f"there is no interval ({found.kind})"
    if found.low == found.high:
        return f"all pairs agree on {found.mean:.4g}, and an interval without a width decides nothing"
    numbers = f"{found.mean:.4g}, {100 * card.confidence:.4g} % interval [{found.low:.4g}, {found.high:.4g}]"
    margin = f"the margin, {low:.4g} to {high:.4g}"
    says = {
        "alike": f"lies within {margin}",
        "undecided": f"holds {card.null:g} and reaches beyond {margin}",
    }.get(card.outcome, f"leaves {card.null:g} out and crosses an edge of {margin}")
    if card.outcome in ("left better", "right better"):
        says = f"lies wholly beyond {margin}"
    return f"{numbers} over {quantity(found.n, 'pair')}: it {says}{_outlook(card)}"


def _outlook(card: Card) -> str:
    if card.outcome in ("alike", "left better", "right better"):
        return ""
    if card.interval.kind.endswith(TO_AN_EVALUATION):
        return "; more frequent evaluations (train.evaluate_every) would narrow it"
    n = card.pairs_for_half_a_margin
    if n is None:
        return ""
    return f"; {'more than 10,000' if n > 10_000 else f'about {n:,}'} pairs would narrow it to half a margin either way"


def parts_of(found: Compared) -> str:
    """Return what the interval of a card holds, and how far each part of it reaches."""
    if found.crossed is None:
        return ""
    reaches = [(part.high - part.low) / 2 for part in (found.crossed.repetitions, found.crossed.pieces)]
    return (
        f"; of the interval, new repetitions alone would give ±{reaches[0]:.3g} and new test pieces ±{reaches[1]:.3g} "
        f"(of {quantity(found.crossed.pieces.n, 'piece')})"
    )


@dataclass(frozen=True)
class Result:
    """A claim on one data set; `found` is None where it was not tested, and `why` then says why."""

    task: str
    task_label: str
    word: Word | Literal["not tested"]
    why: str
    found: Compared | None = None

    @property
    def card(self) -> Card | None:
        return None if self.found is None else self.found.card

    @property
    def said(self) -> str:
        """The word, with the settings for which alone it holds."""
        scope = "" if self.found is None else self.found.scope
        return f"{self.word}, {scope}" if scope else self.word


@dataclass(frozen=True)
class Finding:
    """A claim with its results; `why` says why there are none, `overall` is the one word for all data sets.

    `names` are what its cells are called in print; `synthesis` is over data sets, where the claim is of them in
    general.
    """

    claim: Claim
    results: tuple[Result, ...]
    why: str = ""
    overall: str = ""
    names: tuple[str, ...] = ()
    synthesis: Synthesis | None = None

    @property
    def tested(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.found is not None)

    @property
    def is_tested(self) -> bool:
        return bool(self.tested)

    @property
    def word(self) -> str:
        """The one word for the claim, or how many data sets have which: `supported on 2, inconclusive on 1`."""
        counts = Counter(result.word for result in self.tested)
        if not counts:
            return "not tested"
        if self.overall or len(counts) == 1:
            return self.overall or next(iter(counts))
        return ", ".join(f"{word} on {counts[word]}" for word in WORDS if counts[word])  # type: ignore[index]

    @property
    def said(self) -> str:
        """The word, with the settings for which alone it holds, where these are the same on all data sets."""
        scopes = {result.found.scope for result in self.tested if result.found is not None}
        scope = scopes.pop() if len(scopes) == 1 else ""
        return f"{self.word}, {scope}" if scope else self.word


def overall_of(words: Sequence[str]) -> Word:
    """Return the one word for a claim that is about all data sets.

    It holds where every card says so and is contradicted where one does; as the intervals of all cards hold together,
    neither takes a correction.
    """
    if set(words) == {"supported"}:
        return "supported"
    if "contradicted" in words:
        return "contradicted"
    return "equivalent" if set(words) == {"equivalent"} else "inconclusive"
