"""Random bad overrides, each refused by name in at most twelve lines, exit status 2, and nothing on disk.

They are made from the schema of the settings themselves: unknown keys, typos of real ones, values of the wrong type or
out of range for every key, broken grammar, deletions, interpolations to nothing, two values without `-m`, and one bad
point in a sweep. Bad data and bad task files have their tables in tests/tasks/ (test_rolls, test_texts, test_sources,
test_source_spec) and tests/cli/test_config.py.
"""

from __future__ import annotations

import dataclasses
import os
import string
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, get_args, get_origin

from bench.cli.config import legal_keys
from bench.core.schema import Matching, Range, fields_of
from bench.core.settings import Command
from tests.programs.faults import workplace
from tests.programs.faults.damage import said_by
from tests.programs.faults.tally import Tally, conduct

LONGEST_LINES = 12
FREE_TEXT = {"name", "data_dir"}


def bad_overrides(tally: Tally) -> None:
    """Give as many bad overrides as asked for."""
    kinds = dict(_settings(Command))
    with workplace.workplace() as folder:
        os.chdir(folder)
        before = _files(folder)
        for number in range(tally.n):
            make = MAKERS[number % len(MAKERS)]
            words, named = make(tally.random, kinds)
            _one(tally, words, named)
            after = _files(folder)
            tally.check(after == before, f"{words}: something was written")
            before = after
        os.chdir("/")


def _one(tally: Tally, words: list[str], named: list[str]) -> None:
    status, _, said = said_by(["task=mine", *words])
    tally.count("overrides")
    problems = []
    if status != 2:
        problems.append(f"exit {status}")
    if len(said.splitlines()) > LONGEST_LINES:
        problems.append(f"{len(said.splitlines())} lines")
    if "Traceback" in said:
        problems.append("a traceback")
    if not any(name in said for name in named):
        problems.append(f"names none of {named}")
    if tally.check(not problems, f"{' '.join(words)!r}: {', '.join(problems)}: {said[-200:]!r}"):
        tally.count("refused by name")


