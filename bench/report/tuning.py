"""The chapter that says how the cells were tuned, made from the studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.records import RunRecord
from bench.report.ink import Inks
from bench.report.section import Chapter, Section
from bench.report.sections.best_of_k import expected_best
from bench.report.sections.best_so_far import best_so_far
from bench.report.sections.cell_importance import cell_importance
from bench.report.sections.importance import importance
from bench.report.sections.studies import studies as studies_table
from bench.report.studies import Tuned

TITLE = "How the cells were tuned"


def tuning(tasks: Sequence[Tuned], by_key: Mapping[str, RunRecord], looks: Inks) -> tuple[Chapter, ...]:
    """Return a chapter on the tuning for each family of studies, given the records by their keys."""
    return tuple(
        Chapter(f"{TITLE}: {tuned.label}" if len(tasks) > 1 else TITLE, _sections(tuned, by_key, looks))
        for tuned in tasks
    )


def _sections(tuned: Tuned, by_key: Mapping[str, RunRecord], looks: Inks) -> tuple[Section, ...]:
    found = (
        studies_table(tuned, "Studies"),
        best_so_far(tuned, looks, "Best score so far"),
        expected_best(tuned, looks, "Expected best of k trials"),
        importance(tuned, looks, "What mattered within a study"),
        cell_importance(tuned, by_key, "What mattered more, the cell or its settings"),
    )
    return tuple(section for section in found if section is not None)
