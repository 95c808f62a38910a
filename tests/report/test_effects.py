"""The effects at a glance: every card once, in its group and under its data set, where its interval says."""

from __future__ import annotations

import pytest

from bench.claims.claim import read_claims
from bench.core.settings import SizeSettings
from bench.report.sections.effects import effects
from tests.report.fabricated import sweep, task
from tests.report.made import compose

JSB, NOTTINGHAM = task("jsb_chorales", title="JSB Chorales"), task("nottingham", title="Nottingham")
EQUAL = SizeSettings("params", num_params=20_000, count="recurrent")


@pytest.fixture(scope="module")
def document():
    records = [*sweep(8, task=JSB, size=EQUAL), *sweep(8, task=NOTTINGHAM, size=EQUAL)]
    return compose(records, claims=read_claims())


def rows(document):
    return [(group, row) for group, own in document.effects.groups for row in own]


def test_every_card_is_there_once_in_the_words_and_numbers_of_its_evidence(document):
    cards = [(result.task_label, result.found.card) for found in document.findings for result in found.tested]
    told = {(task, card.word, card.interval.mean) for task, card in cards}
    shown = [
        (task, effect.word, effect.text)
        for _, row in rows(document)
        for task, effect in zip(document.effects.tasks, row.effects, strict=True)
        if effect is not None
    ]
    assert {(task, word) for task, word, _ in shown} == {(task, word) for task, word, _ in told}
    assert len(rows(document)) < len([found for found in document.findings if found.is_tested])


def test_a_place_on_the_axis_is_that_of_the_interval_in_margins(document):
    by_link = {f"#claim-{found.claim.name}": found for found in document.findings}
    for _, row in rows(document):
        found = by_link[row.link]
        cards = {result.task_label: result.found.card for result in found.tested}
        for name, effect in zip(document.effects.tasks, row.effects, strict=True):
            if effect is None:
                assert name not in cards
                continue
            in_margins = cards[name].in_margins()
            if abs(in_margins.mean) < row.reach:
                assert effect.mean == pytest.approx(in_margins.mean / row.reach)
            assert -1 <= effect.low <= effect.mean <= effect.high <= 1
            assert (effect.kind == "alike") == (cards[name].word == "alike")
            assert 2.5 <= row.reach <= 8


def test_groups_are_of_quality_speed_and_optimisation(document):
    groups = {group: {row.what.partition(",")[0] for row in own} for group, own in document.effects.groups}
    assert list(groups) == [name for name in ("Quality", "Speed", "Optimisation") if name in groups]
    assert any(what.startswith("test NLL") for what in groups["Quality"])
    assert any("seconds" in what for what in groups["Speed"])


def test_a_winner_has_its_colour_and_nobody_else_has_one(document):
    colours = {style.name: style.colour for style in document.looks.values()}
    toned = 0
    for _, row in rows(document):
        for effect in filter(None, row.effects):
            winner = max((name for name in colours if effect.word.startswith(name)), key=len, default="")
            assert effect.tone == colours.get(winner, "")
            toned += bool(effect.tone)
    assert toned


def test_without_claims_there_is_nothing():
    assert effects((), {}) is None
