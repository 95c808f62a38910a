"""Methods: seeds, pairs, intervals and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from bench.claims.claim import TIMED
from bench.claims.margins import margins
from bench.core.endings import RUN_STATUSES
from bench.core.interval import ENOUGH
from bench.core.wording import listed, plain, quantity, spanned
from bench.report.inputs import ReportData
from bench.results.frames import TASK
from bench.results.run import RunRecord
from bench.results.summary import done, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP, N_RESAMPLES
from bench.stats.paired import PAIRED

SAME_DATA = (
    "A seed fixes the initial weights, the order of the data and all noise; runs of one seed saw the same data in the "
    "same order whatever their cell and size, so that cells are compared in pairs of one seed."
)

REPLICATIONS = (
    "The unit is the replication: a search and the run that confirms it, paired over the cells by draws and seeds, so "
    "that intervals hold what another search would have changed too. They hold nothing of other test pieces."
)

MEANS = f"Means over {{}}s have the 95 % {BOOTSTRAP} interval ({N_RESAMPLES:,} resamples)."
"""What they are over is left open: seeds, or replications."""

DIFFERENCES = f"The mean difference of two cells has the 95 % interval of the {PAIRED}."


def comparison(found: ReportData) -> list[str]:
    """Return the number of seeds or replications per mean, how they are paired, and how differences are tested."""
    runs = reported(found.runs)
    sentences = [*_numbers(found), SAME_DATA]
    sentences += [REPLICATIONS] if (runs["repeat"] == "replication").any() else []
    sentences += [MEANS.format(repeat_of(runs))] if found.summary["interval"].str.startswith(BOOTSTRAP).any() else []
    if int(done(runs)["seed"].nunique()) >= ENOUGH and _has_pairs(found):
        sentences.append(DIFFERENCES)
    return [*sentences, *_verdicts(found), *_endings(found)]


def _numbers(found: ReportData) -> list[str]:
    scored = found.summary[found.summary["n"] > 0]
    n = spanned(scored["n"], repeat_of(scored)) if len(scored) else ""
    return [f"Each cell at each size and setting has a score from {n}."] if n else []


def _has_pairs(found: ReportData) -> bool:
    """Return whether two cells of one task have enough seeds in common."""
    for _, of_task in done(reported(found.runs)).groupby(TASK):
        seeds = [set(rows["seed"]) for _, rows in of_task.groupby("cell")]
        if any(len(first & second) >= ENOUGH for first, second in combinations(seeds, 2)):
            return True
    return False


def _verdicts(found: ReportData) -> list[str]:
    tested = [finding for finding in found.findings if finding.is_tested]
    if not tested:
        return []
    repeat = repeat_of(reported(found.runs))
    is_several = any(len(finding.tested) > 1 for finding in tested)
    several = " The intervals of one comparison hold together over all data sets with 95 % (Bonferroni)." * is_several
    is_timed = any(finding.claim.metric in TIMED for finding in tested)
    timed = (
        f" Times were compared of runs of one kernel on one machine that took turns, {repeat} by {repeat}." * is_timed
    )
    rule = margins()
    return [
        f"{quantity(len(tested), 'claim')} of the literature {'was' if len(tested) == 1 else 'were'} read off the "
        "intervals of effects and one margin for each kind of quantity, fixed beforehand: "
        f"{rule['loss']} of the better side's mean loss and {rule['time']} of a time; at least {ENOUGH} pairs of "
        f"{repeat}s are needed.{several}{timed}"
    ]


def _endings(found: ReportData) -> list[str]:
    runs = reported(found.runs)
    counts = {status: int((runs["status"] == status).sum()) for status in RUN_STATUSES if status != "done"}
    ended = [f"{n:,} ended as {status}" for status, n in counts.items() if n]
    if not ended:
        return []
    return [f"Of {quantity(len(runs), 'run')} {listed(ended)}; these are counted and enter no mean."]


MOST = 3
"""Different machines or sets of versions that a sentence still holds."""


def machine(found: ReportData) -> list[str]:
    """Return the software and the machine of all Runs, those for tuning included."""
    records = found.records
    commits = _distinct([record.provenance.git_commit[:12] for record in records])
    dirty = sum(record.provenance.git_dirty for record in records)
    changed = f", with changes not committed in {quantity(dirty, 'run')}" if dirty else ""
    kernels = _distinct([record.outcome.kernel for record in records if record.outcome.kernel != "none"])
    return [
        f"Software: {_either([_versions(record) for record in records])}.",
        f"Machine: {_either([_computer(record) for record in records])}.",
        *([f"Kernel of the recurrent layers: {listed([plain(name, 40) for name in kernels])}."] if kernels else []),
        *([f"Code: commit {listed([plain(name, 12) for name in commits[:MOST]])}{changed}."] if any(commits) else []),
    ]


def _versions(record: RunRecord) -> str:
    versions = record.provenance.versions
    named = [f"{plain(name, 40)} {plain(versions[name], 40)}" for name in sorted(versions, key=_own_first)]
    return listed(named) if named else "versions not recorded"


def _own_first(name: str) -> tuple[bool, str]:
    return name != "gatebench", name


def _computer(record: RunRecord) -> str:
    origin = record.provenance
    where = f"{plain(origin.cpu, 80) or 'CPU not recorded'}, {plain(origin.platform, 80)}"
    device = "" if origin.device == "cpu" else f", trained on {plain(origin.device, 80)}"
    return f"{where}{device}, {quantity(origin.threads, 'thread')} for each run"


def _either(texts: Sequence[str]) -> str:
    found = _distinct(texts)
    more = f"; or one of {len(found) - MOST} more" if len(found) > MOST else ""
    return "; or ".join(found[:MOST]) + more


def _distinct(texts: Sequence[str]) -> list[str]:
    return sorted(set(texts))
