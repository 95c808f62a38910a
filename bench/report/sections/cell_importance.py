"""Whether the cell matters more than its settings: all studies of a task together, the cell as one more factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.importance import Share
from bench.records import RunRecord
from bench.report.groups import Settings
from bench.report.ink import INK, Ink
from bench.report.section import Section
from bench.report.shares import MEANING, Series, caveats, chart_of, finished, in_words, shares_of, too_few
from bench.report.studies import Tuned, are_paired, fixed_settings
from bench.report.wording import listed, plain
from bench.space import Dimension
from bench.trials import StudyRecord

CELL = "cell"

CERTAIN = 0.975
"""Share of the resamples in which one factor is above the other where it is said to matter more."""

EXPLANATION = (
    "All trials of the task together, the cell being one more factor. It stands for everything in which the studies "
    "of the cells differ, such as a hidden size that was chosen for equal parameters. With few trials a choice such as "
    "the cell gets somewhat less than its due."
)


def cell_importance(tuned: Tuned, records: Mapping[str, RunRecord], heading: str) -> Section | None:
    """Return the importance of the cell beside that of its settings, None where there is one cell alone."""
    studies = list(tuned.studies.values())
    if len({study.cell for study in studies}) < 2:
        return None
    if few := too_few(tuned, list(tuned.studies)):
        return Section(heading, (few,))
    shared = _shared(studies)
    left_out = [plain(path, 80) for path in sorted({path for study in studies for path in study.space} - set(shared))]
    if not shared:
        return Section(heading, (f"Not computed: no setting was searched in one range by all ({listed(left_out)}).",))
    series = shares_across(tuned, records)
    text = [EXPLANATION, MEANING, in_words(series), *verdicts(series.shares["fanova"]), *caveats(studies)]
    text += [f"Left out, as not all studies searched it in one range: {listed(left_out)}."] if left_out else []
    return Section(heading, tuple(text), chart=chart_of(tuned, "importance", [series], list(tuned.studies)))


def verdicts(shares: Mapping[str, Share]) -> list[str]:
    """Return, for each setting, whether it or the cell matters more; neither does that chance may have lifted."""
    sentences = []
    for name, share in shares.items():
        if name == CELL:
            continue
        setting = plain(name, 80)
        pairs = list(zip(share.resampled, shares[CELL].resampled, strict=True))
        n_above = sum(own > cell for own, cell in pairs)
        if share.is_above_chance and n_above >= CERTAIN * len(pairs):
            verdict = f"{setting} matters more than the cell"
        elif shares[CELL].is_above_chance and len(pairs) - n_above >= CERTAIN * len(pairs):
            verdict = f"The cell matters more than {setting}"
        else:
            verdict = f"Whether {setting} or the cell matters more cannot be told"
        sentences.append(f"{verdict}: {setting} has the larger share in {n_above} of {len(pairs)} resamples.")
    return sentences


def shares_across(tuned: Tuned, records: Mapping[str, RunRecord]) -> Series:
    """Return the shares of what all studies of a task searched in one range, and of the cell where there are several.

    Settings that were swept over in the same values for every cell are factors too.
    """
    studies = list(tuned.studies.values())
    fixed = {name: fixed_settings(study, records) for name, study in tuned.studies.items()}
    shared, crossed = _shared(studies), _crossed(tuned, fixed)
    trials = finished(tuned, list(tuned.studies))
    trials = trials.assign(**{path: [fixed[name][path] for name in trials["study"]] for path in crossed})
    cells = tuple(sorted({study.cell for study in studies}))
    space = {**shared, **crossed, **({CELL: Dimension(choices=cells)} if len(cells) > 1 else {})}
    label = ":".join(sorted(study.key for study in studies))
    blocks = list(trials["number"]) if are_paired(studies) else None
    shares = shares_of(trials, space, studies[0], label=f"{label}:importance", blocks=blocks)
    return Series("All studies", Ink("all", INK, "D"), len(trials), shares)


def _shared(studies: Sequence[StudyRecord]) -> dict[str, Dimension]:
    """Return the dimensions that all studies have in common."""
    first, *others = studies
    return {
        path: dimension
        for path, dimension in first.space.items()
        if all(study.space.get(path) == dimension for study in others)
    }


def _crossed(tuned: Tuned, fixed: Mapping[str, Settings]) -> dict[str, Dimension]:
    """Return the settings that differ between studies of one cell where every cell has them all: factors too."""
    values: dict[str, dict[str, set[str]]] = {}
    for name, settings in fixed.items():
        for path, value in settings.items():
            values.setdefault(path, {}).setdefault(tuned.studies[name].cell, set()).add(value)
    n_cells = len({study.cell for study in tuned.studies.values()})
    found = {}
    for path, by_cell in values.items():
        first, *others = by_cell.values()
        if len(first) > 1 and len(by_cell) == n_cells and all(each == first for each in others):
            found[path] = Dimension(choices=tuple(sorted(first)))
    return found
