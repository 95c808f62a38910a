r"""The parts for a paper: complete, the same numbers as in the frames, and unable to run a TeX command."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import pytest

from bench.claims.claim import read_claims
from bench.core.settings import OptimSettings, SizeSettings
from bench.report.formats.latex import MOST_ROWS, SPECIAL, escape_latex, latex
from tests.report.fabricated import PROVENANCE, cell, record, run, sweep, task
from tests.report.made import build, compose

HOSTILE = '\\write18{touch pwned}\\input{/etc/passwd}^^5cinput x}\\end{tabular}%&#$_~<>|"\\\\[1ex]'

SIZE = SizeSettings(mode="params", num_params=20_000)
"""The size at which the claims of the literature compare."""

OURS = {
    *("begin", "end", "centering", "caption", "small", "label", "toprule", "midrule", "bottomrule", "linewidth"),
    *("raggedright", "arraybackslash", "endfirsthead", "endhead", "endfoot", "endlastfoot", "multicolumn"),
    *("begingroup", "endgroup", "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater"),
    *("textbar", "char", "times", "pm", "surd", "infty", "mu", "beta", "alpha", "varepsilon", "ldots"),
}
"""Every command that the files may hold."""


def hostile_document():
    node = task(HOSTILE, title=HOSTILE)
    origin = dataclasses.replace(PROVENANCE, cpu=HOSTILE, platform=HOSTILE, versions={HOSTILE: HOSTILE})
    made = [
        record(run(name, seed, size=SIZE, task=node, cell=cell(name, odd=HOSTILE)), provenance=origin, kernel=HOSTILE)
        for name in ("gru", "lstm", HOSTILE)
        for seed in range(6)
    ]
    claims = [dataclasses.replace(claim, sentence=HOSTILE) for claim in read_claims()]
    return compose(made, claims=claims)


def body(text):
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("% "))


@pytest.mark.parametrize("part", ["summary", "verdicts", "methods"])
def test_a_hostile_name_runs_no_command(part):
    text = body(latex(hostile_document())[part])
    assert "write18" in text
    assert set(re.findall(r"\\([A-Za-z]+)", text)) <= OURS
    assert set(re.findall(r"\\([^A-Za-z])", text)) <= set("&%$#_{}\\\n ")
    assert "^" not in text
    assert not re.search(r"(?<!\\)%", text)
    assert not re.search(r"\\\\\s*[\[*]", text)
    bare = text.replace("\\{", "").replace("\\}", "")
    assert bare.count("{") == bare.count("}")


def test_every_special_character_is_escaped_once():
    assert escape_latex("50 % of a_b & {c} #1 $x^2$ ~\\") == (
        "50 \\% of a\\_b \\& \\{c\\} \\#1 \\$x\\textasciicircum{}2\\$ \\textasciitilde{}\\textbackslash{}"
    )
    assert escape_latex("−0.5 × “2”") == "$-$0.5 $\\times$ ``2''"
    assert all(escape_latex(letter) == set_as for letter, set_as in SPECIAL.items() if letter.strip())


def test_the_numbers_are_those_of_the_json_rows(tmp_path):
    folder = build(sweep(6, size=SIZE), tmp_path, claims=read_claims()).parent
    text = (folder / "latex" / "summary.tex").read_text()
    rows = json.loads((folder / "summary.json").read_text())
    assert len(rows) == 3
    for row in rows:
        line = next(line for line in text.splitlines() if f"& {row['num_params_recurrent']:,} &" in f"& {line}")
        assert f"& {row['mean']:.3f} & [{row['low']:.3f}, {row['high']:.3f}] & {row['n']} " in line
    verdicts = (folder / "latex" / "verdicts.tex").read_text()
    claims = json.loads((folder / "claims.json").read_text())
    tested = [row for row in claims if row["verdict"] != "not tested"]
    assert len(tested) > 3
    words = re.findall(
        r"& (supported|contradicted|equivalent|inconclusive)(?:, for the settings that ran)? &", verdicts
    )
    assert sorted(words) == sorted(row["verdict"] for row in tested)
    assert verdicts.count(", for the settings that ran &") == sum(bool(row["scope"]) for row in tested)


def test_a_column_that_says_the_same_everywhere_is_said_once():
    text = latex(compose(sweep(2)))["summary"]
    assert "Task & " not in text
    assert "\\caption{Task: Made-up Music. Score: test NLL." in text


def test_settings_that_tell_rows_apart_are_a_column():
    text = latex(compose([*sweep(2, ("gru",)), *sweep(2, ("gru",), optim=OptimSettings(lr=0.01))]))["summary"]
    assert "optim.lr=0.01" in text


def test_a_table_that_does_not_fit_on_a_page_is_long():
    made = [each for hidden in range(20, 21 + MOST_ROWS) for each in sweep(1, ("gru",), hidden_size=hidden)]
    text = latex(compose(made))["summary"]
    assert text.count("\\begin{longtable}") == 1
    assert "longtable" in text.splitlines()[0]


def test_without_claims_or_runs_the_files_are_empty_but_there():
    assert set(latex(compose([]))) == {"summary", "methods"}
    assert latex(compose([]))["summary"].startswith("% ")
    assert latex(compose([], claims=read_claims()))["verdicts"].startswith("% ")


def test_several_tasks_have_a_table_each():
    text = latex(compose([*sweep(2), *sweep(2, task=task("other", title="Another Music"))]))["summary"]
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:summary:1", "tab:summary:2"]
    assert re.findall(r"caption\{Task: ([^.]*)\.", text) == ["Made-up Music", "Another Music"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
@pytest.mark.parametrize("kind", ["hostile", "long"])
def test_latex_sets_the_files_without_an_error(kind, tmp_path):
    made = [each for hidden in range(20, 22 + MOST_ROWS) for each in sweep(1, ("gru",), hidden_size=hidden)]
    parts = latex(hostile_document() if kind == "hostile" else compose(made))
    for name, text in parts.items():
        (tmp_path / f"{name}.tex").write_text(text)
    inputs = "".join(f"\\input{{{name}}}" for name in parts)
    packages = "\\usepackage{array,booktabs,longtable}"
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass{{article}}{packages}\\begin{{document}}{inputs}\\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-shell-escape", "paper"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert kind == "hostile" or b"Overfull" not in done.stdout
    assert (tmp_path / "paper.pdf").exists()
    assert not (tmp_path / "pwned").exists()
