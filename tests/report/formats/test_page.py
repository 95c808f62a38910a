"""The files of a report: complete from any records, the same every time, and inert whatever the names hold."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import random
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.core.errors import LinkError
from bench.report.figures.inline import inline
from bench.report.figures.style import render, theme
from bench.report.formats.console import console_text
from bench.report.formats.exports import csv_text, escape_markdown
from bench.report.formats.page import charts
from tests.report.fabricated import PROVENANCE, cell, failure, outcome, record, run, sweep, task
from tests.report.made import build, compose

CANARY = "<script>alert(1)</script>|`x`=cmd|' /C calc'!A0"
FORMULA = "=cmd|' /C calc'!A0"


class Page(HTMLParser):
    """What a page consists of: its tags with their attributes, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def hostile_records():
    hostile = task(CANARY, title=CANARY)
    origin = dataclasses.replace(PROVENANCE, cpu=CANARY, git_commit=FORMULA)
    made = [
        record(run("gru", seed, task=hostile, cell=cell(CANARY)), provenance=origin, kernel=CANARY) for seed in range(3)
    ]
    return [
        *made,
        failure(run("gru", 9, task=hostile), reason=CANARY),
        failure(run("gru", 10, task=hostile), reason=FORMULA),
    ]


CASES = {
    "empty": [],
    "one run": sweep(1, ("gru",)),
    "one seed": sweep(1),
    "failed only": [failure(run("gru", seed)) for seed in range(3)],
    "partial": [*sweep(2), failure(run("gru", 5)), failure(run("lstm", 5), "timeout", "")],
    "tuning only": [record(run(name, 0, phase="tune")) for name in ("gru", "lstm")],
    "mixed tasks": [*sweep(2), *sweep(2, task=task("words", metric="perplexity", title="Words"))],
    "mixed versions": [*sweep(2), *sweep(2, task=task(version=2))],
    "swept sizes": [made for hidden in (20, 40) for made in sweep(2, hidden_size=hidden)],
    "no curve": [record(run(), curve=())],
    "one evaluation": [record(run(seed=seed), curve=outcome(run()).curve[:1]) for seed in range(2)],
    "no baseline": [record(run(), baseline={})],
    "no validation": [record(run(), scores={"test": {"nll": 8.0}})],
    "done without scores": [record(run(), scores={}, curve=(), baseline={})],
    "unknown metric": sweep(2, task=task(metric="nll", direction="maximise")),
    "names in other scripts": sweep(1, ("gru",), task=task("音楽", title="音楽 $x$ ☃")),
    "hostile": hostile_records(),
}


@pytest.mark.parametrize("case", CASES)
def test_a_report_is_made_of_any_records(case, tmp_path):
    path = build(CASES[case], tmp_path, name=case)
    assert path == tmp_path / "report" / "report.html"
    assert sorted(child.name for child in path.parent.iterdir()) == [
        "SHA256SUMS",
        "curves.csv",
        "figures",
        "latex",
        "report.html",
        "report.md",
        "runs.csv",
        "summary.csv",
        "summary.json",
    ]
    n = len(CASES[case])
    assert f"{n} run" in Page(path.read_text()).text
    assert len(list(csv.reader(io.StringIO((path.parent / "runs.csv").read_text())))) == n + 1
    assert f"{n} run" in console_text(compose(CASES[case]))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page of two seeds of each cell, which several tests read."""
    return build(sweep(2), tmp_path_factory.mktemp("built"), name="x")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The page of records whose every name and reason is hostile."""
    return build(hostile_records(), tmp_path_factory.mktemp("hostile"), name=CANARY, damaged=[CANARY])


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = [*sweep(3), *sweep(2, hidden_size=20), failure(run("gru", 9))]
    build(records, tmp_path / "one", name="x", damaged=["b", "a"])
    build(random.Random(1).sample(records, len(records)), tmp_path / "two", name="x", damaged=["a", "b"])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_rebuild_removes_what_an_earlier_one_wrote_and_leaves_other_files_alone(tmp_path):
    build([*sweep(1), *sweep(1, task=task("gone"))], tmp_path, name="x")
    figures = tmp_path / "report" / "figures"
    written = sorted(path.name for path in figures.glob("gone-*"))
    assert len(written) > 1
    mine = {figures / "notes.txt", figures / "my_plot.png", figures / "my_plot.svg", figures / written[0]}
    for path in mine:
        path.write_text("mine")
    build(sweep(1), tmp_path, name="x")
    names = {path.name for path in figures.iterdir()}
    assert {path.read_text() for path in mine} == {"mine"}
    assert {name for name in names if name.startswith("gone")} == {written[0]}
    assert not any(name.startswith(".") for name in names)


