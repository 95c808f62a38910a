"""What a command prints at its end: scores, verdicts, how the runs ended, and who won, in at most 100 columns."""

from __future__ import annotations

import dataclasses
import io

import pytest

from bench.claims.claim import read_claims
from bench.core.console import has_colours
from bench.core.settings import OptimSettings, SizeSettings
from bench.report.formats.console import COLUMNS, console_text
from tests.report.fabricated import failure, nats_of, record, run, scores, sweep, task
from tests.report.made import compose

SIZE = SizeSettings(mode="params", num_params=20_000)


def won(text: str) -> list[str]:
    """The last paragraph, line by line, its heading left out."""
    return text.split("\n\n")[-1].splitlines()[1:]


def test_the_scores_stand_below_their_task_and_every_status_is_counted():
    text = console_text(compose([*sweep(3), failure(run("gru", 9)), failure(run("lstm", 9), "diverged")]))
    table, total, _ = text.split("\n\n")
    heading, names, _, *rows = table.splitlines()
    assert heading == "Made-up Music: test NLL (nats per frame), lower is better; kernel made-up-kernel"
    assert " ".join(names.split()) == "cell size recurrent mean 95 % interval n frames/s not done"
    assert [row.split()[0] for row in rows] == ["GRU", "LSTM", "tanh"]
    assert "8.557" in rows[0]
    assert rows[0].endswith("1 failed")
    assert total == "11 runs: 9 done, 1 diverged, 1 failed"


def test_a_column_in_which_nothing_stands_is_left_out():
    assert "not done" not in console_text(compose(sweep(3)))


def test_kernels_have_a_column_where_there_are_several():
    runs = [run(name, seed) for name in ("gru", "lstm") for seed in range(3)]
    made = [record(each, kernel="fused" if each.cell_name == "gru" else "bptt") for each in runs]
    heading, names, _, *rows = console_text(compose(made)).splitlines()[:5]
    assert "kernel" not in heading
    assert names.split()[-1] == "kernel"
    assert [row.split()[-1] for row in rows] == ["fused", "bptt"]


def test_the_console_table_passes_no_control_characters_on():
    text = console_text(compose(sweep(1, ("gru",), task=task(title="a\x1b[31mb\nc"))))
    assert "\x1b" not in text
    assert "a [31mb c" in text


def test_the_verdicts_stand_below_the_scores():
    text = console_text(compose(sweep(8, size=SIZE), claims=read_claims()))
    scores, verdicts, total, _ = text.split("\n\n")
    assert scores.startswith("Made-up Music")
    assert verdicts.startswith("claim ")
    assert "supported" in verdicts
    assert "GRU − LSTM" in verdicts
    assert total == "24 runs: 24 done"


def test_where_nothing_is_decided_one_line_says_so():
    text = console_text(compose(sweep(3, size=SIZE), claims=read_claims()))
    assert "claims of the literature tested, none decided by these runs; the report says why" in text
    assert "inconclusive" not in text


def test_without_claims_there_are_no_verdicts():
    assert "claim" not in console_text(compose(sweep(8)))


def test_no_line_is_wider_than_a_hundred_columns():
    long = task(title="A Task with a Title That Is Much Longer Than Anyone Would Want a Title to Be")
    runs = [
        run(name, seed, task=long, size=SIZE, optim=OptimSettings(name="rmsprop", lr=lr, momentum=momentum))
        for name in ("gru", "lstm", "tanh")
        for lr in (0.0012345, 0.0023456)
        for momentum in (0.0, 0.9)
        for seed in range(7)
    ]
    made = [record(each, kernel="fused" if each.seed % 2 else "bptt") for each in runs]
    made += [failure(dataclasses.replace(runs[0], seed=77)), failure(dataclasses.replace(runs[0], seed=78), "diverged")]
    text = console_text(compose(made, claims=read_claims()))
    assert "verdict" in text
    assert "momentum=0.9" in text
    assert max(map(len, text.splitlines())) <= COLUMNS


def test_the_last_lines_say_who_won_card_by_card():
    text = console_text(compose(sweep(10)))
    assert text.split("\n\n")[-1].splitlines()[0] == "Made-up Music: test NLL (nats per frame), lower is better"
    first, second = (line for line in won(text) if line.startswith("  ") and not line.startswith("   "))
    assert first.startswith("  GRU better, by how much is open, for the settings that ran: GRU − LSTM −0.112 [")
    assert second.startswith("  GRU better, for the settings that ran: GRU − tanh −0.5")
    assert "margin ±0.0" in " ".join(won(text))


def shifted(by: list[float]):
    """GRU and LSTM over some seeds, the LSTM worse by these differences."""
    made = []
    for seed, each in enumerate(by):
        level = nats_of(run("gru", seed))
        for name, nats in (("gru", level), ("lstm", level + each)):
            one = run(name, seed)
            made.append(record(one, scores=scores(one, nats)))
    return made


def test_words_are_those_of_the_card():
    alike = won(console_text(compose(shifted([0.001, -0.001, 0.002, -0.002, 0.001, 0.0, -0.001]))))
    assert alike[0].startswith("  GRU and LSTM alike, for the settings that ran: GRU − LSTM ")
    opened = won(console_text(compose(shifted([0.06, 0.11, 0.07, 0.12, 0.05, 0.10, 0.08]))))
    assert opened[0].startswith("  GRU better, by how much is open, for the settings that ran: GRU − LSTM −0.0")


def test_too_few_seeds_say_how_many_are_needed_and_how_to_get_them():
    assert won(console_text(compose(sweep(3, ("gru", "lstm")))))[0] == (
        "  GRU and LSTM undecided: 3 seeds, 6 are needed: add 'seed=range(10)'"
    )


def test_an_undecided_card_says_about_how_many_seeds_would_decide():
    line, effect = won(console_text(compose(shifted([0.4, -0.4, 0.3, -0.3, 0.2, -0.1, 0.1]))))
    found = compose(shifted([0.4, -0.4, 0.3, -0.3, 0.2, -0.1, 0.1])).outcomes[0].decisions[0].card
    n = found.card.pairs_for_half_a_margin
    assert line == f"  GRU and LSTM undecided: about {n} seeds would decide: add 'seed=range({n})'"
    assert effect.startswith("    GRU − LSTM ")


def test_a_single_cell_has_nobody_to_win_against():
    assert console_text(compose(sweep(8, ("gru",)))).endswith("8 runs: 8 done")


@pytest.mark.parametrize(("shifts", "code"), [([0.5] * 3 + [0.6] * 4, 32), ([0.001, -0.001] * 4, 36), ([0.1] * 2, 33)])
def test_on_a_terminal_the_word_is_in_colour_and_all_else_as_it_was(shifts, code):
    document = compose(shifted(shifts))
    plain, coloured = console_text(document), console_text(document, is_coloured=True)
    assert f"\x1b[1;{code}mGRU" in coloured
    assert coloured.replace(f"\x1b[1;{code}m", "").replace("\x1b[0m", "") == plain


class Screen(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colours(Screen())
    assert not has_colours(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Screen())
    monkeypatch.setenv("NO_COLOR", "")
    assert has_colours(Screen())
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colours(Screen())
