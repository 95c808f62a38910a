"""What the name of a Run's directory says."""

from __future__ import annotations

import re
from dataclasses import dataclass

SHAPE = re.compile(r"(\w+)-(\w+)-h(\d+)x(\d+)-s(\d+)-([0-9a-f]{16})", re.ASCII)


@dataclass(frozen=True)
class Label:
    """The parts of a Run's label; names are slugs."""

    task: str
    cell: str
    hidden_size: int
    num_layers: int
    seed: int
    key: str

    @staticmethod
    def of(name: str) -> Label | None:
        """Return the parts of a label, None for a name that is none."""
        parts = SHAPE.fullmatch(name)
        if parts is None:
            return None
        task, cell, hidden_size, num_layers, seed, key = parts.groups()
        return Label(task, cell, int(hidden_size), int(num_layers), int(seed), key)