def test_a_report_says_which_files_it_wrote(tmp_path):
    folder = build(sweep(1), tmp_path, name="x").parent
    lines = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for _, name in lines}
    assert {name: digest for digest, name in lines} == found
    assert set(found) == {str(path) for path in contents(folder) if path.name != "SHA256SUMS"}


@pytest.mark.parametrize("name", ["../../mine.txt", "/etc/hostname", "figures/../../../mine.txt", "figures", "a\0b"])
def test_a_list_of_written_files_that_is_not_ours_removes_nothing_outside(name, tmp_path):
    folder = build(CASES["failed only"], tmp_path, name="x").parent
    (tmp_path / "mine.txt").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {name}\n")
    build(CASES["failed only"], tmp_path, name="x")
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("part", ["report", "report/figures", "report/latex"])
def test_a_report_is_not_written_where_a_link_leads(part, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("mine.png", "mine.svg", "runs.csv"):
        (elsewhere / name).write_text("mine")
    before, place = contents(elsewhere), tmp_path / "results" / part
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)
    with pytest.raises(LinkError, match="is a link"):
        build(sweep(1), tmp_path / "results", name="x")
    assert contents(elsewhere) == before


def test_every_chart_is_there_as_png_and_svg_and_in_the_page(built):
    page = Page(built.read_text())
    images = page.all("svg")
    assert [image["id"].rsplit("-", 1)[1] for image in images] == ["score", "curves", "speed"]
    for image in images:
        svg, png = ((built.parent / "figures" / f"{image['id']}{kind}").read_bytes() for kind in (".svg", ".png"))
        assert inline(svg, image["id"], image["aria-label"]) in built.read_text()
        assert image["aria-label"]
        assert png.startswith(b"\x89PNG")
    assert page.text.count("n = 2 runs per") == 3


def test_figures_carry_no_date_and_no_version(built):
    for figure in (built.parent / "figures").iterdir():
        assert not re.search(rb"<dc:date>|Matplotlib v|tEXtSoftware", figure.read_bytes())


def test_the_page_needs_nothing_from_elsewhere(built):
    page = Page(built.read_text())
    assert not page.all("iframe")
    assert all(link["href"] == "data:," for link in page.all("link"))
    assert all("src" not in script for script in page.all("script"))
    for anchor in page.all("a"):
        assert anchor["href"].startswith(("#", "data:", "figures/"))


def test_the_policy_admits_this_style_and_this_script_and_no_other(built):
    text = built.read_text()
    (policy,) = [meta["content"] for meta in Page(text).all("meta") if meta.get("http-equiv")]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert " style=" not in text
    assert not re.search(r"<[^>]* on[a-z]+=", text)


def test_names_and_reasons_are_shown_as_text_in_the_page(hostile):
    page = Page(hostile.read_text())
    assert len(page.all("script")) == 1
    assert page.text.count("<script>alert(1)</script>") >= 5


def test_names_and_reasons_are_shown_as_text_in_markdown(hostile):
    text = (hostile.parent / "report.md").read_text()
    assert r"\<script\>alert(1)\</script\>\|\`x\`" in text
    assert not re.search(r"(?<!\\)<", text)
    for block in text.split("\n\n"):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block


def test_markdown_escapes_what_would_start_markup():
    assert escape_markdown("a|b <i> `c` [d](e) *f* &lt; \\") == r"a\|b \<i\> \`c\` \[d\](e) \*f\* &amp;lt; \\"


def test_no_csv_field_of_text_starts_a_formula(tmp_path):
    path = build(hostile_records(), tmp_path, name=FORMULA)
    for name in ("runs.csv", "curves.csv", "summary.csv"):
        rows = csv.reader(io.StringIO((path.parent / name).read_text()))
        fields = [field for row in rows for field in row]
        assert not any(field.startswith(("=", "+", "@", "\t", "\r")) for field in fields)


