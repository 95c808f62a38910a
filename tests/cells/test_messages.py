"""Mistakes in a cell's file: each is one message that says where, what, got and what is allowed, and runs nothing."""

from __future__ import annotations

import re

import pytest
import yaml

from bench.__main__ import main
from bench.cells import cell_of
from bench.core.errors import ConfigError
from bench.kernels.fused.source import source_of

GOOD = {"name": "mine", "title": "Mine", "source": "none", "states": ["h"], "equations": "h = tanh(x.h + U.h(h))"}

ALLOWED = (
    "allowed are names, numbers, + - * /, `a if field else b`, x.g, U.g(...), p.v and "
    "sigmoid, tanh, relu, exp, log, softplus, abs, max, min"
)
NUMBERS = "a number is written as 2, 0.5 or 1e-3, and below 1e+06"
OPERAND = "must be a state, or a value that is computed from one"
A_NAME = "a name is at most 20 letters a-z and A-Z, digits, and _ between them or at the end"
NO_BIAS = "must be 0, or `biases` double or single, for with none there is no bias to add to"
ONCE = "is used twice; each has weights of its own, under a name of its own; to use one twice, give it a name:"


def not_allowed(text: str) -> str:
    return f"`{text}` is not allowed; {ALLOWED}"


EQUATIONS = {
    "unknown name": (
        "r = sigmoid(x.r)\nh = reset * h + r",
        2,
        "unknown name `reset`; legal: abs, exp, h, log, max, min, r, relu, sigmoid, softplus, tanh",
    ),
    "nearest name": ("gate = x.r\nh = gat * h", 2, "unknown name `gat`; did you mean `gate`?"),
    "name before its line": ("h = r * x.h\nr = x.r", 1, "`r` is read here, and only line 2 gives it a value"),
    "unknown function": ("h = sigmod(x.h)", 1, "unknown function `sigmod`; did you mean `sigmoid`?"),
    "builtin": (
        "h = open(x.h)",
        1,
        "unknown function `open`; legal: abs, exp, log, max, min, relu, sigmoid, softplus, tanh",
    ),
    "arguments": ("h = max(x.h)", 1, "`max` takes two arguments, got 1"),
    "input twice": ("r = sigmoid(x.r)\nz = x.r\nh = r * h + z", 2, f"x.r {ONCE} `a = x.r`"),
    "product twice": (
        "r = sigmoid(x.r + U.r(h))\nh = tanh(x.h + U.r(r * h))",
        2,
        f"U.r {ONCE} `a = U.r(...)`",
    ),
    "vector twice": ("h = p.v * h + p.v * x.h", 1, f"p.v {ONCE} `a = p.v`"),
    "product of product": (
        "h = x.h + U.a(U.b(h))",
        1,
        f"the operand of U.a {OPERAND}, got a recurrent product, `U.b(h)`",
    ),
    "too many in a row": (
        "\n".join(["a = x.h", *(f"a = tanh(U.u{i}(a + h))" for i in range(13)), "h = a"]),
        14,
        "U.u12 is nested too deep: at most 12 recurrent products in a row",
    ),
    "operand input": ("h = U.r(x.r)", 1, f"the operand of U.r {OPERAND}, got an input preactivation, `x.r`"),
    "operand number": ("h = x.h + U.r(1 + 1)", 1, f"the operand of U.r {OPERAND}, got a number, `1 + 1`"),
    "operand vector": (
        "h = x.h + U.r(tanh(p.v))",
        1,
        f"the operand of U.r {OPERAND}, got a vector that is the same at each step, `tanh(p.v)`",
    ),
    "operands": ("h = x.h + U.r(h, h)", 1, "U.r takes one operand, got 2"),
    "no operand": ("h = x.h + U.r", 1, "U.r is a recurrent product and needs an operand, such as U.r(h)"),
    "x alone": ("h = x + h", 1, "`x` stands for input preactivations, x.g, and is no value by itself"),
    "function alone": ("h = tanh + x.h", 1, "`tanh` is a function, tanh(a), and is no value by itself"),
    "unknown field": ("h = x.h if reset else 0", 1, "unknown field `reset` in a condition; the cell has no fields"),
    "condition": (
        "h = x.h if 1 else 0",
        1,
        "a condition must be a field of true or false, or `field == 'choice'`; such fields: none here; got `1`",
    ),
    "assigned namespace": (
        "U = x.h\nh = U",
        1,
        "`U` stands for recurrent products, U.g(operand), and cannot be given a value",
    ),
    "assigned function": ("tanh = x.h\nh = tanh", 1, "`tanh` is a function, tanh(a), and cannot be given a value"),
    "import": ("import os", 1, "must read `name = expression`, got `import os`"),
    "two statements": ("h = x.h; import os", 1, "the character `;` is not allowed; got `h = x.h; import os`"),
    "two targets": ("h, c = x.h", 1, "must read `name = expression`, got `h, c = x.h`"),
    "attribute": ("h = x.h.__class__", 1, not_allowed("x.h.__class__")),
    "attribute of a state": ("h = h.data", 1, not_allowed("h.data")),
    "lambda": ("h = (lambda a: a)(h)", 1, not_allowed("(lambda a: a)(h)")),
    "comparison": ("h = h < x.h", 1, not_allowed("h < x.h")),
    "power": ("h = x.h ** 2", 1, not_allowed("x.h ** 2")),
    "index": ("h = h[0]", 1, not_allowed("h[0]")),
    "f-string": ("h = f'{h}'", 1, not_allowed("f'{h}'")),
    "keyword": ("h = tanh(a=h)", 1, not_allowed("tanh(a=h)")),
    "walrus": ("h = (y := h)", 1, not_allowed("y := h")),
    "comprehension": ("h = [h for h in h]", 1, not_allowed("[h for h in h]")),
    "not Python": (
        "h = tanh(x.h",
        1,
        "is no equation: '(' was never closed; got `h = tanh(x.h`",
    ),
    "parentheses": (
        "h = " + "(" * 250 + "h",
        1,
        f"is no equation: too many nested parentheses; got `h = {'(' * 53}...`",
    ),
    "brackets": ("h = " + "[" * 140 + "h" + "]" * 140, 1, not_allowed("[" * 57 + "...")),
    "a long chain": (
        "h = x.h" + " + h" * 60,
        1,
        "is nested more than 30 deep; give a part of it a name in a line of its own",
    ),
    "keyword as gate": ("h = U.for(h)", 1, "`for` is a word of Python's and no name; `for_` is one"),
    "keyword as input": ("h = x.if", 1, "`if` is a word of Python's and no name; `if_` is one"),
    "keyword as name": ("class = x.h", 1, "`class` is a word of Python's and no name; `class_` is one"),
    "double underscore": ("h = x.__a", 1, f"`__a` is no name; {A_NAME}"),
    "long name": ("h = x." + "a" * 21, 1, f"`{'a' * 21}` is no name; {A_NAME}"),
    "other letters": ("h = x.ä", 1, "the character `ä` is not allowed; got `h = x.ä`"),
    "letters that Python takes for others": ("h = ℎ + x.h", 1, "the character `ℎ` is not allowed; got `h = ℎ + x.h`"),
    "a line that is no line": ("# a\u2028h = x.h", 1, "the character U+2028 is not allowed"),
    "a quoted end": ('h = x.h\\"', 1, 'the character `\\` is not allowed; got `h = x.h\\"`'),
    **{
        f"number {text}": (f"h = {text} + x.h", 1, f"`{text}` is not allowed; {NUMBERS}")
        for text in ("1e999", "1e6", "1_000", "0x10", "1j", "1.")
    },
    "nan": (
        "h = nan + x.h",
        1,
        "unknown name `nan`; legal: abs, exp, h, log, max, min, relu, sigmoid, softplus, tanh",
    ),
    "true": ("h = True + x.h", 1, not_allowed("True")),
    "zero": ("h = x.h / (1 - 1)", 1, "`x.h / (1 - 1)` divides by zero"),
    "overflow": ("h = 9e5 * 9e5 * x.h", 1, "`9e5 * 9e5` is 8.1e+11; a number must be below 1e+06"),
    "constant": ("h = exp(1) * x.h", 1, "`exp(1)` is a function of numbers alone; write the number that it is"),
    "not read": ("a = x.a\nh = x.h", 1, "`a` is read by no later line and is no state; states: h"),
    "read only before": (
        "h = x.a\nh = x.h",
        1,
        "the state `h` is given here and again later, and nothing reads it in between",
    ),
    "none": ("# nothing", 0, "must be at least one equation, got none"),
    "long": (
        "h = " + "h + " * 250_000 + "h",
        0,
        "must be at most 40 lines and 4,000 characters, got 1 lines and 1,000,005 characters",
    ),
    "a long line": ("h = x.h + " + "(" * 1500 + "h" + ")" * 1500, 1, "must be at most 300 characters, got 3,011"),
    "state not given": ("a = tanh(x.a + h)\nb = a", 0, "must give the state `h` anew; no line does, got a, b"),
    "state as it was": ("h = h", 0, "the state `h` is the same after the step as before it"),
    "no input": ("h = tanh(U.h(h))", 0, "must use an input preactivation, such as x.h; none does"),
}


