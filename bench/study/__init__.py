"""Study: the tuning of one cell on one task at one size, in Optuna's hands: samplers, pruners, storages.

Nothing is kept by Optuna: a study is asked and told again, trial by trial, from what is on disk.
"""

from __future__ import annotations

from bench.study.mirror import Mirror, storage_at
from bench.study.search import Search, Told

__all__ = ["Mirror", "Search", "Told", "storage_at"]
