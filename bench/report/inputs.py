"""Everything that a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.claims.claim import Claim
from bench.claims.evaluate import CardsOf, card_maker, evaluate
from bench.claims.judgement import Finding
from bench.claims.shares import importances
from bench.results import AuthorNote, ProbeRecord
from bench.results.frames import curves_frame, runs_frame
from bench.results.labels import CellStyles, styles_of
from bench.results.replications import replications_of
from bench.results.run import RunRecord
from bench.results.study import StudyRecord
from bench.results.summary import reported, summary
from bench.results.trial_frames import Tuned, trials_frame, tuned_tasks


@dataclass(frozen=True)
class ReportInputs:
    """The records of some Runs, the studies that they belong to, and what probes found in models.

    `name` is that of the results; `damaged` says what could not be read and why; `claims` are tested on the Runs;
    `author_notes` are what the authors of the results say about them.
    """

    records: Sequence[RunRecord]
    name: str
    damaged: Sequence[str] = ()
    studies: Sequence[StudyRecord] = ()
    probes: Sequence[ProbeRecord] = ()
    claims: Sequence[Claim] = ()
    author_notes: Sequence[AuthorNote] = ()

    @property
    def searched(self) -> frozenset[str]:
        """The settings that any study has searched; their values are results, not conditions."""
        return frozenset(path for study in self.studies for path in study.space)


@dataclass(frozen=True)
class ReportData:
    """Each Run once, in an order independent of that of the inputs, with the frames that the sections take.

    Left out are `n_superseded` Runs that confirmed what their replication no longer holds for the best.
    """

    records: tuple[RunRecord, ...]
    runs: pd.DataFrame
    points: pd.DataFrame
    summary: pd.DataFrame
    looks: CellStyles
    tuned: tuple[Tuned, ...]
    findings: tuple[Finding, ...]
    cards: CardsOf
    n_superseded: int = 0

    @cached_property
    def by_key(self) -> Mapping[str, RunRecord]:
        return {record.key: record for record in self.records}

    @cached_property
    def reported(self) -> tuple[RunRecord, ...]:
        keys = set(reported(self.runs)["key"])
        return tuple(record for record in self.records if record.key in keys)


def prepared(material: ReportInputs) -> ReportData:
    """Return the frames of some inputs."""
    unique = {record.key: record for record in sorted(material.records, key=_order)}
    replications = replications_of(material.studies, list(unique.values()))
    records = tuple(record for key, record in unique.items() if key not in replications.superseded)
    runs = runs_frame(records, material.searched, replications.chosen)
    points = curves_frame(records, replications.chosen)
    table = summary(runs)
    looks = styles_of(runs, [study.cell for study in material.studies])
    tuned = tuned_tasks(material.studies, trials_frame(material.studies, records, runs, looks))
    maker = card_maker(runs, points, table, tuned, unique)
    findings = evaluate(material.claims, runs, maker, importances(material.claims, tuned, unique))
    n_superseded = len(unique) - len(records)
    return ReportData(records, runs, points, table, looks, tuned, findings, maker.cards, n_superseded)


def _order(record: RunRecord) -> tuple[str, str]:
    return record.key, record.provenance.started
