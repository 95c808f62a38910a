"""The house: modules import only from lower floors, without cycles, with short functions and nothing unsafe."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "bench").rglob("*.py"))

FLOORS = {
    "bench": 0,
    "disk": 0,
    "errors": 0,
    "guard": 0,
    "shipped": 0,
    "signals": 0,
    "streams": 0,
    "handover": 0,
    "schema": 0,
    "settings": 0,
    "space": 0,
    "trials": 0,
    "metrics": 0,
    "shapes": 0,
    "records": 0,
    "sealing": 0,
    "seeds": 0,
    "provenance": 0,
    "published": 1,
    "memory": 0,
    "cells": 1,
    "tasks": 1,
    "stats": 1,
    "kernels": 2,
    "data": 2,
    "store": 2,
    "claims": 2,
    "optim": 2,
    "model": 3,
    "size": 3,
    "initialisation": 3,
    "noise": 3,
    "member": 3,
    "evaluation": 3,
    "whole_step": 3,
    "gradient": 3,
    "joint": 3,
    "importance": 3,
    "report": 3,
    "study": 3,
    "train": 4,
    "probes": 4,
    "checkpoint": 4,
    "request": 5,
    "timed_size": 5,
    "keeper": 5,
    "packing": 5,
    "experiment": 5,
    "executors": 5,
    "speed": 5,
    "progress": 5,
    "publish": 5,
    "status": 5,
    "diff": 5,
    "compare": 5,
    "sweep": 5,
    "tuning": 5,
    "conduct": 5,
    "verify": 5,
    "verify_files": 5,
    "probing": 5,
    "validation": 5,
    "config": 6,
    "app": 6,
    "composition": 6,
    "searched": 6,
    "commands": 6,
    "plugins": 6,
    "__main__": 6,
}
"""The floor of every room; a room on one floor may import from its own and from lower ones, never in a circle."""

HOMES = {
    "torch": {"cells", "kernels", "tasks", "data", "optim", "model", "initialisation", "noise", "member", "evaluation"}
    | {
        "whole_step",
        "request",
        "gradient",
        "joint",
        "train",
        "probes",
        "probing",
        "checkpoint",
        "experiment",
        "executors",
        "validation",
        "shapes",
        "speed",
    },
    "hydra": {"app", "composition", "searched", "plugins"},
    "omegaconf": {"app", "composition", "plugins"},
    "optuna": {"importance", "study"},
    "seaborn": {"report"},
    "matplotlib": {"report"},
    "PIL": {"report"},
    "pandas": {"report", "store"},
    "scipy": {"stats", "tasks"},
    "datasets": {"tasks"},
    "jinja2": {"report"},
    "submitit": {"executors"},
    "ray": {"executors"},
}
"""The rooms that may import a library at all."""

GPU_ROOMS = ("cells", "kernels", "model", "joint", "train")
GPU_BENCHMARK = ROOT / "bench" / "speed" / "gpu.py"
"""What runs where only torch and numpy are installed, with everything it imports."""

BARE = {"torch", "numpy", "bench", "jaxtyping"}
LONGEST_FUNCTION = 50
LONGEST_FILE = 250


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "bench").with_suffix("").parts
    return "bench" if parts == ("__init__",) else parts[0]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Return the dotted names a file imports; `from a import b` gives `a` and `a.b`."""
    found = set()
    module = tree(path)
    for node in module.body if top_level_only else ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("bench.")} & set(FLOORS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_its_own_or_lower_floors(path):
    room = room_of(path)
    higher = {other for other in rooms_imported(path) if FLOORS[other] > FLOORS[room]}
    assert not higher, f"{room} (floor {FLOORS[room]}) imports {higher}"


def test_rooms_do_not_import_in_circles():
    edges = {room: set() for room in FLOORS}
    for path in SOURCES:
        edges[room_of(path)] |= rooms_imported(path) - {room_of(path)}
    done: set[str] = set()
    while len(done) < len(edges):
        free = {room for room, needs in edges.items() if room not in done and needs <= done}
        assert free, f"a circle among {sorted(set(edges) - done)}"
        done |= free


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_is_imported_only_in_its_home(path):
    used = {name.split(".")[0] for name in imports(path)}
    strangers = {library for library in used & set(HOMES) if room_of(path) not in HOMES[library]}
    assert not strangers


def test_what_runs_on_a_gpu_machine_needs_torch_and_numpy_alone():
    import sys

    seen, waiting = set(), [GPU_BENCHMARK, *(path for path in SOURCES if room_of(path) in GPU_ROOMS)]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path, top_level_only=True):
            if not name.startswith("bench"):
                assert name.split(".")[0] in BARE | sys.stdlib_module_names, f"{path} imports {name}"
                continue
            parts = name.split(".")
            targets = [ROOT / Path(*parts[: n + 1]) for n in range(len(parts))]  # a package runs before its parts
            files = [file for target in targets for file in (target.with_suffix(".py"), target / "__init__.py")]
            waiting += [file for file in files if file.exists()]
    assert len(seen) > len(GPU_ROOMS)


def functions() -> list[tuple[str, int]]:
    """Return every function and its length in lines, docstring excluded."""
    found = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 1
                found.append((f"{path.relative_to(ROOT)}::{node.name}", length))
    return found


def test_functions_are_short():
    lengths = functions()
    assert not [name for name, length in lengths if length > LONGEST_FUNCTION]
    assert statistics.median(length for _, length in lengths) <= 10
    assert statistics.quantiles((length for _, length in lengths), n=10)[-1] <= 30


def test_files_are_short():
    long = {str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


def test_text_is_always_read_and_written_with_an_encoding():
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                keywords = {keyword.arg for keyword in node.keywords}
                if node.func.attr in ("read_text", "write_text") and ast.unparse(node.func.value) != "sources":
                    assert "encoding" in keywords, f"{path}:{node.lineno}"
