"""Named random streams, each a function of exactly the parts it is allowed to depend on.

The order of the data may see the task, the seed and the epoch, and never the cell or its size: two cells of
one seed therefore see the same data in the same order. A stream is a number, not a state: nothing about
randomness has to be saved or restored.
"""

from __future__ import annotations

import hashlib
import json

PARTS = {
    "order": ("task", "seed", "epoch"),
    "subset": ("task", "seed"),
    "init": ("seed", "layer", "parameter"),
    "weight_noise": ("seed",),
    "validation_noise": ("seed",),
    "input_noise": ("task", "seed"),
    "dropout": ("seed",),
    "sample": ("seed",),
    "bootstrap": ("label",),
    "sampler": ("space", "seed", "trial"),
    "replication": ("seed", "replication"),
    "extension": ("seed", "extension"),
}
"""What each stream may depend on. Of noise and dropout it is the key of numbers that are drawn by counter, which also
see the update and the place that they are for (`bench.kernels.draws`)."""


SEEDS = 2**32
"""Optuna's samplers and scikit-learn's forest take no larger seed."""


def stream(purpose: str, **parts: str | int) -> int:
    """Return the seed of a named stream, below 2**63, for `torch.Generator` or `numpy.random.default_rng`.

    Raises ValueError when the parts given are not exactly those declared in `PARTS`.
    """
    declared = PARTS[purpose]
    if set(parts) != set(declared):
        raise ValueError(f"stream `{purpose}` depends on {declared}, got {tuple(parts)}")
    text = json.dumps([purpose, *([name, parts[name]] for name in declared)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