def test_csv_guards_text_and_leaves_numbers_alone():
    frame = pd.DataFrame({"text": ["=1+1", "-x", "@a", "+b", "plain"], "number": [-1.5, 2.0, -3.0, float("nan"), 0.0]})
    assert csv_text(frame) == "text,number\n'=1+1,-1.5\n'-x,2.0\n'@a,-3.0\n'+b,\nplain,0.0\n"


def test_no_control_character_of_a_name_is_in_any_file(tmp_path):
    name = "a\x1b[31mb\tc\r\nd\x9b2J\u202e\x7f"
    made = [record(run("gru", seed, task=task(name, title=name), cell=cell(name))) for seed in range(2)]
    folder = build([*made, failure(run("gru", 9), reason=name)], tmp_path, name=name).parent
    for path in folder.rglob("*.*"):
        if path.suffix in (".csv", ".md", ".tex", ".html", ".svg", ".json"):
            text = path.read_bytes().decode()
            assert not {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf")} - {"\n"}, path


def test_csv_guards_a_formula_behind_control_characters():
    assert csv_text(pd.DataFrame({"text": ["\x1b=1+1", "\t=1", "a\x1bb"]})) == "text\n' =1+1\n' =1\na b\n"


@pytest.mark.parametrize("letters", ["x", "W", "漢字", "a long name "])
def test_every_figure_has_room_for_its_points_however_long_names_are(letters):
    value = letters * 200
    made = [
        record(run("gru", seed, cell=cell("gru", **{letters: value + end}), task=task(value, title=value)))
        for end in "abcd"
        for seed in range(2)
    ]
    for chart in charts(compose(made)):
        render(chart.figure)  # a warning is an error here
        assert all(axes.get_position().width > 0.1 for axes in chart.figure.axes)


def test_no_name_becomes_a_path(tmp_path):
    escaping = task("../../outside", title="x")
    build(sweep(1, task=escaping), tmp_path / "in", name="../../outside")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    names = [path.name for path in (tmp_path / "in" / "report" / "figures").iterdir()]
    assert all(re.fullmatch(r"[A-Za-z0-9_]+-[0-9a-f]{6}-[a-z]+\.(png|svg)", name) for name in names)


def test_two_names_with_one_slug_keep_their_own_figures(tmp_path):
    path = build([*sweep(1, task=task("a b")), *sweep(1, task=task("a_b"))], tmp_path, name="x")
    assert len(list((path.parent / "figures").glob("*-score.png"))) == 2


def test_damaged_records_are_mentioned(tmp_path):
    text = Page(build(sweep(1), tmp_path, name="x", damaged=["b.json: the file is damaged"]).read_text()).text
    assert "1 damaged record left out: b.json: the file is damaged." in text


def test_figures_of_each_size_print_with_readable_text(built):
    for image in Page(built.read_text()).all("img"):
        assert int(image["width"]) == 691  # 7.2 inches at 96 CSS pixels each


def test_figures_of_one_page_share_no_identifier_and_refer_to_their_own(built):
    text = built.read_text()
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        own = set(re.findall(r' id="([^"]+)"', svg))
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) <= {(each, "") for each in own} | {
            ("", each) for each in own
        }
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_a_figure_in_the_page_has_text_and_the_colours_of_the_page_and_no_white_sheet():
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#0072B2", marker="o", markerfacecolor="white", label="a < b & c")
    axes.set_xlabel("x")
    axes.legend()
    with theme():
        svg = inline(render(figure).svg, "one", 'say "hm"')
    assert ">a &lt; b &amp; c</text>" in svg
    assert 'aria-label="say &quot;hm&quot;"' in svg
    assert 'stroke="#0072b2"' in svg
    assert "#ffffff" not in svg
    assert 'fill="var(--paper)"' in svg  # the hollow marker
    assert 'fill="var(--ink)"' in svg
    assert "style" not in svg
    assert len(svg) < 0.7 * len(render(figure).svg)
    ElementTree.fromstring(svg)
