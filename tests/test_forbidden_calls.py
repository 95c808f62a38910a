"""Nothing in bench/ can run what it reads: the calls that could are not there, under any name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "bench").rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "imp", "runpy", "code"}
"""Modules whose only use would be to read or run code."""

CALLS = {
    "eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec",
    "os.system", "os.popen", "os.startfile", "subprocess.getoutput", "subprocess.getstatusoutput",
    "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all",
    "hydra.utils.instantiate", "hydra.utils.get_class", "hydra.utils.get_method", "hydra.utils.call",
    "torch.hub.load", "torch.jit.load", "torch.package.PackageImporter",
}  # fmt: skip
METHODS = {"read_pickle", "to_pickle", "extractall", "unsafe_load"}
LOADERS = {"yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader", "yaml.CLoader"}

NEEDED = {"torch.load": ("weights_only", "True"), "numpy.load": ("allow_pickle", "False")}
"""Calls that are safe with one argument, which must be written out."""

BARRED = {
    "shell": "True",
    "allow_pickle": "True",
    "trust_remote_code": "True",
    "weights_only": "False",
    "autoescape": "False",
    "escape": "False",
}
"""Arguments that no call may have."""


def names_of(tree: ast.Module) -> dict[str, str]:
    """Return what each name at hand in a module stands for: `import numpy as np` gives np: numpy."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(alias.asname or alias.name.split(".")[0]): alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {(alias.asname or alias.name): f"{node.module}.{alias.name}" for alias in node.names}
    return names


def forbidden(source: str) -> list[str]:
    """Return every forbidden thing in a module, with its line."""
    tree = ast.parse(source)
    names, found = names_of(tree), []
    for node in ast.walk(tree):
        found += [f"line {getattr(node, 'lineno', 0)}: {what}" for what in _wrong(node, names)]
    return found


def _wrong(node: ast.AST, names: dict[str, str]) -> list[str]:
    if isinstance(node, ast.Assert):
        return ["assert, which -O removes"]
    if isinstance(node, ast.Import):
        return [f"import {alias.name}" for alias in node.names if alias.name.split(".")[0] in MODULES]
    if isinstance(node, ast.ImportFrom):
        return [f"from {node.module}"] if (node.module or "").split(".")[0] in MODULES else []
    if isinstance(node, ast.Attribute) and _whole(node, names) in LOADERS:
        return [_whole(node, names)]
    return _wrong_call(node, names) if isinstance(node, ast.Call) else []


def _wrong_call(node: ast.Call, names: dict[str, str]) -> list[str]:
    name = _whole(node.func, names)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    wrong = [name] if name in CALLS or name.split(".")[-1] in METHODS else []
    wrong += [f"{name}({key}={value})" for key, value in given.items() if BARRED.get(str(key)) == value]
    key, value = NEEDED.get(name, (None, None))
    if key and given.get(key) != value:
        wrong.append(f"{name} without {key}={value}")
    if name.split(".")[-1] in ("Environment", "Template") and name.startswith("jinja2") and "autoescape" not in given:
        wrong.append(f"{name} without autoescape")
    return wrong


def _whole(node: ast.expr, names: dict[str, str]) -> str:
    """Return a dotted name with its first part resolved by the module's imports."""
    first, dot, rest = ast.unparse(node).partition(".")
    return names.get(first, first) + dot + rest


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_is_read_can_run_code(path):
    assert not forbidden(path.read_text(encoding="utf-8"))


BAD = [
    "import pickle",
    "from pickle import loads as f",
    "import numpy as np\nnp.load('x')",
    "import numpy\nnumpy.load('x', allow_pickle=True)",
    "from numpy import load\nload('x')",
    "import torch\ntorch.load('x')",
    "import torch as t\nt.load('x', weights_only=False)",
    "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
    "import yaml as y\ny.safe_load_all(text); y.UnsafeLoader",
    "eval('1')",
    "exec('1')",
    "import os\nos.system('x')",
    "from os import system\nsystem('x')",
    "import subprocess\nsubprocess.run('x', shell=True)",
    "import pandas as pd\npd.read_pickle('x')",
    "frame.to_html(escape=False)",
    "archive.extractall()",
    "import jinja2\njinja2.Environment()",
    "from jinja2 import Environment\nEnvironment(autoescape=False)",
    "from hydra.utils import instantiate\ninstantiate(node)",
    "assert value",
]


@pytest.mark.parametrize("source", BAD)
def test_the_gate_sees_what_it_should(source):
    assert forbidden(source)


def test_the_gate_lets_safe_calls_pass():
    safe = "import numpy as np, torch, yaml\nfrom jinja2 import Environment\nEnvironment(autoescape=True)\n"
    safe += "np.load(x, allow_pickle=False); torch.load(x, weights_only=True); yaml.safe_load(x)"
    assert not forbidden(safe)
