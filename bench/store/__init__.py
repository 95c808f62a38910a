"""The store: one directory for each Run, its record written once, everything else rebuilt from the records.

results/NAME/plan.json                     which Runs the last command asked for
results/NAME/runs/LABEL/record.json        the outcome
results/NAME/runs/LABEL/record.N.json      the outcome of an earlier attempt that failed
results/NAME/runs/LABEL/log.txt            the traceback of a failed Run
results/NAME/runs/LABEL/lock               held by the one process that works on the Run
results/NAME/runs/LABEL/*.damaged-N        a damaged file set aside
"""

from __future__ import annotations

from bench.store.files import set_aside, write_whole
from bench.store.labels import Label
from bench.store.locks import HeldError, Holder, held, holder
from bench.store.places import folder_of
from bench.store.plans import PlannedRun, read_plan, write_plan
from bench.store.results import FINAL, Found, Results, damage, find, look, read, scan, write, write_log

__all__ = [
    "FINAL",
    "Found",
    "HeldError",
    "Holder",
    "Label",
    "PlannedRun",
    "Results",
    "damage",
    "find",
    "folder_of",
    "held",
    "holder",
    "look",
    "read",
    "read_plan",
    "scan",
    "set_aside",
    "write",
    "write_log",
    "write_plan",
    "write_whole",
]
