"""The house beside its floors: what a GPU machine needs, short functions and files, no text without an encoding."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "bench").rglob("*.py"))

GPU_PARTS = ("cells", "kernels", "training/model.py", "training/joint", "training/loop.py", "speed/gpu.py")
"""What runs where only torch, numpy and SymPy are installed, with everything it imports."""

BARE = {"torch", "yaml", "numpy", "sympy", "bench", "jaxtyping"}
LONGEST_FUNCTION = 50
LONGEST_FILE = 300


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_at_start(path: Path) -> set[str]:
    """Return the dotted names a file imports when it is loaded; `from a import b` gives `a` and `a.b`."""
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def parts(place: str) -> list[Path]:
    path = ROOT / "bench" / place
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def test_what_runs_on_a_gpu_machine_needs_torch_numpy_sympy_and_pyyaml_alone():
    seen, waiting = set(), [path for place in GPU_PARTS for path in parts(place)]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports_at_start(path):
            if not name.startswith("bench"):
                assert name.split(".")[0] in BARE | sys.stdlib_module_names, f"{path} imports {name}"
                continue
            names = name.split(".")
            targets = [ROOT / Path(*names[: n + 1]) for n in range(len(names))]  # a package runs before its parts
            files = [file for target in targets for file in (target.with_suffix(".py"), target / "__init__.py")]
            waiting += [file for file in files if file.exists()]
    assert len(seen) > len(GPU_PARTS)


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
    sources = [*SOURCES, *(ROOT / "bench").rglob("*.h"), *(ROOT / "bench").rglob("*.cpp")]
    long = {
        str(path): n for path in sources if (n := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long


def test_text_is_always_read_and_written_with_an_encoding():
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                keywords = {keyword.arg for keyword in node.keywords}
                if node.func.attr in ("read_text", "write_text") and ast.unparse(node.func.value) != "sources":
                    assert "encoding" in keywords, f"{path}:{node.lineno}"


def test_files_are_locked_and_written_whole_and_the_cache_found_in_one_place():
    words = ("fcntl", "O_EXCL", "XDG_CACHE_HOME", "user_cache_dir", "os.replace(", "getpid()}.tmp")
    found = {path.name for path in SOURCES if any(word in path.read_text(encoding="utf-8") for word in words)}
    assert found == {"disk.py"}


def test_memory_and_processor_are_asked_of_the_system_in_one_place_each():
    asked = {path.name for path in SOURCES if "/proc/" in path.read_text(encoding="utf-8")}
    assert asked == {"memory.py", "processor.py"}


def test_a_number_has_its_name_in_one_file():
    values: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in tree(path).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(f"{node.targets[0].id} = {ast.unparse(node.value)}", []).append(path.name)
    for constant in ("GIB = 1 << 30", "KEYS = 88", "SEEDS = 2 ** 32"):
        assert len(values[constant]) == 1, values[constant]


def test_files_named_in_texts_are_there():
    texts = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml"), ROOT / "ARCHITECTURE.md"]
    for path in texts:
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|md|h|cpp))`", path.read_text(encoding="utf-8")):
            assert any((room / name).exists() for room in (ROOT, ROOT / "bench")), f"{path} names {name}"