def refusal(node) -> str:
    """Return the message that a node is refused with."""
    with pytest.raises(ConfigError) as refused:
        cell_of(node)
    return str(refused.value)


@pytest.mark.parametrize(("equations", "line", "problem"), EQUATIONS.values(), ids=EQUATIONS)
def test_a_mistake_in_an_equation_is_one_message_with_its_line(equations, line, problem):
    where = f"cell.equations, line {line}" if line else "cell.equations"
    assert refusal({**GOOD, "equations": equations}) == f"bad config at `{where}`: {problem}"


FIELD = {"reset": "after", "fields": {"reset": ["after", "before"]}, "equations": "h = x.h if reset == 'after' else h"}

FILES = {
    "no states": ({"states": None}, "states", "is required; got none"),
    "no title": ({"title": None}, "title", "is required; got none"),
    "no source": ({"source": None}, "source", "is required; got none"),
    "no equations and no kind": (
        {"equations": None},
        "equations",
        "is required, or a `kind` that is the name of a shipped cell; got neither",
    ),
    "unknown kind": ({"equations": None, "kind": "grru"}, "kind", "unknown cell 'grru'; did you mean `gru`?"),
    "two states": (
        {"states": ["h", "h"]},
        "states",
        "must be between 1 and 8 different names, the output first, got ['h', 'h']",
    ),
    "state function": ({"states": ["tanh"]}, "states", "`tanh` is a function, tanh(a); it must have another name"),
    "state namespace": (
        {"states": ["x"]},
        "states",
        "`x` stands for input preactivations, x.g; it must have another name",
    ),
    "state keyword": ({"states": ["if"]}, "states", "`if` is a word of Python's and no name"),
    "state name": (
        {"states": ["s__1"]},
        "states",
        "must be lower-case letters, digits and single _, at most 12, the first a letter, got 's__1'",
    ),
    "state that nothing reads": (
        {"states": ["h", "c"], "equations": "c = x.c\nh = c + U.c(h)"},
        "equations",
        "no line reads the state `c` before line 1 gives it anew; a value that the next step does not need is no state",
    ),
    "state and field": ({"h": 1.0}, "states", "`h` is a field of the cell, and cannot be a state too"),
    "field given a value": (
        {"reset": 1.0, "equations": "reset = x.h\nh = reset"},
        "equations, line 1",
        "`reset` is a field of the cell, and cannot be given a value",
    ),
    "unknown field": (
        {**FIELD, "equations": "h = x.h if rest == 'after' else h"},
        "equations, line 1",
        "unknown field `rest` in a condition; did you mean `reset`?",
    ),
    "choice that is none": (
        {**FIELD, "equations": "h = x.h if reset == 'befor' else h"},
        "equations, line 1",
        "the field `reset` is never 'befor'; did you mean `before`?",
    ),
    "field of words as a number": (
        {**FIELD, "equations": "h = reset * x.h"},
        "equations, line 1",
        "the field `reset` is no number, and can only stand in a condition",
    ),
    "field that nothing reads": (
        {"peepholes": True},
        "peepholes",
        "is read by no equation and no start; as a key of the file: legal: biases, colour, equations, fields, gates, "
        "kind, marker, name, published, source, start, states, title",
    ),
    "misspelt key": (
        {"biase": "single"},
        "biase",
        "a field that is a word needs what it may be, in `fields`; as a key of the file: did you mean `biases`?",
    ),
    "field keyword": ({"if": 1.0}, "if", "`if` is a word of Python's and no name"),
    "range": (
        {"a": 1.0, "fields": {"a": [3, 2]}},
        "fields.a",
        "must be two numbers from -1e+06 to 1e+06 in order",
    ),
    "start of no gate": ({"start": {"b.f": 1}}, "start.b.f", "no such gate; legal: h"),
    "start of no product": ({"start": {"U.f": "identity"}}, "start.U.f", "no such gate; legal: h"),
    "start of a bias that is not there": (
        {"biases": "none", "start": {"b.h": -1}},
        "start.b.h",
        f"{NO_BIAS}; got -1",
    ),
    "start by fields of a bias that is not there": (
        {"equations": None, "kind": "lstm", "states": None, "biases": "none", "forget_bias": 1},
        "start.b.f",
        f"{NO_BIAS}; got forget_bias + chrono(chrono) with forget_bias = 1, chrono = 0",
    ),
    "biases": ({"biases": "both"}, "biases", "must be one of double, single, none, got 'both'"),
    "start nan": ({"start": {"b.h": "nan"}}, "start.b.h", "a number must be at most 1e+06, got nan"),
    "title control": ({"title": "a\x1b[31m"}, "title", "must be plain text, got U+001B in it"),
    "title markup": ({"title": "<script>"}, "title", "must be plain text, got U+003C in it"),
    "source that runs backwards": ({"source": "a\u202eb"}, "source", "must be plain text, got U+202E in it"),
    "long title": ({"title": "a" * 10_000_000}, "title", "must be between 1 and 60 characters, got 10,000,000"),
    "long source": ({"source": "a " * 5_000_000}, "source", "must be between 1 and 1,500 characters, got 10,000,000"),
}


