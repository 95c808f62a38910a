"""Every task in conf/task: its YAML, and its data where they are present, against what it says and against print."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import yaml

from bench.tasks.digests import digest_of_text, normalise
from bench.tasks.source_spec import PackageSource, source_of
from bench.tasks.sources import read_text, state
from bench.tasks.spec import task_spec
from bench.testing import tasks
from tests.tasks.material import SPLITS

DATA = os.environ.get("BENCH_DATA")
FOLDER = Path(__file__).parents[2] / "conf" / "task"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def node(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def spec(name):
    return task_spec(node(name), f"task.{name}")


def first_source(name):
    return source_of(node(name)["sources"][0], name)


@pytest.fixture
def present(request, name):
    """Skip a task whose data are neither in BENCH_DATA nor in a package; give the data folder."""
    if isinstance(first_source(name), PackageSource):
        if name == CONVERTED:
            request.getfixturevalue("chorale_cache")
        return None
    if DATA is None or state(spec(name), DATA).kind != "local":
        pytest.skip(f"the data of {name} are not in BENCH_DATA")
    return DATA


@pytest.mark.parametrize("name", NAMES)
def test_a_task_says_what_it_is_sets_what_can_be_set_and_looks_on_the_disk_first(name):
    found = spec(name)
    assert found.name == name
    assert (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")
    for check in (tasks.check_words, tasks.check_settings, tasks.check_pinned):
        check(found)


CONVERTED = "music21_bach"
"""The task whose data are converted first, which takes half a minute."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name == CONVERTED else name for name in NAMES]
)
def test_the_data_are_what_the_task_and_print_say(name, present):
    published = spec(name).published
    if published is not None:
        assert (published.unigram_nats if spec(name).kind == "piano_roll" else published.vocabulary) is not None
    tasks.check_task(node(name), present)


@pytest.mark.parametrize("name", ["ptb_char"])
@pytest.mark.parametrize("split", SPLITS)
def test_penn_treebank_characters_are_the_same_spelled_and_as_words(name, split, present):
    both = [dataclasses.replace(spec(name), sources=(source,)) for source in spec(name).sources[:2]]
    spelled, words = (normalise(read_text(one, split, present), one) for one in both)
    assert spelled == words
    assert digest_of_text(spelled) == spec(name).statistics[split].digest
    assert read_text(both[0], split, present) == spelled
