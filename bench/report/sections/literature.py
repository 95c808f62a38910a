"""Comparison with the literature: all published numbers of this task, metric and cell, and their comparability."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.claims.published import protocols
from bench.core.wording import better, decimals, interval, number, quantity, score_label, spanned
from bench.report.section import Chart, Entry, Section, Table
from bench.report.sections.beside import beside, beside_figure, of_task
from bench.report.sections.once import once
from bench.results.groups import Settings
from bench.results.labels import CellStyles, size_label
from bench.results.summary import done, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP

HEADERS = ("Cell", "Published", "Confidence", "Where", "Here", "n", "Comparable, because: there (here)")

PAPER_HEADERS = ("Paper", "Training and choice of settings", "Score, and what is not stated")

CAPTION = (
    "Each published number stands beside the runs here that differ from it least: hidden size × layers, mean over n "
    f"runs and its 95 % {BOOTSTRAP} interval. Comparable, yes: nothing that is declared differs but perhaps the number "
    "of runs; partly: the same measure, of a model or a training that differs; no: another measure, or a number "
    "that was not checked. Confidence, verified: seen in the paper or a transcription of it, or measured in a figure; "
    "memory-high and memory-low: quoted from memory, and no bar for anything."
)


def literature(
    table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings], looks: CellStyles, stem: str
) -> tuple[Section, ...]:
    """Return published numbers beside ours, and the papers' protocols; none if no cell here has published numbers."""
    if table.empty or not (table["n"] > 0).any():
        return ()
    rows = _in_order(beside(table, runs, settings), looks)
    if rows.empty:
        return ()
    chart = _chart(rows, runs, looks, stem)
    entries = tuple(_entries(row, looks, decimals(table)) for _, row in rows.iterrows())
    n_others = len(of_task(runs)) - len(rows)
    first = Section("Beside the literature", _text(rows, n_others), Table(HEADERS, entries, CAPTION), chart)
    digits = decimals(table)
    others = once(rows, done(reported(runs)), looks, digits), disagreements(rows, looks, digits)
    return (first, *filter(None, others), _papers(rows))


def _in_order(rows: pd.DataFrame, looks: CellStyles) -> pd.DataFrame:
    cells, splits = list(looks), ["test", "validation", "train"]
    places = rows["cell"].map(cells.index), rows["split"].map(splits.index), rows["published"], rows["paper"]
    keys = pd.concat(places, axis=1, keys=["cell", "split", "published", "paper"])
    return rows.loc[keys.sort_values(["cell", "split", "published", "paper"]).index].reset_index(drop=True)


