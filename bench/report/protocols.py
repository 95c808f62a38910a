"""Claims over several results: for each claim a row for each result and data set, and one word for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.claims.claim import Claim
from bench.claims.judgement import WORDS, Finding
from bench.core.errors import UsageError
from bench.core.wording import estimated, plain, quantity
from bench.report.formats.write import write_comparison
from bench.report.inputs import ReportInputs, prepared, read_inputs
from bench.report.section import Comparison, Entry, Section, Table
from bench.report.sections.claims import anchor, title
from bench.stats.card import READING

STEM = "claims"

DECIDED = WORDS[:3]

ROWS = ("Result", "Data set", "Verdict", "Card", "Effect [interval]", "Margin", "n", "Tuning", "Holds")

CAPTION = (
    f"{READING} Intervals hold together over the data sets of one result, not over results. Holds: for which settings."
)

OVERALL = (
    "Depends on the protocol: on one data set two results decide differently. Depends on the data set: data sets do. "
    "Else the word that was decided, and on how many of all pairs of a result and a data set."
)


def claims_of_folders(directories: Sequence[Path]) -> tuple[Path, int]:
    """Write the claims of several results directories into the folder that the first is in.

    Return the path of the page and how many files are damaged. Raises UsageError for fewer than two directories, and
    where one is given twice.
    """
    if len({directory.resolve() for directory in directories}) < max(2, len(directories)):
        raise UsageError("--claims takes two or more results directories, each once")
    inputs = [read_inputs(directory) for directory in directories]
    page = write_comparison(over_results(inputs), directories[0].resolve().parent, STEM)
    return page, sum(len(each.damaged) for each in inputs)


def over_results(inputs: Sequence[ReportInputs]) -> Comparison:
    """Return the claims of the inputs of some reports."""
    damaged = [plain(f"{each.name}: damaged and left out: {text}", 300) for each in inputs for text in each.damaged]
    found = over_findings({plain(each.name, 60): prepared(each).findings for each in inputs})
    return replace(found, notes=tuple(damaged))


def over_findings(found: Mapping[str, Sequence[Finding]]) -> Comparison:
    """Return the claims of some results, given what each found by its name."""
    claims = {finding.claim.name: finding.claim for findings in found.values() for finding in findings}
    by_claim = {
        name: {
            result: finding
            for result, findings in found.items()
            for finding in findings
            if finding.claim.name == name and finding.is_tested
        }
        for name in claims
    }
    tested = {name: findings for name, findings in by_claim.items() if findings}
    return Comparison(
        name="Claims over " + quantity(len(found), "result"),
        facts=(*found, f"{quantity(len(tested), 'claim')} tested", f"{len(claims) - len(tested)} not"),
        notes=(),
        sections=(
            _overview(claims, tested, list(found)),
            *(_section(claims[name], findings) for name, findings in tested.items()),
        ),
    )


def overall(findings: Mapping[str, Finding]) -> str:
    """Return the one word for a claim over results, as OVERALL says."""
    words = [(result.task, result.word) for finding in findings.values() for result in finding.tested]
    decided = [(task, word) for task, word in words if word in DECIDED]
    by_task: dict[str, set[str]] = {}
    for task, word in decided:
        by_task.setdefault(task, set()).add(word)
    if any(len(each) > 1 for each in by_task.values()):
        return "depends on the protocol"
    counts = Counter(word for _, word in decided)
    if len(counts) > 1:
        return "depends on the data set"
    if not counts:
        return "inconclusive"
    ((word, n),) = counts.items()
    return word if n == len(words) else f"{word} on {n} of {len(words)}"


def _overview(claims: Mapping[str, Claim], tested: Mapping[str, Mapping[str, Finding]], names: list[str]) -> Section:
    rows = tuple(
        (
            Entry(plain(claims[name].sentence, 300), link=f"#{anchor(claims[name])}"),
            *(Entry(findings[each].word if each in findings else "not tested") for each in names),
            Entry(overall(findings)),
        )
        for name, findings in tested.items()
    )
    return Section("All claims", (), Table(("Claim", *names, "Overall"), rows, OVERALL), anchor="verdicts")


def _section(claim: Claim, findings: Mapping[str, Finding]) -> Section:
    text = f"{plain(claim.sentence, 600)} Source: {plain(claim.source, 600)}. Overall: {overall(findings)}."
    rows = tuple(row for name, finding in findings.items() for row in _rows(name, finding))
    return Section(title(claim), (text,), Table(ROWS, rows, CAPTION), anchor=anchor(claim))


def _rows(name: str, finding: Finding) -> Iterator[tuple[Entry, ...]]:
    for result in finding.tested:
        if result.found is not None:
            card = result.found.card
            yield (
                Entry(name),
                Entry(plain(result.task_label, 80)),
                Entry(result.word),
                Entry(plain(card.word, 120)),
                Entry(estimated(card.interval)),
                Entry(card.margin_text),
                Entry(str(card.interval.n), card.interval.n),
                Entry(result.found.tuning),
                Entry(result.found.scope),
            )
