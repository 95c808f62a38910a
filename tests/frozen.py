"""Imported last by the process that commands are forked from: what it holds is left out of their garbage collection."""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()
