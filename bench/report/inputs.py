"""Everything that a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench import results
from bench.claims.claim import Claim, read_claims
from bench.claims.evaluate import CardMaker, CardsOf, card_maker, evaluate
from bench.claims.judgement import Finding
from bench.claims.shares import importances
from bench.core.errors import DataError
from bench.results import AuthorNote, ProbeRecord
from bench.results.frames import curves_frame, runs_frame
from bench.results.labels import CellStyles, styles_of
from bench.results.records import results_of
from bench.results.replications import Replications, replications_of
from bench.results.run import RunRecord
from bench.results.study import StudyRecord
from bench.results.summary import reported, summary
from bench.results.tidy import curve_table, run_table, trial_table
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

    Each part is computed when it is first asked for. Left out are `n_superseded` Runs that confirmed what their
    replication no longer holds for the best. `run_table`, `trial_table` and `curve_table` are for readers: the frames
    with the settings that were varied, a column each.
    """

    inputs: ReportInputs

    @cached_property
    def _unique(self) -> Mapping[str, RunRecord]:
        return {record.key: record for record in sorted(self.inputs.records, key=_order)}

    @cached_property
    def _replications(self) -> Replications:
        return replications_of(self.inputs.studies, list(self._unique.values()))

    @cached_property
    def records(self) -> tuple[RunRecord, ...]:
        return tuple(record for key, record in self._unique.items() if key not in self._replications.superseded)

    @property
    def n_superseded(self) -> int:
        return len(self._unique) - len(self.records)

    @cached_property
    def runs(self) -> pd.DataFrame:
        return runs_frame(self.records, self.inputs.searched, self._replications.chosen)

    @cached_property
    def points(self) -> pd.DataFrame:
        return curves_frame(self.records, self._replications.chosen)

    @cached_property
    def summary(self) -> pd.DataFrame:
        return summary(self.runs)

    @cached_property
    def looks(self) -> CellStyles:
        return styles_of(self.runs, [study.cell for study in self.inputs.studies])

    @cached_property
    def _trials(self) -> pd.DataFrame:
        return trials_frame(self.inputs.studies, self.records, self.runs, self.looks)

    @cached_property
    def tuned(self) -> tuple[Tuned, ...]:
        return tuned_tasks(self.inputs.studies, self._trials)

    @cached_property
    def cards(self) -> CardsOf:
        return self._card_maker.cards

    @cached_property
    def _card_maker(self) -> CardMaker:
        return card_maker(self.runs, self.points, self.summary, self.tuned, self._unique)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        shares = importances(self.inputs.claims, self.tuned, self._unique)
        return evaluate(self.inputs.claims, self.runs, self._card_maker, shares)

    @cached_property
    def by_key(self) -> Mapping[str, RunRecord]:
        return {record.key: record for record in self.records}

    @cached_property
    def reported(self) -> tuple[RunRecord, ...]:
        keys = set(reported(self.runs)["key"])
        return tuple(record for record in self.records if record.key in keys)

    @cached_property
    def run_table(self) -> pd.DataFrame:
        return run_table(self.runs, self.records, self.inputs.studies, self._trials)

    @cached_property
    def trial_table(self) -> pd.DataFrame:
        return trial_table(self._trials, self.run_table, self.inputs.studies)

    @cached_property
    def curve_table(self) -> pd.DataFrame:
        return curve_table(self.points, self.run_table)


def prepared(material: ReportInputs) -> ReportData:
    """Return the frames of some inputs."""
    return ReportData(material)


def _order(record: RunRecord) -> tuple[str, str]:
    return record.key, record.provenance.started


def read_inputs(directory: Path) -> ReportInputs:
    """Read what the report of a results directory is made from. Raises UsageError if there is nothing in it."""
    found = results_of(directory)
    studies, probes = results.read_studies(directory), results.read_probes(directory)
    author_notes, unread = _author_notes(directory)
    return ReportInputs(
        records=found.records,
        name=directory.resolve().name,
        damaged=(*found.damaged, *studies.damaged, *probes.damaged, *unread),
        studies=studies.records,
        probes=probes.records,
        claims=read_claims(),
        author_notes=author_notes,
    )


def _author_notes(directory: Path) -> tuple[tuple[AuthorNote, ...], tuple[str, ...]]:
    """Return the authors' notes on the results, and a message for each problem in reading them."""
    try:
        return results.read_author_notes(directory), ()
    except DataError as error:
        return (), (str(error),)
