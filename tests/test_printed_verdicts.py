"""Every verdict that is printed follows from the interval and the margin printed beside it.

Judged anew from the numbers of `claims.csv`, by rules written down here a second time; what the page, Markdown, LaTeX
and the README print are these words and these numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from bench.cli.config import conf_dir
from bench.core.interval import Interval
from bench.core.wording import NO_BREAK, estimated
from tests.programs.figures import readme

HERE = conf_dir().parent
REPORTS = sorted(path.parent for path in (HERE / "results").glob("*/report/claims.csv"))
FEWEST = 6


def rows_of(report):
    rows = csv.DictReader(io.StringIO((report / "claims.csv").read_text(encoding="utf-8")))
    return [row for row in rows if row["verdict"] != "not tested"]


def judged(row):
    """Return the card's word and the verdict that follow from the numbers of a row."""
    mean, low, high, inner, outer = (float(row[name]) for name in ("mean", "low", "high", "margin_low", "margin_high"))
    is_ratio = " / " in row["effect"]
    left, right = row["effect"].split(" / " if is_ratio else " − ")
    counted = row["tuning"] == "counted"
    none = (inner * outer) ** 0.5 if is_ratio else (inner + outer) / 2
    if not counted and (int(row["n"]) < FEWEST or not low < high):
        return "undecided", "inconclusive"
    winner = left if (mean < none) == (row["better"] == "lower") else right
    is_alike, is_apart = inner < low and high < outer, high < inner or outer < low
    tells = not low <= none <= high
    word = "alike" if is_alike else "undecided" if not tells else f"{winner} better" if is_apart else f"{winner} open"
    direction, is_beyond = row["direction"], not inner <= mean <= outer
    if direction in ("not_worse", "closes"):
        is_fine = high < outer if row["better"] == "lower" else inner < low
        verdict = "supported" if is_fine else "contradicted" if word == f"{right} better" else "inconclusive"
    elif direction == "alike":
        verdict = "supported" if is_alike else "contradicted" if tells and is_apart else "inconclusive"
    elif is_alike:
        verdict = "equivalent"
    elif tells and is_beyond:
        verdict = "supported" if (winner == left) == (direction != "worse") else "contradicted"
    else:
        verdict = "inconclusive"
    return word, verdict


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.parent.name)
def test_every_verdict_of_the_table_for_programs_follows_from_its_numbers(report):
    rows = rows_of(report)
    assert rows
    for row in rows:
        word, verdict = judged(row)
        assert verdict == row["verdict"], row
        said = row["card"]
        if word.endswith(" open"):
            assert said.endswith(", by how much is open"), row
        elif word.endswith(" better"):
            assert not said.endswith("open"), row
        assert said.startswith(word.removesuffix(" open").removesuffix(" better")), row
    same = [{**row, "groups": row["groups"].split()} for row in rows]
    told = [row for row in json.loads((report / "claims.json").read_text()) if row["verdict"] != "not tested"]
    assert [(row["claim"], row["verdict"], row["groups"]) for row in told] == [
        (row["claim"], row["verdict"], row["groups"]) for row in same
    ]


def effect(row):
    numbers = (float(row[name]) for name in ("mean", "low", "high"))
    return estimated(Interval(*numbers, int(row["n"]), ""))


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.parent.name)
def test_what_is_read_says_the_words_and_the_numbers_of_what_programs_read(report):
    markdown = (report / "report.md").read_text(encoding="utf-8").replace("\\", "")
    latex = re.sub(r"\s+", " ", (report / "latex" / "verdicts.tex").read_text(encoding="utf-8").replace("$-$", "−"))
    for row in rows_of(report):
        line = f"| {row['verdict']} | {row['card']} | {effect(row)} | "
        assert line in markdown, line
        said = f"{row['verdict']}, {row['scope']}" if row["scope"] else row["verdict"]
        assert f"& {said} & {effect(row).replace(NO_BREAK, ' ')} & " in latex, said


def test_the_readme_says_the_verdicts_of_the_report():
    rows = {(row["claim"], row["task"]): row for row in rows_of(HERE / readme.RESULTS / "report")}
    part = (HERE / readme.README).read_text(encoding="utf-8").split(readme.BEGIN)[1].split(readme.END)[0]
    entries = re.findall(r"\*\*(\w+)\*\* ([^|]*?) \|", part.replace("\\", ""))
    assert sorted(entries) == sorted((row["verdict"], effect(row).replace(NO_BREAK, " ")) for row in rows.values())
