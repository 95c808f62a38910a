"""What the README says of the committed results: the verdicts on Chung et al. 2014, and all claims over all results.

    python -m tests.programs.figures.readme      # write it anew

What stands between the marks is what the results say; the suite holds it against that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.claims.judgement import Finding, Result
from bench.claims.margins import margins
from bench.core.wording import NO_BREAK, estimated, listed, span
from bench.report.document import compose
from bench.report.formats.exports import escape_markdown
from bench.report.inputs import read_inputs
from bench.report.protocols import over_findings
from bench.report.section import Document

README = Path("README.md")
RESULTS = Path("results/chung2014")
BEGIN = "<!-- from results/chung2014 by `python -m tests.programs.figures.readme` -->"
END = "<!-- to here -->"
ALL = "<!-- from all committed results by `python -m tests.programs.figures.readme` -->"
CAPTION = (
    "Effect in nats per frame where the claim is about a loss: left minus right, or left over right, with its "
    "interval; those of a comparison hold together over all data sets with 95 % (Bonferroni). Effects within {} of a "
    "loss and {} of a time count as none. n = {} pairs. Overall: the word where a claim is about all data sets, or "
    "about data sets in general. Each verdict is {}."
)


def opening(document: Document) -> str:
    """Return the verdict on each claim and data set, and the figure, as Markdown."""
    if not document.findings or document.scores.chart is None:
        raise ValueError("these results have no verdicts or no figure of all tasks")
    chart, tested = document.scores.chart, [finding for finding in document.findings if finding.is_tested]
    tasks = sorted({result.task_label for finding in tested for result in finding.results})
    names = ("Claim", *tasks, "Overall")
    lines = [names, ("---",) * len(names), *(_row(finding, tasks) for finding in tested)]
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    found = [result.found for finding in tested for result in finding.tested if result.found is not None]
    ns, scopes = [each.card.interval.n for each in found], sorted({each.scope for each in found if each.scope})
    rule = margins()
    caption = CAPTION.format(rule["loss"], rule["time"], span(ns), listed(scopes))
    figure = f"![{escape_markdown(chart.alt)}]({RESULTS}/report/figures/{chart.name}.png)"
    return "\n".join([BEGIN, "", *rows, "", caption, "", figure, "", f"*{escape_markdown(chart.caption)}*", "", END])


def _row(finding: Finding, tasks: Sequence[str]) -> tuple[str, ...]:
    by_task = {result.task_label: result for result in finding.results}
    return escape_markdown(finding.claim.sentence), *(_entry(by_task.get(task)) for task in tasks), finding.overall


def _entry(result: Result | None) -> str:
    if result is None or result.found is None:
        return "not tested"
    return f"**{result.word}** {escape_markdown(estimated(result.found.card.interval).replace(NO_BREAK, ' '))}"


def claims(documents: Mapping[str, Document]) -> str:
    """Return all claims over the results of some names, as `report --claims` has them, as Markdown."""
    table = over_findings({name: document.findings for name, document in documents.items()}).sections[0].table
    if table is None:
        raise ValueError("these results test no claim")
    lines = [table.headers, ("---",) * len(table.headers), *(tuple(entry.text for entry in row) for row in table.rows)]
    rows = ["| " + " | ".join(escape_markdown(text) for text in line) + " |" for line in lines]
    return "\n".join([ALL, "", *rows, "", escape_markdown(table.caption), "", END])


def committed() -> list[Path]:
    """Return the committed results."""
    return sorted(path.parent for path in RESULTS.parent.glob("*/archive.zip"))


def replaced(readme: str, begin: str, text: str) -> str:
    """Return the README with the part from a mark to the end replaced. Raises ValueError where it is not there once."""
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise ValueError(f"the README has no single part from {begin} to {END}")
    return pattern.sub(lambda _: text, readme)


def main() -> None:
    """Write the parts of the README."""
    documents = {path.name: compose(read_inputs(path)) for path in committed()}
    text = replaced(README.read_text(encoding="utf-8"), BEGIN, opening(documents[RESULTS.name]))
    README.write_text(replaced(text, ALL, claims(documents)), encoding="utf-8")


if __name__ == "__main__":
    main()
