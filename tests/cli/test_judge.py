"""`judge`: a file of scores in; table, JSON, figure and LaTeX out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.cli.commands import run_command
from bench.core.errors import UsageError

LOSSES = [0.31, 0.29, 0.33, 0.28, 0.30, 0.32, 0.27, 0.31]


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.csv"
    rows = [f"wine,forest,{i},{loss}\nwine,linear,{i},{loss + 0.05 + 0.001 * (i % 3)}" for i, loss in enumerate(LOSSES)]
    path.write_text("task,side,seed,score\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_it_prints_the_word_beside_interval_and_margin(scores, capsys):
    assert run_command(["judge", str(scores), "--margin", "0.02"]) == 0
    shown = capsys.readouterr().out
    assert "forest better " in shown
    assert "Margin: 0.02." in shown
    assert run_command(["judge", str(scores), "--margin", "0.02", "--direction", "maximise", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["word"], row["margin"], row["n"], row["left_wins"]) == ("linear better", 0.02, 8, 0.0)
    assert row["low"] < row["difference"] < row["high"] < -0.02


def test_one_pair_has_no_interval_and_its_json_no_number_that_json_does_not_know(tmp_path, capsys):
    path = tmp_path / "scores.csv"
    path.write_text("side,seed,score\na,0,1\nb,0,2\n", encoding="utf-8")
    assert run_command(["judge", str(path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert (row["word"], row["n"], row["difference"], row["low"], row["high"]) == ("undecided", 1, -1.0, None, None)


def test_it_draws_the_cards_and_writes_them_for_latex(scores, tmp_path, capsys):
    assert run_command(["judge", str(scores), "--figure", str(tmp_path / "f"), "--latex", str(tmp_path / "t.tex")]) == 0
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert "forest better" in (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert "forest -- linear & forest better &" in (tmp_path / "t.tex").read_text(encoding="utf-8")


def test_files_go_where_their_whole_name_says(scores, tmp_path):
    figure, table = tmp_path / "new" / "at_0.5", tmp_path / "other" / "cards.tex"
    assert run_command(["judge", str(scores), "--figure", str(figure), "--latex", str(table)]) == 0
    assert sorted(each.name for each in figure.parent.iterdir()) == ["at_0.5.png", "at_0.5.svg"]
    assert table.is_file()


@pytest.mark.parametrize(("margin", "is_logarithmic"), [("0.02", False), ("0.005", False), ("0.0001", True)])
def test_a_figure_says_where_its_axis_is_logarithmic(scores, tmp_path, margin, is_logarithmic):
    assert run_command(["judge", str(scores), "--margin", margin, "--figure", str(tmp_path / "f")]) == 0
    assert ("logarithmic beyond 1" in (tmp_path / "f.svg").read_text(encoding="utf-8")) == is_logarithmic


def test_equal_scores_are_said_to_have_no_interval_and_keep_their_margin(tmp_path, capsys):
    path = tmp_path / "scores.csv"
    rows = [f"{side},{seed},{0.9 + seed / 100}" for side in "ab" for seed in range(8)]
    path.write_text("side,seed,score\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert run_command(["judge", str(path), "--direction", "maximise"]) == 0
    shown = capsys.readouterr().out
    assert "Differences that are all equal have no interval" in shown
    assert " ±0.0094 " in shown  # the margin, though the interval asks for no decimals
    assert max(map(len, shown.splitlines())) <= 120


@pytest.mark.parametrize("direction", ["minimise", "maximise"])
def test_a_row_says_which_scores_are_better(scores, direction, capsys):
    assert run_command(["judge", str(scores), "--direction", direction, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["direction"] == direction


@pytest.mark.parametrize("margin", ["0", "-1", "x", "1 percent", "nan", "inf", "1e400"])
def test_a_margin_is_a_number_or_a_share(scores, margin):
    with pytest.raises(UsageError, match="--margin must be a number above 0"):
        run_command(["judge", str(scores), f"--margin={margin}"])


def test_it_needs_no_torch(scores):
    judged = "import sys; from bench.cli.commands import run_command; run_command(['judge', sys.argv[1]])"
    code = f"{judged}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(scores)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
