"""What mattered for the score within each study: the importance of the settings that it searched."""

from __future__ import annotations

from bench.importance import FEWEST
from bench.report.ink import Inks
from bench.report.section import Section
from bench.report.shares import MEANING, Series, caveats, chart_of, finished, in_words, shares_of, too_few
from bench.report.studies import Tuned


def importance(tuned: Tuned, looks: Inks, heading: str) -> Section | None:
    """Return the importance of the searched settings within each study, None where there was never but one."""
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
