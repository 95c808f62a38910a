"""What the studies of a report say of the importance of settings, for the claims about what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.claims.claim import Claim
from bench.claims.shares import Importances, Shares
from bench.importance import EvaluatorName
from bench.records import RunRecord
from bench.report.sections.cell_importance import shares_across
from bench.report.shares import too_few
from bench.report.studies import Tuned
from bench.report.wording import listed, quantity

MEASURE: EvaluatorName = "fanova"
"""The measure that shares of the variance are taken from."""


def importances(claims: Sequence[Claim], tasks: Sequence[Tuned], records: Mapping[str, RunRecord]) -> Importances:
    """Return the shares over the studies of each task and each set of cells that a claim names.

    Of several families of studies, those speak that searched most. Left out are those with too few finished trials,
    with a cell that has no study, and with a single factor, whose share would be one by definition.
    """
    wanted = {claim.cells for claim in claims if claim.estimator == "importance_share"}
    found = {}
    for tuned in sorted(tasks, key=lambda tuned: max(len(study.space) for study in tuned.studies.values())):
        for cells in sorted(wanted):
            shares = _shares(_of_cells(tuned, cells), cells, records)
            if shares is not None:
                found[tuned.first.task, cells] = shares
    return found


def _of_cells(tuned: Tuned, cells: Sequence[str]) -> Tuned:
    """Return the studies of some cells; where some searched more settings than others, those that searched most."""
    studies = {name: study for name, study in tuned.studies.items() if study.cell in cells}
    most = max((len(study.space) for study in studies.values()), default=0)
    studies = {name: study for name, study in studies.items() if len(study.space) == most}
    return replace(tuned, studies=studies, trials=tuned.trials[tuned.trials["study"].isin(list(studies))])


def _shares(tuned: Tuned, cells: Sequence[str], records: Mapping[str, RunRecord]) -> Shares | None:
    studies = list(tuned.studies.values())
    if {study.cell for study in studies} != set(cells) or too_few(tuned, list(tuned.studies)):
        return None
    if len(studies) == 1 and len(studies[0].space) < 2:
        return None
    series = shares_across(tuned, records)
    shares = series.shares[MEASURE]
    if len(shares) < 2:
        return None
    samplers = listed(sorted({str(study.sampler["name"]) for study in studies}))
    return Shares(
        means={name: share.interval.mean for name, share in shares.items()},
        resampled={name: share.resampled for name, share in shares.items()},
        n=series.n,
        tuning=f"{quantity(max(study.n_trials for study in studies), 'trial')} per study ({samplers})",
    )
