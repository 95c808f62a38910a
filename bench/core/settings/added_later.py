"""Settings added after the first records; at the value implied before, they do not change the key of a Run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

LATER: Mapping[str, object] = MappingProxyType(
    {
        "train.fraction": 1.0,
        "cell.output_bias": 0.0,
        "cell.chrono": 0.0,
        "optim.eps_rule": "add",
        "optim.clip_velocity": 0.0,
        "train.loss": "mean",
        "train.noisy_validation": False,
        "task.first_step": "predicted",
    }
)
"""Settings that came after the first records, with the value that stood for each before there was one.

At that value a hash leaves them out: what was finished before is found by the same command, and stays finished. Whoever
adds a setting to a Run adds it here, with its default.
"""

EXPORTED = ("train.fraction", "cell.output_bias", "cell.chrono")
"""Those of them that files of tuned settings had from the start: the others are left out there too, at that value."""


def without_later(node: Mapping[str, Any], *, but: Collection[str] = ()) -> dict[str, Any]:
    """Return settings, nested by section, without those of `LATER` at the value implied before, `but` for some."""
    kept = dict(node)
    for path, before in ((path, before) for path, before in LATER.items() if path not in but):
        section, name = path.split(".")
        if name in kept.get(section, {}) and kept[section][name] == before:
            kept[section] = {key: value for key, value in kept[section].items() if key != name}
    return kept
