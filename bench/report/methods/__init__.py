"""The methods section of a report, written for quotation in a paper; every number is from records and studies."""

from __future__ import annotations

from bench.report.inputs import ReportData
from bench.report.methods.cells import cells
from bench.report.methods.comparison import comparison, machine
from bench.report.methods.search import search
from bench.report.methods.subject import subjects_of
from bench.report.methods.tasks import tasks
from bench.report.methods.training import training
from bench.report.section import Section

__all__ = ["methods"]


def methods(found: ReportData) -> Section:
    """Return the methods of the Runs in the summary, one paragraph per topic."""
    subjects = subjects_of(found)
    if not subjects:
        return Section("Methods", ("There are no runs.",), anchor="methods")
    paragraphs = (
        tasks(found, subjects),
        cells(found, subjects),
        training(subjects),
        search(found, subjects),
        comparison(found),
        machine(found),
    )
    return Section("Methods", tuple(" ".join(sentences) for sentences in paragraphs), anchor="methods")