def _entries(row: pd.Series, looks: CellStyles, digits: int) -> tuple[Entry, ...]:
    paper = (row["paper"], row["table"].split(" (")[0], row["variant"], row["statistic"], row["split"])
    ours = f"{number(row['mean'], digits)} {interval(row['low'], row['high'], digits)}".strip()
    return (
        Entry(f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"),
        Entry(row["printed"], row["published"]),
        Entry(row["confidence"]),
        Entry(", ".join(filter(None, paper))),
        Entry(ours, row["mean"]),
        Entry(str(row["n"]), row["n"]),
        Entry(f"{row['comparable']}: {row['because'] or 'nothing that is declared differs'}"),
    )


def _text(rows: pd.DataFrame, n_others: int) -> tuple[str, ...]:
    counts = {verdict: int((rows["comparable"] == verdict).sum()) for verdict in ("yes", "partly", "no")}
    said = (
        f"{quantity(len(rows), 'published number')} {'is' if len(rows) == 1 else 'are'} of this task and metric and of "
        f"a cell that ran here: {counts['yes']} comparable, {counts['partly']} in part, {counts['no']} not. The "
        "reasons come from what each paper and each run declare; what a paper does not state is not compared."
    )
    others = (
        f"{quantity(n_others, 'other published number')} on this task {'is' if n_others == 1 else 'are'} of models "
    )
    return (said, f"{others}that did not run here, or of the same model twice.") if n_others else (said,)


def _chart(rows: pd.DataFrame, runs: pd.DataFrame, looks: CellStyles, stem: str) -> Chart | None:
    split = rows["split"].iloc[0]  # test comes first
    drawn = rows[rows["split"] == split]
    ours = done(reported(runs))
    ours = ours[ours["group"].isin(drawn["group"])].rename(columns={split: "score"})
    points = ours[["cell", "hidden_size", "num_layers", "group", "seed", "score"]]
    direction = better(str(runs["direction"].iloc[0]))
    return Chart(
        name=f"{stem}-literature",
        alt=_alt(drawn, looks, split),
        caption=_caption(drawn, split, repeat_of(ours)),
        figure=beside_figure(drawn, points, looks, f"{score_label(drawn['metric'].iloc[0], split)}, {direction}"),
        data=_data(drawn, points),
    )


def _data(rows: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return the chart's data: the seeds here, then the published numbers."""
    columns = ["cell", "hidden_size", "num_layers", "group", "paper", "table", "variant", "statistic", "confidence"]
    in_print = rows[[*columns, "comparable", "because"]].assign(score=rows["published"])
    frame = pd.concat([points.astype({"seed": object}), in_print], ignore_index=True)
    return frame.astype(object).where(frame.notna(), "")


def _alt(rows: pd.DataFrame, looks: CellStyles, split: str) -> str:
    parts = []
    for _, own in rows.groupby("group", sort=False):
        first = own.iloc[0]
        in_print = ", ".join(f"{row.paper} {row.printed}" for row in own.itertuples())
        parts.append(f"{looks[first['cell']].name} {first['mean']:.4g} here; published {in_print}")
    return f"Row chart of {split} scores beside published numbers: {'. '.join(parts)}."


def _caption(rows: pd.DataFrame, split: str, repeat: str) -> str:
    n = spanned(rows["n"], "run")
    return (
        f"n = {n} per row, each small point one {repeat}. Diamond: mean. Bar: 95 % {BOOTSTRAP} interval of the "
        f"mean. Below them the {split} published scores, a line for each paper: filled where the measure is the same, "
        "hollow where it is another or the number is quoted from memory. They have no intervals: most are single runs. "
        "The axis does not start at zero."
    )


def _papers(rows: pd.DataFrame) -> Section:
    shown = set(rows["paper"])
    used = [protocol for protocol in protocols().values() if protocol.title in shown]
    entries = []
    for protocol in sorted(used, key=lambda protocol: protocol.title):
        entries.append(
            (
                Entry(f"{protocol.title}, {protocol.reference}"),
                Entry(f"Training: {protocol.training}. Choice of settings: {protocol.selection}."),
                Entry(
                    f"Score: {protocol.score}. Not stated: {'; '.join(protocol.not_stated)}. {protocol.notes}".strip()
                ),
            )
        )
    caption = "As declared with the numbers; what is not stated is not compared."
    return Section("What these papers did", (), Table(PAPER_HEADERS, tuple(entries), caption))


DISAGREEMENT_HEADERS = (
    "Cell",
    "Split",
    "Published",
    "Here [one more run]",
    "Off by",
    "Paper",
    "What is declared to differ: there (here)",
)


DISAGREEMENT_CAPTION = (
    "Here: the mean of the runs, and the interval that holds one more such run with probability 95 % (Student's "
    "prediction interval), as most published numbers are single runs. Off by: published minus here. Declared "
    "differences may explain the gap; where only the number of runs differs, the reason is not known."
)


OPEN = "open: nothing that is declared differs but the number of runs"


def disagreements(rows: pd.DataFrame, looks: CellStyles, digits: int) -> Section | None:
    """Return the section on published numbers that disagree with ours; None without a number of the same measure."""
    asked = rows[rows["agrees"] != ""]
    if asked.empty:
        return None
    apart = asked[asked["agrees"] == "no"]
    heading = "Published numbers that disagree with these runs"
    count = "All" if len(apart) == len(asked) > 1 else f"{len(apart)} of"
    text = (
        f"{count} {quantity(len(asked), 'published number')} of the same measure "
        f"{'lies' if len(apart) == 1 else 'lie'} outside the range of a single run here.",
    )
    if apart.empty:
        return Section(heading, text)
    entries = tuple(_disagreement(row, looks, digits) for _, row in apart.iterrows())
    return Section(heading, text, Table(DISAGREEMENT_HEADERS, entries, DISAGREEMENT_CAPTION))


def _disagreement(row: pd.Series, looks: CellStyles, digits: int) -> tuple[Entry, ...]:
    off = row["published"] - row["mean"]
    ours = f"{number(row['mean'], digits)} {interval(row['next_low'], row['next_high'], digits)}"
    return (
        Entry(f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"),
        Entry(row["split"]),
        Entry(row["printed"], row["published"]),
        Entry(ours, row["mean"]),
        Entry(f"{'+' if off > 0 else ''}{number(off, digits)}", off),
        Entry(f"{row['paper']}, {row['table'].split(' (')[0]}"),
        Entry(OPEN if row["comparable"] == "yes" else row["because"]),
    )
