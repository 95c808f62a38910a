"""The opening of the README: the verdicts on Chung et al. 2014 and the figure of all tasks, from the committed results.

    python -m tests.programs.figures.readme      # write it anew

What stands between the two marks is what `results/chung2014` says; the suite holds it against that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.claims.judgement import Finding, Result
from bench.claims.margins import margins
from bench.core.wording import NO_BREAK, estimated, listed, span
from bench.report.document import compose
from bench.report.formats.exports import escape_markdown
from bench.report.publish import read_inputs
from bench.report.section import Document

README = Path("README.md")
RESULTS = Path("results/chung2014")
BEGIN = "<!-- from results/chung2014 by `python -m tests.programs.figures.readme` -->"
END = "<!-- to here -->"
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


def replaced(readme: str, text: str) -> str:
    """Return the README with the part between the marks replaced. Raises ValueError where the marks are not there."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise ValueError(f"the README has no single part from {BEGIN} to {END}")
    return pattern.sub(lambda _: text, readme)


def main() -> None:
    """Write the part of the README."""
    text = opening(compose(read_inputs(RESULTS)))
    README.write_text(replaced(README.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
