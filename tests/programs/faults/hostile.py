"""Hostile content for every place where something is read: pickles, archives, records, YAML and names."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import torch

MARK = "FIRED"
INJECTED = "<script>alert('canary')</script>|=cmd|' /C calc'!A0"


class Canary:
    """Touches a file in the working directory as soon as it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {MARK}",)


def pickles() -> Iterator[tuple[str, bytes]]:
    """Yield the canary in every form that some library would open."""
    for protocol in (0, 2, 5):
        yield f"pickle {protocol}", pickle.dumps(Canary(), protocol)
    saved, array, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"row": Canary()}, saved)
    yield "torch.save", saved.getvalue()
    objects = np.empty(1, object)
    objects[0] = Canary()
    np.save(array, objects, allow_pickle=True)
    yield "npy", array.getvalue()
    np.savez(archive, meta=objects, _row=objects)
    yield "npz", archive.getvalue()


def hostile_archives(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield archives that a stranger may have made, each wrong in its own way."""
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    meta = json.loads(parts["meta"].tobytes())
    yield from pickles()
    yield "no archive", b"not an archive"
    yield "half an archive", archive[: len(archive) // 2]
    yield "no meta", _packed({name: part for name, part in parts.items() if name != "meta"})
    yield "objects in place of weights", _packed({**parts, "_row": np.array([Canary()], object)})
    yield "other shapes", _packed({name: part if name == "meta" else np.zeros(3) for name, part in parts.items()})
    yield "no arrays", _packed({"meta": parts["meta"]})
    yield "a header that lies", _lying()
    for name, value in (("values", None), ("values", []), ("values", {}), ("machine", 3), ("format", "x"), ("key", [])):
        text = json.dumps({**meta, name: value}).encode()
        yield f"{name} {value!r}", _packed({**parts, "meta": np.frombuffer(text, np.uint8)})
    for name in meta["values"]:
        text = json.dumps({**meta, "values": {**meta["values"], name: "nonsense"}}).encode()
        yield f"nonsense for {name}", _packed({**parts, "meta": np.frombuffer(text, np.uint8)})


def _packed(parts: dict[str, np.ndarray]) -> bytes:
    archive = io.BytesIO()
    np.savez(archive, **parts)
    return archive.getvalue()


def _lying() -> bytes:
    """An array that says it has four terabytes and has none."""
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("meta", "_row"):
            file.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    return archive.getvalue()


def hostile_records(whole: dict) -> Iterator[tuple[str, object]]:
    outcome, run = whole["outcome"], whole["run"]
    yield "a list", []
    yield "format 999", {**whole, "format": 999}
    yield "no outcome", {name: part for name, part in whole.items() if name != "outcome"}
    yield "a traversal as key", {**whole, "key": "../../../x"}
    yield "a traversal as task", {**whole, "run": {**run, "task": {**run["task"], "name": "../../../x"}}}
    yield "no task name", {**whole, "run": {**run, "task": {}}}
    yield "an unknown metric", {**whole, "run": {**run, "task": {**run["task"], "metric": "elo"}}}
    yield "markup as reason", {**whole, "outcome": {**outcome, "status": "failed", "reason": INJECTED}}
    yield "control characters", {**whole, "outcome": {**outcome, "status": "failed", "reason": "\x1b[31m\x00\u202e"}}
    yield "a million points", {**whole, "outcome": {**outcome, "curve": outcome["curve"][:1] * 100_000}}
    yield "scores of text", {**whole, "outcome": {**outcome, "scores": {"test": {"nats": "x"}}}}
    yield "deep nesting", {**whole, "run": {**run, "cell": _nested(500)}}


def _nested(depth: int) -> dict:
    node: dict = {}
    for _ in range(depth):
        node = {"a": node}
    return node


BAD_YAML = {
    "a python tag": "title: !!python/object/apply:os.system ['touch FIRED']\n",
    "a python name": "title: !!python/name:os.system\n",
    "a tag of its own": "title: !run 'touch FIRED'\n",
    "a module tag": "title: !!python/module:os\n",
    "a new object": "title: !!python/object/new:os.system ['touch FIRED']\n",
    "a target": "_target_: os.system\ncommand: touch FIRED\n",
    "a target within": "settings: {train: {_target_: os.system}}\n",
    "callbacks": "hydra: {callbacks: {x: {_target_: os.system, command: touch FIRED}}}\n",
    "a search path": "hydra: {searchpath: ['file:///']}\n",
    "a logging class": "hydra: {job_logging: {handlers: {x: {(): os.system}}}}\n",
    "a package line": "# @package _global_\nhydra: {run: {dir: /tmp}}\n",
    "a secret": "title: ${oc.env:GATEBENCH_SECRET}\n",
    "a resolver": "title: ${eval:1}\n",
    "two documents": "title: a\n---\ntitle: b\n",
    "a key twice": "title: a\ntitle: b\n",
}


FIRE = "{_target_: pandas.read_pickle, filepath_or_buffer: canary.pkl}"

BAD_SETTINGS_FILES = {
    "a callback": f"hydra: {{callbacks: {{x: {FIRE}}}}}\n",
    "a run directory": "hydra: {run: {dir: ../escaped}}\n",
    "a sweep directory": "hydra: {sweep: {dir: ../escaped}}\n",
    "an output folder": "hydra: {output_subdir: ../escaped}\n",
    "a working directory": "hydra: {job: {chdir: true}}\n",
    "a logging class": "hydra: {job_logging: {handlers: {x: {(): os.system}}}}\n",
    "a search path": "hydra: {searchpath: ['file://evil']}\n",
    "a launcher": f"hydra: {{launcher: {FIRE}}}\n",
    "a launcher of Hydra's": "defaults:\n  - override /hydra/launcher: basic\n",
    "a launcher beside it": "defaults:\n  - override /hydra/launcher: evil\n",
    "a path as choice": "defaults:\n  - override /task: ../hydra/callbacks/evil\n",
    "a path as file": "defaults:\n  - /hydra/callbacks/evil\n",
    "a package of Hydra's": "defaults:\n  - /cell@hydra.callbacks.x: gru\n",
    "a merge key": "<<: {hydra: {run: {dir: ../escaped}}}\n",
    "a merge key within": "hydra: {<<: {run: {dir: ../escaped}}}\n",
    "hydra from elsewhere": "let: {evil: {run: {dir: ../escaped}}}\nhydra: ${let.evil}\n",
    "a sweep over Hydra's": "hydra: {sweeper: {params: {hydra.run.dir: ../escaped}}}\n",
    "a sweep with an addition": "hydra: {sweeper: {params: {+hydra.callbacks.x._target_: os.system}}}\n",
    "a sweep over a package": "hydra: {sweeper: {params: {cell@hydra.callbacks.x: gru}}}\n",
    "a sweep into the environment": "hydra: {sweeper: {params: {name: '$\\{oc.env\\:GATEBENCH_SECRET}'}}}\n",
    "a secret": "name: ${oc.env:GATEBENCH_SECRET}\n",
    "a secret by a computed name": "let: {a: oc.env}\nname: ${${let.a}:GATEBENCH_SECRET}\n",
    "a storage elsewhere": "tune: {storage: 'sqlite:///../escaped.db'}\n",
    "a storage from elsewhere": "let: {x: {storage: 'sqlite:///../escaped.db'}}\ntune: ${let.x}\n",
    "another machine": "ray: {address: 'evil:6379'}\n",
    "a key of nobody's": "nobody: 1\n",
    "a target": "cell: {_target_: os.system}\n",
    "a python tag": "name: !!python/object/apply:os.system ['touch FIRED']\n",
}
"""What a file that may set things must not set; each is put below the header that makes settings of its content."""

BAD_HEADERS = ("# @package hydra", "  # @package hydra", "#@package hydra.run", "## @package hydra", "# @package tune")


HOSTILE_NAMES = (
    *("../x", "../../x", "/tmp/escaped", "..", ".", "a/b", "~", "-rf", "$HOME", "`x`", "CON"),
    *("a\0b", "a\nb", "x" * 300, INJECTED),
)
