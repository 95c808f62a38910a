"""A schema admits what `convert` takes and refuses what it refuses, for every annotation that reads a user's file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import pytest
from jsonschema import Draft202012Validator

from bench.claims.claim import Claim
from bench.core.cell_words import FieldWords
from bench.core.errors import ConfigError
from bench.core.json_schema import interpolated, nullable, object_of, schema_of, sentences
from bench.core.schema import Count, Matching, Positive, Range, Share, build, convert, fields_of
from bench.core.settings import Command, Pruner, SamplerChoice
from bench.core.settings.search_space import Dimension
from bench.tasks.source_spec import SOURCE_KINDS
from bench.tasks.spec import SPECS

SECTIONS = [kind for kind in fields_of(Command).values() if dataclasses.is_dataclass(kind)]
CLASSES = [*SECTIONS, *get_args(SamplerChoice), *get_args(Pruner), *SPECS.values(), *SOURCE_KINDS.values()]
KINDS = {
    f"{cls.__name__}.{name}": kind
    for cls in [Command, Claim, FieldWords, Dimension, *CLASSES]
    for name, kind in fields_of(cls).items()
    if kind not in (SamplerChoice, Pruner)
}
NUMBERS = (0, 1, 2, 17, 10**7, -1, 0.5, 1.5, -0.5, 1e-3, True, False)
TEXTS = ("", "word", "1e-3", "a b", "OWNER/NAME", "#00AAff", "https://example.org/a", "a" * 40, "a" * 64)
VALUES = (*NUMBERS, *TEXTS, None, [], ["word"], [1, 2], {}, {"word": 1}, {"word": "text"}, {"name": "word"})


def admits(schema: dict[str, Any], value: object) -> bool:
    return Draft202012Validator(schema).is_valid(value)


def takes(kind: Any, value: object) -> bool:
    try:
        convert(kind, value, "here")
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("name", KINDS)
def test_a_schema_admits_what_the_program_takes_and_nothing_else(name):
    schema = schema_of(KINDS[name])
    Draft202012Validator.check_schema(schema)
    assert [value for value in VALUES if admits(schema, value)] == [
        value for value in VALUES if takes(KINDS[name], value)
    ]


@dataclass(frozen=True)
class Bell:
    """A bell of any size.

    `weight` in kg, `pitch` in Hz; `metal` is what it is cast of. Its `pitch` falls with its weight.
    """

    weight: Positive
    metal: Literal["bronze", "iron"] = "bronze"
    pitch: Count | None = None
    tolls: tuple[Share, ...] = (0.5,)


def test_a_dataclass_is_a_mapping_of_its_fields_with_their_defaults_and_what_is_said_of_them():
    assert sentences(Bell) == {
        "weight": "`weight` in kg, `pitch` in Hz.",
        "pitch": "`weight` in kg, `pitch` in Hz. Its `pitch` falls with its weight.",
        "metal": "`metal` is what it is cast of.",
    }
    node = object_of(Bell)
    assert (node["required"], node["additionalProperties"]) == (["weight"], False)
    assert node["properties"]["metal"] == {
        "enum": ["bronze", "iron"],
        "description": "`metal` is what it is cast of.",
        "default": "bronze",
    }
    assert node["properties"]["tolls"]["default"] == [0.5]
    assert "default" not in node["properties"]["weight"]
    assert "required" not in object_of(Bell, required=False)
    for good in ({"weight": 3}, {"weight": "1e3", "metal": "iron", "pitch": None, "tolls": [1]}):
        build(Bell, good, "here")
        assert admits(node, good)
    for bad in (
        {},
        {"weight": 0},
        {"weight": 1, "mettle": "iron"},
        {"weight": 1, "pitch": 0.5},
        {"weight": 1, "tolls": 1},
    ):
        assert not admits(node, bad)


def test_null_and_look_ups_are_admitted_where_they_are_asked_for_and_only_there():
    kinds = [Count, Positive, bool, str, Literal["a", "b"], tuple[Count, ...], Bell, SamplerChoice]
    kinds += [Annotated[str, Matching("[a-z]+", "letters")], Annotated[int, Range(low=2)] | None]
    for kind in kinds:
        plain = schema_of(kind)
        both = interpolated(nullable(plain))
        Draft202012Validator.check_schema(both)
        assert admits(nullable(plain), None)
        assert admits(both, "${let.value}")
        assert admits(both, "up to ${let.value}")
        assert kind is str or not admits(plain, "${let.value}")
        assert kind is str or not admits(both, "$ {let.value")
    inside = interpolated(schema_of(Bell))
    assert admits(inside, {"weight": "${a}", "metal": "${b}", "tolls": ["${c}", 0.5]})
    assert not admits(inside, {"weight": "${a}", "mettle": "${b}"})
