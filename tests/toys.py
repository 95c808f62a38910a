"""The toys of the contract suites, and a text task that is written to disk."""

from __future__ import annotations

import yaml

from bench.testing.toys import (
    SENTENCE,
    cell_node,
    changed,
    machine,
    music_spec,
    music_task,
    noisy,
    rolls,
    run,
    shape,
    text_spec,
    text_task,
    trained,
)


def write_text_task(folder, node) -> None:
    """Write a task of the user's own and its text into a working directory."""
    (folder / "task").mkdir(parents=True, exist_ok=True)
    (folder / "task" / f"{node['name']}.yaml").write_text(yaml.safe_dump(node))
    (folder / "mine.txt").write_text(SENTENCE * 30)


__all__ = [
    "SENTENCE",
    "cell_node",
    "changed",
    "machine",
    "music_spec",
    "music_task",
    "noisy",
    "rolls",
    "run",
    "shape",
    "text_spec",
    "text_task",
    "trained",
    "write_text_task",
]
