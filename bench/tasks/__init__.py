"""Tasks: data, loss and score; one file per family, one YAML per task."""

from __future__ import annotations

from bench.tasks.base import Task
from bench.tasks.spec import LanguageModelSpec, PianoRollSpec, TaskSpec


def open_task(spec: TaskSpec, data_dir: str | None) -> Task:
    """Read a task's training split. Raises DataError if the data are missing or not what the task says."""
    if isinstance(spec, PianoRollSpec):
        from bench.tasks.piano_roll import PianoRoll

        return PianoRoll.open(spec, data_dir)
    if isinstance(spec, LanguageModelSpec):
        from bench.tasks.language_model import LanguageModel

        return LanguageModel.open(spec, data_dir)
    raise TypeError(f"no family for {type(spec).__name__}")


__all__ = ["Task", "open_task"]
