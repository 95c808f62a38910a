"""Whether the cell matters more than its settings: all studies of a task together, the cell as one more factor."""

from __future__ import annotations

from collections.abc import Mapping

from bench.claims.importance import FEWEST, Share
from bench.claims.shares import CELL, Series, common_dimensions, finished, shares_across, shares_of, too_few
from bench.core.wording import listed, plain
from bench.report.figures.shares import MEANING, caveats, chart_of, in_words
from bench.report.section import Section
from bench.results.labels import CellStyles
from bench.results.run import RunRecord
from bench.results.trial_frames import Tuned

CERTAIN = 0.975
"""Share of the resamples in which one factor is above the other where it is said to matter more."""

EXPLANATION = (
    "All trials of the task together, the cell being one more factor. It stands for everything in which the studies "
    "of the cells differ, such as a hidden size that was chosen for equal parameters. With few trials a choice such as "
    "the cell gets somewhat less than its due."
)


def cell_importance(tuned: Tuned, records: Mapping[str, RunRecord], heading: str) -> Section | None:
    """Return the importance of the cell beside that of its settings, None if there is only one cell."""
    studies = list(tuned.studies.values())
    if len({study.cell for study in studies}) < 2:
        return None
    if few := too_few(tuned, list(tuned.studies)):
        return Section(heading, (few,))
    shared = common_dimensions(studies)
    left_out = [plain(path, 80) for path in sorted({path for study in studies for path in study.space} - set(shared))]
    if not shared:
        return Section(heading, (f"Not computed: no setting was searched in one range by all ({listed(left_out)}).",))
    series = shares_across(tuned, records)
    text = [EXPLANATION, MEANING, in_words(series), *comparisons(series.shares["fanova"]), *caveats(studies)]
    text += [f"Left out, as not all studies searched it in one range: {listed(left_out)}."] if left_out else []
    return Section(heading, tuple(text), chart=chart_of(tuned, "importance", [series], list(tuned.studies)))


def comparisons(shares: Mapping[str, Share]) -> list[str]:
    """Return, for each setting, whether it or the cell matters more; a share not above chance never does."""
    sentences = []
    for name, share in shares.items():
        if name == CELL:
            continue
        setting = plain(name, 80)
        pairs = list(zip(share.resampled, shares[CELL].resampled, strict=True))
        n_above = sum(own > cell for own, cell in pairs)
        if share.is_above_chance and n_above >= CERTAIN * len(pairs):
            comparison = f"{setting} matters more than the cell"
        elif shares[CELL].is_above_chance and len(pairs) - n_above >= CERTAIN * len(pairs):
            comparison = f"The cell matters more than {setting}"
        else:
            comparison = f"Whether {setting} or the cell matters more cannot be told"
        sentences.append(f"{comparison}: {setting} has the larger share in {n_above} of {len(pairs)} resamples.")
    return sentences


def importance(tuned: Tuned, looks: CellStyles, heading: str) -> Section | None:
    """Return the importance of the searched settings within each study, None if no study searched several."""
    searched = {name: study for name, study in tuned.studies.items() if len(study.space) > 1}
    if not searched:
        return None
    series = []
    for name, study in searched.items():
        trials = finished(tuned, [name])
        if len(trials) >= FEWEST:
            shares = shares_of(trials, study.space, study, label=f"{study.key}:importance")
            series.append(Series(name, looks[study.cell], len(trials), shares))
    text = [few] if (few := too_few(tuned, list(searched))) else []
    if not series:
        return Section(heading, tuple(text))
    shown = [each.label for each in series]
    text += [MEANING, *(in_words(each) for each in series), *caveats([searched[name] for name in shown])]
    return Section(heading, tuple(text), chart=chart_of(tuned, "settings", series, shown))
