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
    """Return the chapter on tuning, or none where there are no trials, given the records by their keys."""
    sections: list[Section] = []
    for tuned in tasks:
        of_task = f": {tuned.label}" if len(tasks) > 1 else ""
        found = (
            studies_table(tuned, f"Studies{of_task}"),
            best_so_far(tuned, looks, f"Best score so far{of_task}"),
            expected_best(tuned, looks, f"Expected best of k trials{of_task}"),
            importance(tuned, looks, f"What mattered within a study{of_task}"),
            cell_importance(tuned, by_key, f"What mattered more, the cell or its settings{of_task}"),
        )
        sections += [section for section in found if section is not None]
    return (Chapter(TITLE, tuple(sections)),) if sections else ()
