"""The effects at a glance: a row for each comparison, a place for its effect card on each data set, all on one axis."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from bench.claims.claim import OF_TRIALS, THRESHOLDS, TIMED, Claim
from bench.claims.judgement import Finding, Result
from bench.core.wording import estimated, plain
from bench.report.section import Effect, EffectRow, Effects
from bench.report.sections.claims import MODES, anchor
from bench.results.labels import CellStyles
from bench.stats.card import Card

REACH = (2.5, 8.0)
"""Margins that an axis reaches to either side, at least and at most: what lies further out ends in an arrow."""

COUNTED = {"recurrent": "recurrent parameters", "total": "parameters in all"}

DATA = {"most": "with all data", "least": "with the least data"}

GROUPS = ("Quality", "Speed", "Optimisation", "Importance")


def effects(findings: Sequence[Finding], looks: CellStyles) -> Effects | None:
    """Return the cards of all claims that were tested, each once; None where there are none."""
    tested = [finding for finding in findings if finding.is_tested]
    tasks = tuple(dict.fromkeys(plain(result.task_label, 60) for each in tested for result in each.tested))
    colours = {style.name: style.colour for style in looks.values()}
    rows: dict[str, list[EffectRow]] = {group: [] for group in GROUPS}
    shown: list[list[Card]] = []
    for finding in sorted(tested, key=lambda finding: finding.claim.size_count is None):
        cards = [result.found.card for result in finding.tested if result.found is not None]
        if not any(all(card in others or card.mirrored() in others for card in cards) for others in shown):
            shown.append(cards)
            rows[_group(finding.claim)].append(_row(finding, tasks, colours))
    groups = tuple((group, tuple(found)) for group, found in rows.items() if found)
    return Effects(tasks, groups) if groups else None


def _group(claim: Claim) -> str:
    if claim.factors:
        return "Importance"
    if claim.metric in TIMED or claim.metric == "num_params":
        return "Speed"
    return "Optimisation" if claim.metric in (*THRESHOLDS, *OF_TRIALS, "train_loss", "overfit") else "Quality"


def _row(finding: Finding, tasks: Sequence[str], colours: dict[str, str]) -> EffectRow:
    claim, by_task = finding.claim, {plain(result.task_label, 60): result for result in finding.tested}
    cards = [result.found.card for result in finding.tested if result.found is not None]
    ends = [abs(end) for card in cards for end in _finite(card)]
    reach = min(max(REACH[0], 1.15 * max(ends, default=0.0)), REACH[1])
    rule = COUNTED.get(claim.size_count or "", "")
    mode = f"at equal {rule}" if rule and claim.size_mode == "params" else MODES[claim.size_mode]
    found = [result.found for result in finding.tested if result.found is not None]
    whats = list(dict.fromkeys(re.sub(r" of [\d.]+$", "", each.what) for each in found))
    parts = (" or ".join(whats), DATA.get(claim.data or "", ""), "" if claim.factors else mode)
    sides, told = found[0].sides, ", ".join(filter(None, parts))
    places = tuple(_effect(by_task.get(task), reach, colours) for task in tasks)
    return EffectRow(sides, told, f"#{anchor(claim)}", reach, places)


def _finite(card: Card) -> Iterator[float]:
    found = card.in_margins()
    yield from (each for each in (found.low, found.mean, found.high) if math.isfinite(each))


def _effect(result: Result | None, reach: float, colours: dict[str, str]) -> Effect | None:
    if result is None or result.found is None:
        return None
    card = result.found.card
    found = card.in_margins()
    if not math.isfinite(found.mean):
        return None
    low, mean, high = (
        max(-1.0, min(1.0, (each if math.isfinite(each) else found.mean) / reach))
        for each in (found.low, found.mean, found.high)
    )
    winner = {"left": card.left, "right": card.right}.get(card.outcome.partition(" ")[0], "")
    kind = card.outcome if card.outcome in ("alike", "undecided") else "better"
    return Effect(low, mean, high, plain(card.word, 80), estimated(card.interval), kind, _colour(winner, colours))


def _colour(name: str, colours: dict[str, str]) -> str:
    """Return the colour of a side: that of the cell with the longest name that the side's begins with."""
    known = [each for each in colours if name and (name == each or name.startswith(f"{each} "))]
    return colours[max(known, key=len)] if known else ""
