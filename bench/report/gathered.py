"""The frames of a report and what they say about its claims: what its text, tables and figures are all made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.claims.finding import Finding
from bench.records import RunRecord
from bench.report.claims.evaluate import evaluate
from bench.report.claims.importances import importances
from bench.report.frames import curves_frame, runs_frame
from bench.report.ink import Inks, inks
from bench.report.material import Material
from bench.report.studies import Tuned, trials_frame, tuned_tasks
from bench.report.summary import reported, summary


@dataclass(frozen=True)
class Gathered:
    """Each Run once, in an order that does not depend on that of the material; frames as `bench.report` has them."""

    records: tuple[RunRecord, ...]
    runs: pd.DataFrame
    points: pd.DataFrame
    summary: pd.DataFrame
    looks: Inks
    tuned: tuple[Tuned, ...]
    findings: tuple[Finding, ...]

    @cached_property
    def by_key(self) -> Mapping[str, RunRecord]:
        """The records by their keys."""
        return {record.key: record for record in self.records}

    @cached_property
    def reported(self) -> tuple[RunRecord, ...]:
        """The records that the summary speaks of."""
        keys = set(reported(self.runs)["key"])
        return tuple(record for record in self.records if record.key in keys)


def gathered(material: Material) -> Gathered:
    """Return the frames of some material."""
    unique = {record.key: record for record in sorted(material.records, key=_order)}
    records = tuple(unique.values())
    runs, points = runs_frame(records, material.searched), curves_frame(records)
    table = summary(runs)
    looks = inks([*runs["cell"], *(study.cell for study in material.studies)])
    tuned = tuned_tasks(material.studies, trials_frame(material.studies, records, runs, looks))
    findings = evaluate(material.claims, runs, points, table, importances(material.claims, tuned, unique))
    return Gathered(records, runs, points, table, looks, tuned, findings)


def _order(record: RunRecord) -> tuple[str, str]:
    return record.key, record.provenance.started
