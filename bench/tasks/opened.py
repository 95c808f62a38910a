"""The tasks that this process has opened, each read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bench.tasks import Task, open_task
from bench.tasks.base import Split
from bench.tasks.sources import ensure
from bench.tasks.spec import task_spec


class Tasks:
    """The tasks opened by this process; each is read once."""

    def __init__(self, data_dir: str | None, announce: Callable[[str], None] = lambda text: None) -> None:
        self.data_dir = data_dir
        self._announce = announce
        self._tasks: dict[str, Task] = {}
        self._validation: dict[str, Split] = {}
        self._test_digests: dict[str, str] = {}
        self._baselines: dict[tuple[int, str], dict[str, float]] = {}
        self._keys: dict[int, tuple[str, Mapping[str, Any]]] = {}

    def task(self, node: Mapping[str, Any]) -> Task:
        """Return the task of a YAML node, its training split read and checked."""
        key = self._key(node)
        if key not in self._tasks:
            spec = task_spec(node, f"task.{node.get('name')}")
            ensure(spec, self.data_dir, announce=self._announce)
            self._tasks[key] = open_task(spec, self.data_dir)
        return self._tasks[key]

    def validation(self, node: Mapping[str, Any]) -> Split:
        """Return the task's validation split, checked."""
        key = self._key(node)
        if key not in self._validation:
            self._validation[key] = self.task(node).read("validation")
        return self._validation[key]

    def test_digest(self, node: Mapping[str, Any]) -> str:
        """Read the task's test split to see that it is there and whole, and forget it but for its digest."""
        key = self._key(node)
        if key not in self._test_digests:
            self._test_digests[key] = self.task(node).read("test").digest
        return self._test_digests[key]

    def baseline(self, task: Task, name: str, split: Split) -> dict[str, float]:
        """Return the unigram model's scores on the split of that name, computed once for a task that was opened here.

        A task that trains on a share of the data is its Run's own, and so are its scores.
        """
        if all(task is not opened for opened in self._tasks.values()):
            return task.baseline(split)
        if (id(task), name) not in self._baselines:
            self._baselines[id(task), name] = task.baseline(split)
        return self._baselines[id(task), name]

    def _key(self, node: Mapping[str, Any]) -> str:
        """Return the node as text; the points of a sweep share their nodes, which are written out once."""
        if id(node) not in self._keys:
            self._keys[id(node)] = (json.dumps(node, sort_keys=True), node)
        return self._keys[id(node)][0]
