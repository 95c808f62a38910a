"""Put a report together from run records: what every format (HTML, Markdown, CSV) is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.claims.claim import Claim
from bench.records import RunRecord
from bench.report.answer import answers
from bench.report.beside import settings_by_group
from bench.report.claims.evaluate import evaluate
from bench.report.claims.importances import importances
from bench.report.claims.rows import claims_frame
from bench.report.frames import TASK, curves_frame, runs_frame
from bench.report.groups import Settings
from bench.report.guide import guide
from bench.report.ink import Inks, inks
from bench.report.naming import file_stem
from bench.report.section import Chapter, Document
from bench.report.sections.claims import evidence, untested, verdicts
from bench.report.sections.curves import curves
from bench.report.sections.endings import endings
from bench.report.sections.fraction import fraction
from bench.report.sections.inside import inside
from bench.report.sections.literature import literature
from bench.report.sections.loss import loss
from bench.report.sections.making import constant, origin, settings_values, varied
from bench.report.sections.parameters import parameters
from bench.report.sections.scores import scores
from bench.report.sections.size import size
from bench.report.sections.speed import speed
from bench.report.studies import trials_frame, tuned_tasks
from bench.report.summary import STATUSES, reported, summary
from bench.report.tuning import tuning
from bench.report.wording import listed, plain, quantity
from bench.store import ProbeRecord
from bench.trials import StudyRecord


def compose(
    records: Sequence[RunRecord],
    *,
    name: str,
    damaged: Sequence[str] = (),
    studies: Sequence[StudyRecord] = (),
    probes: Sequence[ProbeRecord] = (),
    claims: Sequence[Claim] = (),
) -> Document:
    """Return the report of some records, of the studies that they belong to, and of what models do inside.

    `damaged` says what could not be read and why; `claims` are put to the runs.
    """
    unique = list({record.key: record for record in sorted(records, key=_order)}.values())
    runs = runs_frame(unique)
    table = summary(runs)
    looks = inks([*runs["cell"], *(study.cell for study in studies)])
    settings = settings_by_group(unique, runs)
    points = curves_frame(unique)
    by_key = {record.key: record for record in unique}
    tuned = tuned_tasks(studies, trials_frame(studies, unique, runs, looks))
    findings = evaluate(claims, runs, points, table, importances(claims, tuned, by_key))
    return Document(
        name=plain(name, 80),
        facts=_facts(runs),
        answers=answers(table, runs, looks),
        notes=_notes(len(records) - len(unique), damaged),
        scores=scores(table, looks),
        guide=guide(runs, is_tuned=bool(studies)),
        chapters=(
            *evidence(findings),
            *_tasks(table, runs, points, settings, probes, looks),
            *tuning(tuned, by_key, looks),
            _all_runs(unique, runs, looks),
        ),
        summary=table,
        runs=runs,
        claims=claims_frame(findings),
        verdicts=verdicts(findings),
        untested=untested(findings),
    )


def _order(record: RunRecord) -> tuple[str, str]:
    return record.key, record.provenance.started


def _facts(runs: pd.DataFrame) -> tuple[str, ...]:
    """Return how many runs there are, by status: the counts add up to the total."""
    counts = [(int((runs["status"] == status).sum()), status) for status in STATUSES]
    facts = [quantity(len(runs), "run"), *(f"{n:,} {status}" for n, status in counts if n)]
    n_tuning = int((runs["phase"] == "tune").sum())
    return (*facts, f"{n_tuning:,} of them for tuning") if n_tuning else tuple(facts)


def _notes(n_repeated: int, damaged: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if n_repeated:
        notes.append(f"{quantity(n_repeated, 'record')} left out: another record has the same key.")
    if damaged:
        shown = listed([plain(text, 200) for text in sorted(damaged)[:10]])
        notes.append(f"{quantity(len(damaged), 'damaged record')} left out: {shown}.")
    return tuple(notes)


def _tasks(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    points: pd.DataFrame,
    settings: Mapping[str, Settings],
    probes: Sequence[ProbeRecord],
    looks: Inks,
) -> list[Chapter]:
    chapters = []
    for task, rows in table.groupby(TASK, sort=False):
        of_task = runs[(runs[TASK] == list(task)).all(axis=1)]
        stem = file_stem(list(task))
        sections = (
            loss(rows, of_task, looks, stem),
            curves(rows, of_task, points, looks, stem),
            size(rows, of_task, looks, stem),
            fraction(rows, of_task, looks, stem),
            parameters(rows, looks),
            speed(of_task, looks, stem),
            *literature(rows, of_task, settings, looks, stem),
            *inside([probe for probe in probes if probe.key in set(of_task["key"])], looks, stem),
        )
        title = plain(rows["task_label"].iloc[0], 80)
        chapters.append(Chapter(title, tuple(section for section in sections if section is not None)))
    return chapters


def _all_runs(records: Sequence[RunRecord], runs: pd.DataFrame, looks: Inks) -> Chapter:
    keys = set(reported(runs)["key"])
    values = settings_values([record for record in records if record.key in keys])
    sections = (endings(runs, looks), varied(values, looks), constant(values), origin(runs))
    return Chapter("How this was made", sections)
