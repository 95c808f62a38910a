"""Claims of the literature: the table of verdicts that opens a report, and a chapter with the evidence for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.claims.claim import ADJECTIVES, Claim, Kind
from bench.claims.judgement import WORDS, Finding, Result
from bench.claims.margins import margins
from bench.claims.phrases import UNTUNED
from bench.core.cell_words import cell_words, shipped
from bench.core.interval import ENOUGH
from bench.core.wording import digits_of, estimated, number, plain, quantity, span
from bench.report.section import Chapter, Entry, Section, Table
from bench.stats.card import LEVEL, READING, Card

HEADERS = ("Claim", "Verdict", "What was compared", "Effect [interval]", "n", "Tuning")

DETAILS = ("Data set", "Verdict", "Result", "Effect [interval]", "Margin", "Confidence", "n", "First wins", "Tuning")

CAPTION = (
    "Each line links to its evidence. A verdict follows from the interval of the effect and the margin within which an "
    "effect does not matter. Supported, contradicted: there is the effect that is claimed, or its opposite. "
    "Equivalent: the interval lies within the margin. Inconclusive: these runs do not decide. Effect: as written under "
    "“What was compared”, − for a difference and / for a ratio. Intervals hold together over all data sets of a "
    f"comparison with {100 * (1 - LEVEL):g} % (Bonferroni). n: pairs; {ENOUGH} are needed. Tuning: trials of each side."
)

MODES = {
    "hidden": "at equal width",
    "params": "at an equal number of parameters",
    "flops": "at equally many operations",
    "seconds": "at equal training time per unit",
    "same": "at equal shapes",
    "any": "each side at its best size",
}


def verdicts(findings: Sequence[Finding]) -> Section | None:
    """Return the table of verdicts, the decided ones first; None if no claims were tested."""
    if not findings:
        return None
    tested = sorted((finding for finding in findings if finding.is_tested), key=_rank)
    heading = "Claims and verdicts"
    if not tested:
        return Section(heading, ("No claim can be tested with these runs.",))
    rows = tuple(_row(finding) for finding in tested)
    return Section(heading, (*_note_on_chance(len(tested)), *_note_on_tuning(tested)), Table(HEADERS, rows, CAPTION))


def untested(findings: Sequence[Finding]) -> tuple[tuple[str, str], ...]:
    """Return the claims that were not tested, each with the reason."""
    return tuple(
        (plain(finding.claim.sentence, 300), plain(finding.why, 300)) for finding in findings if not finding.is_tested
    )


def evidence(findings: Sequence[Finding]) -> tuple[Chapter, ...]:
    """Return the chapter of all claims that were tested, or none."""
    tested = sorted((finding for finding in findings if finding.is_tested), key=_rank)
    return (Chapter("Claims", tuple(_section(finding) for finding in tested)),) if tested else ()


def _rank(finding: Finding) -> tuple[int, str]:
    return min(WORDS.index(result.word) for result in finding.tested), finding.claim.name


def _note_on_chance(n: int) -> tuple[str, ...]:
    if n < 2:
        return ()
    tested = f"{quantity(n, 'claim')}, each wrong on any data set with a chance of {100 * LEVEL:.0f} % at most"
    return (f"{tested}: of all together, expect up to {n * LEVEL:.2g} with a false verdict.",)


def _note_on_tuning(tested: Sequence[Finding]) -> tuple[str, ...]:
    found = [result.found for finding in tested for result in finding.tested if result.found is not None]
    is_bare = any(each.tuning == UNTUNED for each in found)
    return ("Where nothing was tuned, a verdict holds for the settings that ran and for no others.",) if is_bare else ()


def _row(finding: Finding) -> tuple[Entry, ...]:
    tested = finding.tested
    found = [result.found for result in tested if result.found is not None]
    where = f", on {plain(tested[0].task_label, 60)}" if len(tested) == 1 else ""
    ns = [each.card.interval.n for each in found]
    return (
        Entry(plain(finding.claim.sentence, 300), link=f"#{anchor(finding.claim)}"),
        Entry(finding.said),
        Entry(f"{plain(_compared(tested), 120)}{where}"),
        Entry(_effects([each.card for each in found])),
        Entry(span(ns), max(ns)),
        Entry("; ".join(dict.fromkeys(each.tuning for each in found))),
    )


def _compared(tested: Sequence[Result]) -> str:
    """Return the sides, and what is compared of them where it is the same on all data sets."""
    found = [result.found for result in tested if result.found is not None]
    whats = {each.what for each in found}
    if len(whats) > 1:  # a threshold is another number on each data set
        whats = {re.sub(r" of [\d.]+$", "", what) for what in whats}
    return f"{found[0].sides}, {whats.pop()}" if len(whats) == 1 else found[0].sides


def _effects(cards: Sequence[Card]) -> str:
    """Return the effect, or the range of several; in margins where their units differ."""
    if len(cards) == 1:
        return estimated(cards[0].interval)
    is_one_unit = len({card.unit for card in cards}) == 1
    effects = [card.interval if is_one_unit else card.in_margins() for card in cards]
    means = sorted(effect.mean for effect in effects)
    digits = digits_of(effects)
    unit = "" if is_one_unit else " margins"
    return f"{number(means[0], digits)} to {number(means[-1], digits)}{unit} on {len(means)} data sets"


def _section(finding: Finding) -> Section:
    claim = finding.claim
    sentence = plain(claim.sentence, 600)
    sentence = f"“{sentence}”" if claim.is_quoted else f"In our words: {sentence}"
    text = [
        f"{sentence} Source: {plain(claim.source, 600)}.",
        f"Verdict: {finding.said}. {_rule(finding)}",
        *_in_general(finding),
        *(_result_sentence(result) for result in finding.results),
    ]
    text += [f"Waits for: {plain(claim.waits_for, 600)}."] if claim.waits_for else []
    text += [f"Note: {plain(claim.note, 1500)}"] if claim.note else []
    rows = tuple(_result_row(result) for result in finding.results)
    caption = f"{_effect(finding)}{READING} First wins: the share of pairs in which the first is better."
    return Section(title(claim), tuple(text), Table(DETAILS, rows, caption), anchor=anchor(claim))


def _in_general(finding: Finding) -> list[str]:
    """Return what the data sets say of data sets in general."""
    found = finding.synthesis
    if found is None:
        few = "Fewer than two data sets have a card with an interval, which says nothing of data sets in general."
        return [few] if finding.claim.across == "general" else []
    n = found.interval.n
    few = f"; {n} are a small sample of data sets, and {ENOUGH} are needed to decide" if n < ENOUGH else ""
    mean = estimated(found.interval)
    new = ""
    if found.left_better is not None and found.left_better_by_a_margin is not None:
        new = (
            f" On a new data set {finding.names[0]} would be better with a probability of {found.left_better:.2f}, by "
            f"the margin or more with {found.left_better_by_a_margin:.2f}."
        )
    return [
        f"Over {n} data sets taken as a sample, the mean effect is {mean} margins (below 0: {finding.names[0]} "
        f"better), with a spread between data sets of {found.spread:.2g} margins{few}.{new}"
    ]


def _effect(finding: Finding) -> str:
    """Return what the effect is of, and what its sign says."""
    found = next((result.found for result in finding.tested if result.found is not None), None)
    if found is None:
        return ""
    card = found.card
    side = "below" if card.is_minimised else "above"
    sign = "" if card.is_exact else f"; {side} {card.null:g}: {card.left} {card.adjective}"
    return f"Effect: {_compared(finding.tested)}{sign}. "


def _result_sentence(result: Result) -> str:
    label, why = plain(result.task_label, 80), re.sub(r"-(?=\d)", "−", plain(result.why, 600))
    if result.found is None:
        return f"{label}: not tested. {why}"
    return f"{label}: {result.said}. {why[:1].upper()}{why[1:]}. Compared: {plain(result.found.runs, 600)}."


def _result_row(result: Result) -> tuple[Entry, ...]:
    label = Entry(plain(result.task_label, 80))
    if result.found is None:
        return label, Entry(result.word), *(Entry("") for _ in DETAILS[2:])
    card = result.found.card
    return (
        label,
        Entry(result.word),
        Entry(plain(card.word, 120)),
        Entry(estimated(card.interval)),
        Entry(card.margin_text),
        Entry("" if card.is_exact else f"{100 * card.confidence:.4g} %", card.confidence),
        Entry(str(card.interval.n), card.interval.n),
        Entry("" if card.is_exact else f"{100 * card.wins.mean:.0f} %", card.wins.mean),
        Entry(result.found.tuning),
    )


def _rule(finding: Finding) -> str:
    """Return the test as fixed beforehand, in words."""
    claim = finding.claim
    left, right = (*finding.names, "", "")[:2]
    better, worse = ("gains more", "gains less") if claim.over else ADJECTIVES.get(claim.metric, ("better", "worse"))
    holds = {
        "better": f"{left} {better}",
        "worse": f"{left} {worse}",
        "alike": f"{left} and {right} alike",
        "not_worse": f"{left} not worse than {right} by the margin",
        "closes": f"{left} not worse than {right}, where without it there is a gap",
        "more": f"{' more than '.join([*claim.factors, 'all others together'][:2])}",
    }[claim.direction]
    margin = f"margin {margins()[_kind(claim)]}"
    parts = [f"supported where the card says {holds}", margin, MODES[claim.size_mode]]
    if claim.budget:
        parts.append(f"a budget from {claim.budget[0]:,g} to {claim.budget[1]:,g}")
    if claim.across != "each":
        parts.append("all data sets must agree" if claim.across == "all" else "data sets in general")
    return f"Fixed beforehand: {'; '.join(part for part in parts if part)}."


def _kind(claim: Claim) -> Kind:
    return "share" if claim.factors else claim.comparison.kind


def title(claim: Claim) -> str:
    """Return a short title: the claim's name as words."""
    titles = {name: cell_words(node).title for name, node in shipped().items()}
    text = " ".join(titles.get(word, word) for word in claim.name.split("_"))
    return text[:1].upper() + text[1:]


def anchor(claim: Claim) -> str:
    """Return what links on a page call the evidence for a claim."""
    return f"claim-{claim.name}"
