"""A claim's file says everything about its test, and what it may not say is refused by one message."""

from __future__ import annotations

import pytest
import yaml

from bench.claims.claim import GROUP, Claim, cell_choice, claim_of, read_claims
from bench.claims.margins import margins
from bench.core.errors import ConfigError
from bench.core.yaml_files import conf_dir

SHIPPED = sorted((conf_dir() / GROUP).glob("*.yaml"))

GOOD = {
    "name": "mine",
    "sentence": "A GRU is as good as an LSTM.",
    "source": "a friend",
    "tasks": ["all"],
    "cells": ["gru", "lstm"],
    "metric": "loss",
    "direction": "alike",
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_claim_is_read(path):
    text = path.read_text(encoding="utf-8")
    claim = claim_of(yaml.safe_load(text), path.stem)
    assert isinstance(claim, Claim)
    assert claim.name == path.stem
    assert all(len(line) <= 120 for line in text.splitlines())
    assert not claim.is_quoted or claim.source


def test_every_kind_of_quantity_has_one_margin_and_no_claim_brings_its_own():
    assert set(margins()) == {"loss", "time", "share", "count"}
    with pytest.raises(ConfigError, match=r"claim.mine.margin`: unknown key"):
        claim_of({**GOOD, "margin": 0.1}, "claim.mine")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directions": "alike"}, "bad config at `claim.mine.directions`: unknown key; did you mean `direction`?"),
        ({"direction": "lower"}, "`claim.mine.direction`: must be one of better, worse, alike, not_worse, "),
        ({"metric": "updates_to_threshold"}, "`claim.mine.threshold`: belongs to updates_to_threshold and"),
        ({"factors": ["lr"]}, "`claim.mine.factors`: are one or two, for direction more, got 1"),
        ({"direction": "more"}, "`claim.mine.factors`: are one or two, for direction more, got 0"),
        ({"direction": "closes"}, "`claim.mine.without`: belongs to direction closes, got None"),
        ({"without": "lstm"}, "`claim.mine.without`: belongs to direction closes, got lstm"),
        ({"expected": 0.75}, "`claim.mine.expected`: belongs to num_params, got 0.75 for loss"),
        ({"over": "optim.lr"}, "`claim.mine.over`: must be one of train.fraction, train.weight_noise"),
        ({"over": "train.fraction", "metric": "num_params"}, "`claim.mine.over`: is for a loss, got num_params"),
        ({"over": "train.fraction", "data": "most"}, "`claim.mine.data`: is for one share of the training data"),
        ({"cells": ["gru"]}, "`claim.mine.cells`: must be two, got 1"),
        ({"cells": ["gru", "lstm b"]}, "`claim.mine.cells[1]`: must read `NAME` or `NAME field=value`, got 'lstm b'"),
        ({"tasks": []}, "`claim.mine.tasks`: must name a task or one of the families music, text, all; got none"),
        ({"budget": [2, 1]}, "`claim.mine.budget`: must be the lowest and the highest, got [2.0, 1.0]"),
        ({"budget": [1, 2]}, "`claim.mine.budget`: needs size_mode params, flops or seconds, got any"),
        ({"threshold": 0.9}, "`claim.mine.threshold`: belongs to updates_to_threshold and seconds_to_threshold"),
        ({"name": "../x"}, "`claim.mine.name`: must be lower-case letters, digits and _, at most 60, got '../x'"),
        ({"sentence": ""}, "`claim.mine.sentence`: must be between 1 and 600 characters, got ''"),
    ],
)
def test_what_a_claim_may_not_say_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError) as refused:
        claim_of({**GOOD, **changes}, "claim.mine")
    assert message in str(refused.value)


def test_a_users_claim_stands_beside_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / GROUP).mkdir()
    (tmp_path / GROUP / "mine.yaml").write_text(yaml.safe_dump(GOOD))
    names = [claim.name for claim in read_claims()]
    assert names == sorted([*(path.stem for path in SHIPPED), "mine"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: theirs", "mine.yaml.sentence`: is required; got none"),
        ("[]", "mine.yaml`: must be a mapping"),
        ("_target_: os.system", "mine.yaml:1`: key `_target_` is not allowed"),
        (yaml.safe_dump({**GOOD, "name": "theirs"}), "mine.yaml.name`: must be that of its file, mine, got theirs"),
    ],
)
def test_a_bad_file_is_one_message_that_names_it(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / GROUP).mkdir()
    (tmp_path / GROUP / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_claims()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "node", "is_meant"),
    [
        ("lstm", {"name": "lstm", "kind": "lstm", "forget_bias": 1.0}, True),
        ("lstm", {"name": "mine", "kind": "lstm"}, True),
        ("mine", {"name": "mine", "kind": "lstm"}, True),
        ("lstm", {"name": "gru", "kind": "gru"}, False),
        ("lstm forget_bias=1", {"name": "lstm", "kind": "lstm", "forget_bias": 1.0}, True),
        ("lstm forget_bias=1", {"name": "lstm", "kind": "lstm", "forget_bias": 0.0}, False),
        ("lstm forget_bias=1", {"name": "lstm", "kind": "lstm"}, False),
        ("lstm forget_bias=1", {"name": "lstm", "kind": "lstm", "forget_bias": True}, False),
        ("lstm peepholes=false", {"name": "lstm", "kind": "lstm", "peepholes": False}, True),
        ("lstm peepholes=false", {"name": "lstm", "kind": "lstm", "peepholes": 0}, False),
        ("gru reset=before", {"name": "gru", "kind": "gru", "reset": "before"}, True),
        ("gru reset=before", {"name": "gru", "kind": "gru", "reset": "after"}, False),
    ],
)
def test_a_cell_is_meant_by_name_or_kind_and_by_the_fields_that_are_named(text, node, is_meant):
    assert cell_choice(text, "here").admits(node) is is_meant
