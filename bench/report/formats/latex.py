"""The tables and the methods of a report for a paper: one file for each `\\input`, tables ruled by booktabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.claims.judgement import Finding, Result
from bench.core.interval import ENOUGH
from bench.core.wording import (
    NO_BREAK,
    SHORT_METRICS,
    better,
    count,
    decimals,
    estimated,
    interval,
    number,
    plain,
)
from bench.report.section import Document
from bench.results.frames import TASK
from bench.results.labels import CellStyles, size_label
from bench.stats.card import READING, Card
from bench.stats.intervals import BOOTSTRAP

MOST_ROWS = 40
"""Rows of a table that floats; more than fit on a page go into a `longtable`."""

SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\char34{}",
    "−": "$-$",
    "×": "$\\times$",
    "±": "$\\pm$",
    "√": "$\\surd$",
    "∞": "$\\infty$",
    "µ": "$\\mu$",
    "β": "$\\beta$",
    "ε": "$\\varepsilon$",
    "–": "--",
    "…": "\\ldots{}",
    "“": "``",
    "”": "''",
    "\u00a0": "~",
}
"""What LaTeX would run, or sets as something else, to what it sets as that character."""

ESCAPES = str.maketrans(SPECIAL)

NEEDS = "% Needs \\usepackage{array,booktabs}"

SCORE_CAPTION = (
    f"Mean over n runs that differ in the seed alone, with its 95 % {BOOTSTRAP} interval; below n = {ENOUGH} it is too "
    "narrow."
)

VERDICT_CAPTION = (
    "Claims of the literature and what the runs say of them. Compared: left side, right side, score and data set. "
    "Effect: left minus right, or left over right, with its interval; those of a comparison hold together over all "
    "data sets with 95 %. Margin: the largest effect that does not matter. n: pairs. Supported, contradicted: there is "
    "the effect that is claimed, or its opposite; equivalent: the interval lies within the margin; inconclusive: "
    "neither."
)

CARDS_CAPTION = (
    f"Pairs of sides compared. Difference: mean of first minus second over n pairs, with its interval. {READING}"
)


def latex(document: Document) -> dict[str, str]:
    """Return the parts of a report that a paper quotes, by name; without claims there is no table of verdicts."""
    parts = {"summary": _summary(document.summary, document.looks), "methods": _paragraphs(document.methods)}
    return parts | ({"verdicts": _verdicts(document.findings)} if document.verdicts is not None else {})


def escape_latex(text: object) -> str:
    """Escape text for LaTeX, so that it holds no command, comment or column separator."""
    return plain(str(text), 4000).translate(ESCAPES)


def _summary(table: pd.DataFrame, looks: CellStyles) -> str:
    """Return one table per task, each narrow enough for the text width of an article."""
    if table.empty:
        return "% There are no runs.\n"
    tasks = [rows for _, rows in table.groupby(TASK, sort=False)]
    labels = ["summary"] if len(tasks) == 1 else [f"summary:{i}" for i in range(1, len(tasks) + 1)]
    return "\n".join(_of_task(rows, looks, label) for rows, label in zip(tasks, labels, strict=True))


def _of_task(table: pd.DataFrame, looks: CellStyles, label: str) -> str:
    digits = decimals(table)
    rows = [
        {
            "Task": plain(row["task_label"], 80),
            "Cell": looks[row["cell"]].name,
            "Hidden × layers": size_label(row["hidden_size"], row["num_layers"]),
            "Recurrent": count(row["num_params_recurrent"]),
            "Total": count(row["num_params_total"]),
            "Score": f"{row['split']} {SHORT_METRICS.get(row['metric'], row['metric'])}",
            "Mean": number(row["mean"], digits),
            "95 % interval": interval(row["low"], row["high"], digits),
            "n": str(row["n"]),
            "Trials": count(row["tuning_runs"]),
            "Settings": plain(row["settings"], 120),
        }
        for _, row in table.iterrows()
    ]
    caption = (
        f"{SCORE_CAPTION} {better(table['direction'].iloc[0]).capitalize()}. Recurrent, total: parameters. Trials: "
    )
    frame, said = _without_repetition(pd.DataFrame(rows), f"{caption}tuning runs of the cell.")
    return _table(frame, said, label, left=("Cell", "Score", "Settings"))


def _without_repetition(frame: pd.DataFrame, caption: str) -> tuple[pd.DataFrame, str]:
    """Drop the columns that are constant over all rows; the caption states their values, if not empty."""
    once = [name for name in ("Task", "Score", "Trials", "Settings") if frame[name].nunique() == 1]
    said = [f"{name}: {frame[name].iloc[0]}." for name in once if frame[name].iloc[0]]
    return frame.drop(columns=once), " ".join([*said, caption])


def _verdicts(findings: Sequence[Finding]) -> str:
    tested = [(finding, result) for finding in findings for result in finding.tested]
    if not tested:
        return "% No claim can be tested with these runs.\n"
    frame = pd.DataFrame([_verdict(finding, result) for finding, result in tested])
    widths = {"Claim": 0.26, "Compared": 0.2, "Verdict": 0.14, "Effect": 0.14}
    return _table(frame, VERDICT_CAPTION, "verdicts", wide=widths)


def _verdict(finding: Finding, result: Result) -> dict[str, str]:
    if result.found is None:
        raise ValueError("a claim without a verdict has no row")
    found, card = result.found, result.found.card
    where = f"{found.sides}, {found.what}, {result.task_label}; tuning: {found.tuning}"
    return {
        "Claim": plain(finding.claim.sentence, 300),
        "Compared": plain(where, 200),
        "Verdict": result.said,
        "Effect": estimated(card.interval).replace(NO_BREAK, " "),  # the column is narrow
        "Margin": card.margin_text,
        "n": str(card.interval.n),
    }


def cards_table(cards: Sequence[Card]) -> str:
    """Return effect cards as a table."""
    rows = [
        {
            "Task": plain(card.task, 80),
            "Compared": plain(f"{card.left} – {card.right}", 120),
            "Result": plain(card.word, 120),
            "Difference": estimated(card.interval).replace(NO_BREAK, " "),  # the column is narrow
            "Margin": card.margin_text,
            "n": str(card.interval.n),
            "First wins": f"{100 * card.wins.mean:.0f} %",
        }
        for card in cards
    ]
    frame = pd.DataFrame(rows)
    if not frame["Task"].any():
        frame = frame.drop(columns="Task")
    low = "lower" if cards[0].is_minimised else "higher"
    together = f", so that all {len(cards)} hold together with 95 %" if len(cards) > 1 else ""
    caption = (
        f"{CARDS_CAPTION} {low.capitalize()} scores are better; the interval is of "
        f"{100 * cards[0].confidence:.4g} %{together}."
    )
    wide = {"Compared": 0.2, "Result": 0.2, "Difference": 0.2}
    return _table(frame, caption, "cards", left=("Task",), wide=wide)


def _table(
    frame: pd.DataFrame,
    caption: str,
    name: str,
    *,
    left: Sequence[str] = (),
    wide: Mapping[str, float] | None = None,
) -> str:
    """Return a frame of text as a table; `wide` maps columns to their width as a fraction of the line."""
    is_long = len(frame) > MOST_ROWS
    kinds = [_kind(str(column), left, wide or {}) for column in frame]
    styled = frame.style.hide(axis="index").format(escape_latex).format_index(escape_latex, axis=1)
    first = frame.columns[0]
    styled = styled.format(lambda text: "{}" + escape_latex(text), subset=[first])  # \\ takes a [ or * for its own
    if not is_long:
        styled = styled.set_table_styles([{"selector": "small", "props": ":;"}])
    text = styled.to_latex(
        hrules=True,
        caption=escape_latex(caption),
        label=f"tab:{name}",
        position=None if is_long else "tbp",
        position_float=None if is_long else "centering",
        column_format=f"@{{}}{''.join(kinds)}@{{}}",
        environment="longtable" if is_long else None,
    )
    if not is_long:
        return f"{NEEDS}\n{text}"
    return f"{NEEDS} and \\usepackage{{longtable}}\n\\begingroup\\small\n{text.rstrip()}\n\\endgroup\n"


def _kind(column: str, left: Sequence[str], wide: Mapping[str, float]) -> str:
    """Return a column's specifier: a paragraph as wide as a fraction of the line, or flush left or right."""
    if column in wide:
        return f">{{\\raggedright\\arraybackslash}}p{{{wide[column]}\\linewidth}}"
    return "l" if column in left else "r"


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n\n".join(escape_latex(text) for text in texts) + "\n"
