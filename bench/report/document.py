"""Compose a report from run records, independently of the output format (HTML, Markdown, LaTeX, CSV, JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.core.endings import RUN_STATUSES
from bench.core.wording import listed, plain, quantity
from bench.report.inputs import ReportData, ReportInputs, prepared
from bench.report.methods import methods
from bench.report.section import Chapter, Document, Section
from bench.report.sections.answer import answers
from bench.report.sections.beside import settings_by_group
from bench.report.sections.best_of_k import expected_best
from bench.report.sections.best_so_far import best_so_far
from bench.report.sections.cell_importance import cell_importance, importance
from bench.report.sections.claims import evidence, untested, verdicts
from bench.report.sections.curves import curves
from bench.report.sections.effects import effects
from bench.report.sections.fraction import fraction
from bench.report.sections.glance import glance
from bench.report.sections.guide import guide
from bench.report.sections.inside import inside
from bench.report.sections.literature import literature
from bench.report.sections.loss import loss
from bench.report.sections.making import constant, endings, origin, settings_values, varied
from bench.report.sections.outcomes import outcomes
from bench.report.sections.parameters import parameters
from bench.report.sections.scores import scores
from bench.report.sections.size import size
from bench.report.sections.speed import speed
from bench.report.sections.studies import studies as studies_table
from bench.results import AuthorNote, ProbeRecord
from bench.results.frames import TASK
from bench.results.groups import Settings
from bench.results.labels import CellStyles, file_stem
from bench.results.run import RunRecord
from bench.results.trial_frames import Tuned


def compose(inputs: ReportInputs) -> Document:
    """Return the report of some inputs."""
    found = prepared(inputs)
    runs, table, looks = found.runs, found.summary, found.looks
    settings = settings_by_group(found.records, runs)
    prose = methods(found)
    return Document(
        name=plain(inputs.name, 80),
        facts=_facts(runs),
        answers=answers(table, looks, found.cards),
        notes=_notes(len(inputs.records) - len(found.records) - found.n_superseded, found.n_superseded, inputs.damaged),
        scores=scores(table, looks, glance(table, runs, settings, looks)),
        guide=guide(runs, is_tuned=bool(inputs.studies)),
        chapters=(
            *_author_notes(inputs.author_notes),
            *evidence(found.findings),
            *_tasks(table, runs, found.points, settings, inputs.probes, looks),
            *tuning(found.tuned, found.by_key, looks),
            _all_runs(found, prose),
        ),
        summary=table,
        runs=found.run_table,
        trials=found.trial_table,
        curves=found.curve_table,
        methods=prose.text,
        findings=found.findings,
        verdicts=verdicts(found.findings),
        effects=effects(found.findings, looks),
        untested=untested(found.findings),
        looks=looks,
        outcomes=outcomes(table, looks, found.cards),
    )


def _author_notes(author_notes: Sequence[AuthorNote]) -> list[Chapter]:
    """Return the chapter of the authors' notes, if there are any."""
    sections = [
        Section(plain(note.heading, 120), tuple(plain(text, 4000) for text in note.paragraphs)) for note in author_notes
    ]
    return [Chapter("Notes by the authors of these results", tuple(sections))] if sections else []


def _facts(runs: pd.DataFrame) -> tuple[str, ...]:
    """Return the number of runs by status; the counts add up to the total."""
    counts = [(int((runs["status"] == status).sum()), status) for status in RUN_STATUSES]
    facts = [quantity(len(runs), "run"), *(f"{n:,} {status}" for n, status in counts if n)]
    n_tuning = int((runs["phase"] == "tune").sum())
    return (*facts, f"{n_tuning:,} of them for tuning") if n_tuning else tuple(facts)


def _notes(n_repeated: int, n_superseded: int, damaged: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if n_repeated:
        notes.append(f"{quantity(n_repeated, 'record')} left out: another record has the same key.")
    if n_superseded:
        records = quantity(n_superseded, "record")
        notes.append(f"{records} left out: the replication has since found a better trial, which was confirmed too.")
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
    looks: CellStyles,
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


def _all_runs(found: ReportData, prose: Section) -> Chapter:
    values = settings_values(found.reported)
    sections = (
        prose,
        endings(found.runs, found.looks),
        varied(values, found.looks),
        constant(values),
        origin(found.runs),
    )
    return Chapter("How this was made", sections)


TITLE = "How the cells were tuned"


def tuning(tasks: Sequence[Tuned], by_key: Mapping[str, RunRecord], looks: CellStyles) -> tuple[Chapter, ...]:
    """Return a chapter on the tuning for each family of studies, given the records by their keys."""
    return tuple(
        Chapter(f"{TITLE}: {tuned.label}" if len(tasks) > 1 else TITLE, _sections(tuned, by_key, looks))
        for tuned in tasks
    )


def _sections(tuned: Tuned, by_key: Mapping[str, RunRecord], looks: CellStyles) -> tuple[Section, ...]:
    found = (
        studies_table(tuned, "Studies"),
        best_so_far(tuned, looks, "Best score so far"),
        expected_best(tuned, looks, "Expected best of k trials"),
        importance(tuned, looks, "What mattered within a study"),
        cell_importance(tuned, by_key, "What mattered more, the cell or its settings"),
    )
    return tuple(section for section in found if section is not None)
