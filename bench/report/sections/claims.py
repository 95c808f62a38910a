"""Claims of the literature: the table of verdicts that opens a report, and a chapter with the evidence for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.claims.claim import Claim
from bench.claims.judgement import LEVEL, UNTUNED, WORDS, Finding, Result
from bench.core.cell_words import cell_words, shipped
from bench.core.interval import ENOUGH
from bench.core.wording import digits_of, estimated, number, plain, quantity, span
from bench.report.section import Chapter, Entry, Section, Table

HEADERS = ("Claim", "Verdict", "What was compared", "Effect [interval]", "n", "Tuning")

DETAILS = ("Data set", "Verdict", "Effect [interval]", "Confidence", "n", "Tuning")

CAPTION = (
    "Each line links to its evidence. Supported, contradicted: the interval of the effect lies wholly on the claimed "
    "or on the other side. Equivalent: any difference is smaller than the margin fixed beforehand. Inconclusive: these "
    "runs do not decide. Effect: as written under “What was compared”, − for a difference and / for a ratio; where it "
    "is of a loss, below 0 the first cell is better. Intervals: 95 %, wider over several data sets, so that the chance "
    f"of even one false verdict per claim stays at 5 % (Holm). n: pairs of runs with one seed; {ENOUGH} are needed. "
    "Tuning: trials of each side."
)

LOSSES = ("loss", "train_loss")
"""Quantities of which less is better."""

MODES = {
    "hidden": "at equal width",
    "params": "at an equal number of parameters",
    "flops": "at equally many operations",
    "seconds": "at equal training time per unit",
    "same": "at equal shapes",
    "any": "each side at its best size",
}

HOLM = (
    "Over several data sets the intervals are those of Holm's procedure: the chance of even one false verdict among "
    "them is 5 %."
)


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
    tested = f"{quantity(n, 'claim')}, each tested at {100 * LEVEL:.0f} %"
    return (f"{tested}. With no real effect, expect up to {n * LEVEL:.2g} false verdicts.",)


def _note_on_tuning(tested: Sequence[Finding]) -> tuple[str, ...]:
    is_bare = any(result.tuning == UNTUNED for finding in tested for result in finding.tested)
    return ("Where nothing was tuned, a verdict holds for the settings that ran and for no others.",) if is_bare else ()


def _row(finding: Finding) -> tuple[Entry, ...]:
    tested = finding.tested
    first = tested[0]
    compared = _compared(tested)
    where = f", on {plain(first.task_label, 60)}" if len(tested) == 1 else ""
    ns = [result.verdict.estimate.wide.n for result in tested if result.verdict]
    return (
        Entry(plain(finding.claim.sentence, 300), link=f"#{_anchor(finding.claim)}"),
        Entry(finding.word),
        Entry(f"{plain(compared, 120)}{where}"),
        Entry(_effects(tested)),
        Entry(span(ns), max(ns)),
        Entry("; ".join(dict.fromkeys(result.tuning for result in tested))),
    )


def _compared(tested: Sequence[Result]) -> str:
    """Return the sides, and what is compared of them where it is the same on all data sets."""
    whats = {result.what for result in tested}
    if len(whats) > 1:  # a threshold is another number on each data set
        whats = {re.sub(r" of [\d.]+$", "", what) for what in whats}
    return f"{tested[0].sides}, {whats.pop()}" if len(whats) == 1 else tested[0].sides


def _effects(tested: Sequence[Result]) -> str:
    effects = [result.verdict.estimate.wide for result in tested if result.verdict is not None]
    if len(effects) == 1:
        return estimated(effects[0])
    means = sorted(effect.mean for effect in effects)
    digits = digits_of(effects)
    return f"{number(means[0], digits)} to {number(means[-1], digits)} on {len(means)} data sets"


def _section(finding: Finding) -> Section:
    claim = finding.claim
    text = [
        f"{plain(claim.sentence, 600)} Source: {plain(claim.source, 600)}.",
        f"Verdict: {finding.word}. {_rule(finding)}",
        *(_result_sentence(result) for result in finding.results),
    ]
    if claim.note:
        text.append(f"Note: {plain(claim.note, 1500)}")
    rows = tuple(_result_row(result) for result in finding.results)
    caption = f"{_effect(finding)}{HOLM}"
    return Section(_title(claim), tuple(text), Table(DETAILS, rows, caption), anchor=_anchor(claim))


def _effect(finding: Finding) -> str:
    """Return what the effect is of, and what its sign says."""
    if not finding.is_tested:
        return ""
    claim = finding.claim
    is_of_losses = claim.estimator == "paired_difference" and claim.metric in LOSSES
    sign = f"; below 0: {finding.names[0]} better" if is_of_losses else ""
    return f"Effect: {_compared(finding.tested)}{sign}. "


def _result_sentence(result: Result) -> str:
    label = plain(result.task_label, 80)
    if result.verdict is None:
        return f"{label}: not tested. {plain(result.why, 300)}"
    why = re.sub(r"-(?=\d)", "−", plain(result.why, 600))
    return f"{label}: {result.word}. {why[:1].upper()}{why[1:]}. Compared: {plain(result.compared, 600)}."


def _result_row(result: Result) -> tuple[Entry, ...]:
    label = Entry(plain(result.task_label, 80))
    if result.verdict is None:
        return label, Entry(result.word), Entry(""), Entry(""), Entry(""), Entry("")
    estimate = result.verdict.estimate
    is_counted = estimate.wide.kind.startswith("none")
    return (
        label,
        Entry(result.word),
        Entry(estimated(estimate.wide)),
        Entry("" if is_counted else f"{100 * estimate.confidence:.4g} %", estimate.confidence),
        Entry(str(estimate.wide.n), estimate.wide.n),
        Entry(result.tuning),
    )


def _rule(finding: Finding) -> str:
    """Return the test as fixed beforehand, in words."""
    claim = finding.claim
    none = f"{claim.expected:g}" if claim.is_ratio else "0"
    holds = {
        "lower": f"an effect below {none} speaks for the claim",
        "higher": f"an effect above {none} speaks for the claim",
        "alike": "an effect within the margin speaks for the claim",
    }[claim.direction]
    parts = [holds, _margin(finding), MODES[claim.size_mode]]
    if claim.budget:
        parts.append(f"a budget from {claim.budget[0]:,g} to {claim.budget[1]:,g}")
    if claim.across == "all":
        parts.append("all data sets must agree")
    return f"Fixed beforehand: {'; '.join(part for part in parts if part)}."


def _margin(finding: Finding) -> str:
    """Return the equivalence margin in words."""
    claim = finding.claim
    if claim.margin is not None:
        return f"differences under {claim.margin:g} count as none"
    if claim.relative_margin is None:
        return ""
    of_what = "" if claim.is_ratio else f" of the value of {finding.names[-1]}"
    return f"differences under {100 * claim.relative_margin:g} %{of_what} count as none"


def _title(claim: Claim) -> str:
    """Return a short title: the claim's name as words."""
    titles = {name: cell_words(node).title for name, node in shipped().items()}
    text = " ".join(titles.get(word, word) for word in claim.name.split("_"))
    return text[:1].upper() + text[1:]


def _anchor(claim: Claim) -> str:
    return f"claim-{claim.name}"
