"""The schemas of a user's files: what is shipped passes, and what the program refuses for one key an editor refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bench.cells.keys import CellFile
from bench.claims.claim import read_claims
from bench.cli.schemas import SCHEMAS, schema
from bench.core.cell_words import RESERVED, with_text_keys
from bench.core.errors import ConfigError
from bench.core.json_schema import Node
from bench.core.schema import fields_of
from bench.core.yaml_files import conf_dir
from tests.cells.test_messages import GOOD as CELL
from tests.cli.test_commands import said
from tests.cli.test_config import GOOD as TASK
from tests.cli.test_config import dispatch
from tests.toys import write_text_task

HERE = conf_dir().parent
PLACES = {
    "task": "conf/task",
    "cell": "conf/cell",
    "space": "conf/space",
    "claim": "conf/claim",
    "experiment": "experiments",
}
SHIPPED = [(kind, path) for kind, place in PLACES.items() for path in sorted((HERE / place).glob("*.yaml"))]
TUNED = [("experiment", path) for path in sorted((HERE / "results").glob("*/tuned/*.yaml"))]
VALIDATORS = {kind: Draft202012Validator(schema(kind)) for kind in SCHEMAS}


def errors(kind: str, node: object) -> list[str]:
    return [error.message for error in VALIDATORS[kind].iter_errors(with_text_keys(node))]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_committed_schema_is_what_the_command_prints(kind, capsys):
    Draft202012Validator.check_schema(schema(kind))
    printed = said(["schema", kind], capsys)
    committed = (conf_dir() / "schema" / f"{kind}.json").read_text(encoding="utf-8")
    assert committed == printed, "`make schemas` writes them anew"
    assert {path.stem for path in (conf_dir() / "schema").iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize(("kind", "path"), [*SHIPPED, *TUNED], ids=lambda part: getattr(part, "stem", part))
def test_every_shipped_file_is_as_its_schema_says(kind, path):
    assert errors(kind, yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda part: getattr(part, "stem", part))
def test_every_shipped_file_names_its_schema_where_an_editor_looks_for_it(kind, path):
    lines = path.read_text(encoding="utf-8").splitlines()
    line = lines[1] if kind == "experiment" else lines[0]  # Hydra's own line must come first
    place = line.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / place).resolve() == (conf_dir() / "schema" / f"{kind}.json").resolve()


CLAIM = {
    "sentence": "It is so.",
    "source": "ours",
    "tasks": ["all"],
    "cells": ["gru", "lstm"],
    "metric": "loss",
    "direction": "alike",
}
SPACE = {"optim": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "name": {"choices": ["adam", "adamw"]}}}
KIND = {"kind": "lstm", "title": "Mine", "forget_bias": 1}
HUB = {"kind": "hub", "id": "owner/name", "revision": "a" * 40, "bytes": 1}
EXPERIMENT = {
    "defaults": [{"override /size": "params"}, {"override /tune/sampler": "tpe"}, {"override /space": "lr"}],
    "let": {"n": 2, "mode": "params", "adam": {"name": "adam", "lr": "1e-3"}, "on": True, "names": ["gru"]},
    "num_layers": "${let.n}",
    "size": {"mode": "${let.mode}", "num_params": 20000, "count": "total"},
    "optim": "${let.adam}",
    "train": {"max_epochs": None, "batch_size": "${let.n}", "score_train": "${let.on}"},
    "cell": {"biases": "single"},
    "tune": {"n_trials": "${let.n}", "sampler": {"n_startup_trials": "${let.n}"}},
    "space": {"optim": {"lr": {"high": "1e-2"}}},
    "limits": {"seconds": 60},
    "hydra": {"sweeper": {"params": {"task": "mine", "cell": "gru,tanh", "++train.patience": 3}}},
}
RIGHT = {
    "task": TASK,
    "task from the hub": {**TASK, "sources": [HUB]},
    "cell": {**CELL, "a": 1, "fields": {"a": {"means": {True: "yes", "false": "no"}}}}
    | {"a": True}
    | {"equations": "h = tanh(x.h + U.h(h) if a else x.h)"},
    "cell of a kind": KIND,
    "space": SPACE,
    "claim": CLAIM,
    "experiment": EXPERIMENT,
}
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown key": ("task", {**TASK, "levle": "word"}),
    "key of another kind": ("task", {**TASK, "first_step": "given"}),
    "kind of task": ("task", {**TASK, "kind": "music"}),
    "no licence": ("task", {key: value for key, value in TASK.items() if key != "licence"}),
    "version": ("task", {**TASK, "version": 0}),
    "text for a number": ("task", {**TASK, "version": "1"}),
    "metric": ("task", {**TASK, "metric": "elo"}),
    "setting of a task": ("task", {**TASK, "settings": {"train": {"batch_size": 0}}}),
    "section of a task": ("task", {**TASK, "settings": {"tune": {"n_trials": 3}}}),
    "key of a source": ("task", {**TASK, "sources": [{"train": "a.txt", "valid": "b.txt", "test": "c.txt"}]}),
    "branch of a hub": ("task", {**TASK, "sources": [{**HUB, "revision": "main"}]}),
    "kind of source": ("task", {**TASK, "sources": [{"kind": "ftp", "file": "a.txt"}]}),
    "no kind and no equations": ("cell", {"title": "Mine"}),
    "no states": ("cell", {key: value for key, value in CELL.items() if key != "states"}),
    "states": ("cell", {**CELL, "states": "h"}),
    "biases": ("cell", {**CELL, "biases": "twice"}),
    "colour": ("cell", {**CELL, "colour": "blue"}),
    "start": ("cell", {**CELL, "start": {"h": 1}}),
    "range of a field": ("cell", {**CELL, "fields": {"a": {"rnage": [0, 1]}}, "a": 1}),
    "list as a field": ("cell", {**CELL, "gate": ["r", "z"]}),
    "unknown kind of cell": ("cell", {**KIND, "kind": "lstmm"}),
    "field of another cell": ("cell", {"kind": "gru", "forget_bias": 1}),
    "choice of a field": ("cell", {"kind": "gru", "reset": "sideways"}),
    "field out of its range": ("cell", {**KIND, "forget_bias": 1000}),
    "number of a space": ("space", {"optim": {"lr": 0.1}}),
    "half a range": ("space", {"optim": {"lr": {"low": 1e-3}}}),
    "range out of range": ("space", {"optim": {"momentum": {"low": 0.5, "high": 1.5}}}),
    "key of a dimension": ("space", {"optim": {"lr": {"low": 1e-3, "high": 1e-1, "scale": "log"}}}),
    "choice of a space": ("space", {"optim": {"name": {"choices": ["adam", "adamm"]}}}),
    "range of words": ("space", {"optim": {"name": {"low": 0, "high": 1}}}),
    "setting of a space": ("space", {"optim": {"rate": {"low": 1e-3, "high": 1e-1}}}),
    "look-up in a space": ("space", {"optim": {"lr": {"low": "${seed}", "high": 1}}}),
    "key of a claim": ("claim", {**CLAIM, "task": ["all"]}),
    "direction": ("claim", {**CLAIM, "direction": "bigger"}),
    "text for a list": ("claim", {**CLAIM, "tasks": "all"}),
    "threshold": ("claim", {**CLAIM, "metric": "updates_to_threshold", "threshold": 1.5}),
    "empty sentence": ("claim", {**CLAIM, "sentence": ""}),
    "section": ("experiment", {**EXPERIMENT, "optm": {"lr": 0.1}}),
    "setting": ("experiment", {**EXPERIMENT, "train": {"batchsize": 3}}),
    "setting out of range": ("experiment", {**EXPERIMENT, "train": {"batch_size": 0}}),
    "setting of another type": ("experiment", {**EXPERIMENT, "seed": True}),
    "choice of a setting": ("experiment", {**EXPERIMENT, "optim": {"name": "adamm"}}),
    "text for a mapping": ("experiment", {**EXPERIMENT, "optim": "adam"}),
    "argument of a sampler": ("experiment", {**EXPERIMENT, "tune": {"n_trials": 2, "sampler": {"startup": 3}}}),
    "storage": ("experiment", {**EXPERIMENT, "tune": {"storage": "sqlite:///a"}}),
    "field of a task": ("experiment", {**EXPERIMENT, "task": {"first": "given"}}),
    "launcher": ("experiment", {**EXPERIMENT, "hydra": {"launcher": {"n_jobs": 3}}}),
    "key of a sweep": ("experiment", {**EXPERIMENT, "hydra": {"sweeper": {"params": {"optm.lr": "0.1,0.2"}}}}),
    "list in a sweep": ("experiment", {**EXPERIMENT, "hydra": {"sweeper": {"params": {"seed": [1, 2]}}}}),
    "group": ("experiment", {**EXPERIMENT, "defaults": [{"override /hydra/launcher": "basic"}]}),
    "place of a file": ("experiment", {**EXPERIMENT, "defaults": ["../evil"]}),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    write_text_task(tmp_path, TASK)
    return tmp_path


def judged(kind: str, node: object, folder: Path, capsys) -> tuple[int, str]:
    """Return the exit status of the command that reads such a file, and what it says."""
    place = folder / ("experiments" if kind == "experiment" else kind) / "mine.yaml"
    place.parent.mkdir(exist_ok=True)
    head = "# @package _global_\n" if kind == "experiment" else ""
    place.write_text(head + yaml.safe_dump(node), encoding="utf-8")
    words = {
        "task": ["validate", "task=mine"],
        "cell": ["validate", "cell=mine"],
        "space": ["task=mine", "space=mine", "tune.n_trials=2", "dry_run=true"],
        "experiment": ["-m", "experiments=mine", "dry_run=true"],
    }
    if kind in words:
        return dispatch(words[kind], capsys)
    try:
        read_claims()
    except ConfigError as error:
        return error.exit_code, str(error)
    return 0, ""


@pytest.mark.parametrize("case", [case for case in RIGHT if case != "task from the hub"])
def test_what_the_program_takes_the_schema_admits(case, folder, capsys):
    kind = case.split()[0]
    assert errors(kind, RIGHT[case]) == []
    status, said = judged(kind, RIGHT[case], folder, capsys)
    assert status == 0, said


def test_a_source_of_the_hub_is_admitted():
    assert errors("task", RIGHT["task from the hub"]) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_the_program_refuses_for_one_key_the_schema_refuses(case, folder, capsys):
    kind, node = WRONG[case]
    assert errors(kind, node)
    status, said = judged(kind, node, folder, capsys)
    assert status == 2, said


def properties(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield the properties of a schema at any depth, each that is described elsewhere left out."""
    for key, each in node.get("properties", {}).items():
        if "$ref" not in node:
            yield f"{path}.{key}", each
            yield from properties(each, f"{path}.{key}")
    for key in ("items", "additionalProperties", "then", "else"):
        if isinstance(node.get(key), dict):
            yield from properties(node[key], path)
    for each in (*node.get("anyOf", []), *node.get("allOf", []), *node.get("$defs", {}).values()):
        yield from properties(each, path)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_property_says_what_it_is(kind):
    found = list(properties(schema(kind)))
    assert len(found) > 20
    assert [path for path, node in found if not node.get("description")] == []


def test_a_setting_is_described_by_the_one_file_that_lists_them_all():
    train = schema("experiment")["properties"]["train"]["properties"]
    assert train["clip_norm"]["description"] == "bound on the gradient's Euclidean norm"
    assert train["clip_norm"]["default"] == 1.0
    sampler = schema("experiment")["properties"]["tune"]["properties"]["sampler"]
    (tpe,) = [each for each in sampler["anyOf"] if "multivariate" in each.get("properties", {})]
    assert tpe["properties"]["n_startup_trials"]["description"] == "random trials before it learns"


def test_the_keys_of_a_cell_are_those_with_a_meaning_of_their_own():
    assert set(fields_of(CellFile)) == set(RESERVED)


@pytest.mark.parametrize(("words", "got"), [([], "none"), (["tsk"], "'tsk'")])
def test_a_schema_of_no_such_kind_is_one_message(words, got, capsys):
    message = f"error: bad config at `schema`: must be one of task, cell, space, claim, experiment, got {got}\n"
    assert dispatch(["schema", *words], capsys) == (2, message)


def test_the_schemas_are_json_of_one_document(capsys):
    assert json.loads(said(["schema", "claim"], capsys))["$schema"].endswith("2020-12/schema")