def _settings(cls: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key that takes a plain value, with its annotation."""
    for name, kind in fields_of(cls).items():
        if dataclasses.is_dataclass(kind):
            yield from _settings(typing.cast(type, kind), f"{prefix}{name}.")
        elif get_origin(kind) is None or get_origin(kind) in (Annotated, Literal, typing.Union, types.UnionType):
            yield prefix + name, kind


def bad_values(kind: Any) -> list[str]:
    """Return values that an annotation does not admit, as one would type them."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return bad_values(next(arg for arg in args if arg is not type(None)))
    if origin is Annotated:
        return bad_values(args[0]) + _outside(args[1], args[0])
    common = ["[1,2]", "{a:1}", "???"]
    if origin is Literal:
        return [*common, "nonsense", "3", "true", "''"]
    if kind is bool:
        return [*common, "maybe", "3", "0.5", "''"]
    if kind is int:
        return [*common, "many", "2.5", "true", "nan", "inf", "1e999", "''", "1e3"]
    if kind is float:
        return [*common, "much", "true", "nan", "inf", "-inf", "1e999", "''"]
    return common


def _outside(bounds: Range | Matching, kind: type) -> list[str]:
    if isinstance(bounds, Matching):
        return [value for value in ("-;|", "two words", "'*'") if not bounds.admits(value.strip("'"))]
    step = 1 if kind is int else 0.25
    below = [f"{bounds.low - step:g}", "-1000000000000"] if bounds.low > float("-inf") else []
    above = [f"{bounds.high + step:g}"] if bounds.high < float("inf") else []
    return [*below, *above, *(["0"] if bounds.open_low and bounds.low == 0 else [])]


Made = tuple[list[str], list[str]]


def _out_of_type_or_range(random: Random, kinds: dict[str, Any]) -> Made:
    key = random.choice([key for key in kinds if key not in FREE_TEXT])
    return [f"{key}={random.choice(bad_values(kinds[key]))}"], [key]


def _typo(random: Random, kinds: dict[str, Any]) -> Made:
    legal = legal_keys()
    while True:
        letters = list(random.choice(sorted(kinds)))
        place = random.randrange(len(letters))
        letters[place : place + 1] = random.choice([[], [letters[place]] * 2, [random.choice(string.ascii_lowercase)]])
        key = "".join(letters)
        if key and key not in legal and key[0].isalpha() and ".." not in key and key[-1] != ".":
            return [f"{key}=1"], [key]


def _unknown(random: Random, kinds: dict[str, Any]) -> Made:
    key = "".join(random.choices(string.ascii_lowercase, k=random.randrange(3, 12))) + "_"
    prefix = random.choice(["", "+", "++", "train.", "optim.", "task.", "cell.", "size.", "hydra."])
    return [f"{prefix}{key}={random.randrange(9)}"], [key]


def _name(random: Random, kinds: dict[str, Any]) -> Made:
    bad = ["../x", "/etc/x", "a/b", "''", "-rf", "'~'", ".", "..", "x" * 300, "'a b'", "größe", "'a\tb'", "[1]"]
    return [f"name={random.choice(bad)}"], ["name"]


def _folder(random: Random, kinds: dict[str, Any]) -> Made:
    return [f"data_dir={random.choice(['/no/such/folder', 'task/mine.yaml', '[1]', '3'])}"], ["data_dir", "/", "3"]


def _grammar(random: Random, kinds: dict[str, Any]) -> Made:
    key = random.choice(sorted(kinds))
    bad = [
        "[1,2",
        "{a:1",
        "'abc",
        "range(1,",
        "choice(",
        "glob(",
        "a:b:",
        "(",
        "]",
        "${",
        "${a",
        "\\",
        "range(1,2,3,4)",
    ]
    word = f"{key}={random.choice(bad)}"
    return [word], [word, key]


def _choice(random: Random, kinds: dict[str, Any]) -> Made:
    group = random.choice(["cell", "task", "size", "experiments"])
    value = random.choice(["grru", "min", "hiden", "nope", "../conf", "/etc/passwd", "''", "3", "true"])
    return [f"{group}={value}"], [group]


def _deleted(random: Random, kinds: dict[str, Any]) -> Made:
    key = random.choice([*sorted(kinds), "no_such_key"])
    return [f"~{key}"], [key]


def _interpolation(random: Random, kinds: dict[str, Any]) -> Made:
    key = random.choice([key for key in kinds if key != "data_dir"])
    bad = ["${no.key}", "${oc.env:NO_SUCH_VARIABLE}", "${oc.decode:'['}", "${train}", "${nothing:1}", "${.x}"]
    value = random.choice(bad)
    return [f"{key}={value}"], [key, value, "no.key", "NO_SUCH_VARIABLE", "nothing", "'x'", "mapping"]


def _two_without_multirun(random: Random, kinds: dict[str, Any]) -> Made:
    key = random.choice(["seed", "hidden_size", "train.window", "cell"])
    return [f"{key}=gru,tanh" if key == "cell" else f"{key}=3,4"], [key]


def _bad_point(random: Random, kinds: dict[str, Any]) -> Made:
    words, named = _out_of_type_or_range(random, kinds)
    key, _, value = words[0].partition("=")
    if value[0] in "[{":
        return ["-m", *words], named
    return ["-m", "seed=0,1", f"cell=gru,{random.choice(['tanh', 'lstm'])}", f"{key}={value},{value}"], named


MAKERS: tuple[Callable[[Random, dict[str, Any]], Made], ...] = (
    _out_of_type_or_range,
    _typo,
    _out_of_type_or_range,
    _unknown,
    _out_of_type_or_range,
    _grammar,
    _name,
    _interpolation,
    _out_of_type_or_range,
    _choice,
    _deleted,
    _folder,
    _two_without_multirun,
    _bad_point,
)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


if __name__ == "__main__":
    conduct("bad_overrides", __doc__ or "", bad_overrides, n=1000)