@pytest.mark.parametrize(("changes", "where", "problem"), FILES.values(), ids=FILES)
def test_a_mistake_in_a_file_is_one_message(changes, where, problem):
    node = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    assert refusal(node) == f"bad config at `cell.{where}`: {problem}"


def test_a_start_of_nothing_may_stand_where_there_is_no_bias():
    assert "b" not in cell_of({**GOOD, "biases": "none", "start": {"b.h": 0, "U.h": "identity"}}).weights(2, 3)
    assert "b" not in cell_of({"name": "lstm", "kind": "lstm", "biases": "none"}).weights(2, 3)


TEN = (
    *("unknown name", "unknown function", "input twice", "product of product", "operand number", "unknown field"),
    *("assigned namespace", "import", "keyword as gate", "state not given", "not read", "other letters"),
)


@pytest.mark.parametrize("command", [["validate", "cell=mine"], ["cell=mine", "task=jsb_chorales", "dry_run=true"]])
@pytest.mark.parametrize("mistake", TEN)
def test_the_command_line_says_the_same_and_ends_with_2(mistake, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    equations, line, problem = EQUATIONS[mistake]
    (tmp_path / "cell").mkdir()
    text = yaml.safe_dump({**GOOD, "equations": equations}, allow_unicode=True)
    (tmp_path / "cell" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(command)
    said = capsys.readouterr()
    where = f"cell.equations, line {line}" if line else "cell.equations"
    assert (ended.value.code, said.err) == (2, f"error: bad config at `{where}`: {problem}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]


@pytest.mark.parametrize("name", ["register", "asm", "delete", "NULL", "main", "class_"])
def test_a_name_that_means_something_in_cpp_stands_behind_a_prefix(name):
    equations = f"{name} = x.{name} + p.{name} * U.{name}(h)\nh = tanh({name}) + {name}"
    words = set(re.findall(r"\w+", source_of(cell_of({**GOOD, "equations": equations}))))
    assert {word for word in words if name in word} == {f"u_{name}", f"p_{name}", f"x_{name}"}


def test_what_is_read_once_may_be_used_twice_under_a_name():
    cell = cell_of({**GOOD, "equations": "a = x.h\nh = a * sigmoid(a) + h"})
    assert cell.gates == ("h",)


def test_a_value_of_a_branch_that_is_not_taken_is_read():
    equations = "l = U.l(h)\nh = tanh(x.h + (l if linked else 0))"
    cell = cell_of({**GOOD, "linked": False, "equations": equations})
    assert cell.products == ()
    assert cell_of({**GOOD, "linked": True, "equations": equations}).products == ("l",)
