"""Everything that a report is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.claims.claim import Claim
from bench.records import RunRecord
from bench.store import ProbeRecord, Remark
from bench.trials import StudyRecord


@dataclass(frozen=True)
class Material:
    """The records of some Runs, the studies that they belong to, and what probes found in models.

    `name` is that of the results; `damaged` says what could not be read and why; `claims` are put to the Runs;
    `remarks` are what the authors of the results say about them.
    """

    records: Sequence[RunRecord]
    name: str
    damaged: Sequence[str] = ()
    studies: Sequence[StudyRecord] = ()
    probes: Sequence[ProbeRecord] = ()
    claims: Sequence[Claim] = ()
    remarks: Sequence[Remark] = ()

    @property
    def searched(self) -> frozenset[str]:
        """The settings that any study has searched: their values are results."""
        return frozenset(path for study in self.studies for path in study.space)
