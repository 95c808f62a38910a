"""The store: one directory for each Run, its record written once, everything else rebuilt from the records.

results/NAME/plan.json                     which Runs were asked for
results/NAME/studies/LABEL/study.json      the trials of a study, in the order in which they were asked for
results/NAME/studies/LABEL/trial-N.json    a trial that was asked for since
results/NAME/probes/LABEL.json             what probes found in the trained model of a Run
results/NAME/archive.zip                   any of the above and records, compressed; read like plain files
results/NAME/notes.md                      the authors' notes on the results, for the report
results/NAME/sizes/TASK-CELL-KEY.json      a hidden size that was found by timing
results/NAME/samples/LABEL-SEED.mid        music that the model of a Run was asked for
results/NAME/runs/LABEL/record.json        the outcome
results/NAME/runs/LABEL/weights.safetensors   the best weights by validation, where `keep=best` asks for them
results/NAME/runs/LABEL/record.N.json      the outcome of an earlier attempt that failed
results/NAME/runs/LABEL/log.txt            the traceback of a failed Run
results/NAME/runs/LABEL/lock               held by the one process that works on the Run
results/NAME/runs/LABEL/*.damaged-N        a damaged file, renamed
"""

from __future__ import annotations

from bench.results.files import make_folder, refuse_links, set_aside, text_of, write_whole
from bench.results.locks import HeldError, Holder, held, holder, wait_for
from bench.results.notes import AuthorNote, read_author_notes
from bench.results.paths import Label, folder_of, results_directory
from bench.results.plan import PlannedRun, read_plan, write_plan
from bench.results.probes import GateProbe, ProbeRecord, Probes, read_probes, write_probe
from bench.results.records import (
    Found,
    Results,
    damage,
    find,
    is_final,
    is_there,
    look,
    read,
    record_at,
    scan,
    write,
    write_log,
)
from bench.results.studies import Studies, held_study, read_studies, read_study, study_folder, write_study, write_trial
from bench.results.timed_sizes import TimedSize, find_size, write_size
from bench.results.weights import kept_weights, lacks_weights, look_for_weights, write_weights

__all__ = [
    "AuthorNote",
    "Found",
    "GateProbe",
    "HeldError",
    "Holder",
    "Label",
    "PlannedRun",
    "ProbeRecord",
    "Probes",
    "Results",
    "Studies",
    "TimedSize",
    "damage",
    "find",
    "find_size",
    "folder_of",
    "held",
    "held_study",
    "holder",
    "is_final",
    "is_there",
    "kept_weights",
    "lacks_weights",
    "look",
    "look_for_weights",
    "make_folder",
    "read",
    "read_author_notes",
    "read_plan",
    "read_probes",
    "read_studies",
    "read_study",
    "record_at",
    "refuse_links",
    "results_directory",
    "scan",
    "set_aside",
    "study_folder",
    "text_of",
    "wait_for",
    "write",
    "write_log",
    "write_plan",
    "write_probe",
    "write_size",
    "write_study",
    "write_trial",
    "write_weights",
    "write_whole",
]
