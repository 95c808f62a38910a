"""A Run (one training, named by the hash of its settings) and its RunRecord (the immutable outcome)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.core.cell_words import without_words
from bench.core.digest import checked_node, digest_of, with_digest
from bench.core.endings import RunStatus
from bench.core.errors import ConfigError, DataError
from bench.core.schema import Count, CountOrOff, Layers, Width, WidthOrOff, build
from bench.core.settings import Device, InitSettings, KernelName, OptimSettings, Phase, SizeSettings, TrainSettings
from bench.core.settings.added_later import without_later

FORMAT = 2
"""Version of the record's layout on disk."""

DESCRIPTIVE = ("title", "description", "licence", "sources", "statistics", "published", "settings", "margin")
"""Parts of a task's YAML that say something about the task and change nothing in a training."""

DRAWN = ("weight_noise", "input_noise", "dropout", "input_dropout", "output_dropout")
"""Settings for which numbers are drawn at every update."""

DRAWS = "philox4x32-10"
"""How they are drawn: part of the key of a Run that has any, because it decides its numbers. Runs whose numbers torch's
generator drew have keys without it, and are other Runs."""

DIGITS = 8
"""Digits of a piece's loss: more than single precision computes."""

DEEPEST = 16
"""Levels of nesting that a YAML node in a record may have."""


@dataclass(frozen=True)
class Run:
    """One training: every setting that its results depend on.

    `task` and `cell` are the resolved nodes of their YAML files. Two Runs of equal settings are one Run: the
    `key` is a hash of them, and results are found by it.
    """

    task: Mapping[str, Any]
    cell: Mapping[str, Any]
    hidden_size: Width
    num_layers: Layers
    embedding_size: WidthOrOff
    size: SizeSettings
    init: InitSettings
    optim: OptimSettings
    train: TrainSettings
    kernel: KernelName
    device: Device
    seed: CountOrOff
    phase: Phase

    @property
    def task_name(self) -> str:
        return str(self.task["name"])

    @property
    def first_step(self) -> str:
        """Whether the first frame of a sequence is `predicted`, as everything of a text is, or `given`."""
        return str(self.task.get("first_step", "predicted"))

    @property
    def cell_name(self) -> str:
        return str(self.cell["name"])

    @cached_property
    def key(self) -> str:
        """Hash of every setting that a number depends on: 16 hexadecimal digits."""
        node = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        node |= {name: vars(value) for name, value in node.items() if dataclasses.is_dataclass(value)}
        node["task"] = {name: value for name, value in self.task.items() if name not in DESCRIPTIVE}
        node["cell"] = without_words(self.cell)
        if any(getattr(self.train, name) for name in DRAWN):
            node["draws"] = DRAWS
        return digest_of(without_later(node))[:16]

    @cached_property
    def label(self) -> str:
        """Directory name: readable, ASCII, unique by its key."""
        parts = (self.task_name, self.cell_name, f"h{self.hidden_size}x{self.num_layers}", f"s{self.seed}")
        return "-".join([*(slug(part) for part in parts), self.key])


@dataclass(frozen=True)
class CurvePoint:
    """One evaluation; losses in nats per unit (frame, word or character).

    `train_nats` is the mean training loss since the previous point, measured while training (dropout and noise
    on); `validation_nats` is measured with both off.
    """

    epoch: float
    update: int
    train_nats: float
    validation_nats: float
    lr: float


@dataclass(frozen=True)
class Pieces:
    """The loss of each piece of a split, summed over its units, in nats, and how many units it has.

    A piece is a sequence or, of a text, a block of it; they stand in the order of the data. The sum of losses over the
    sum of units is the score in nats, to the digits that are kept.
    """

    nats: tuple[float, ...]
    units: tuple[Count, ...]

    @staticmethod
    def of(nats: Iterable[float], units: Iterable[int]) -> Pieces:
        """Return the pieces with the digits of their losses that are worth a place in a file."""
        return Pieces(tuple(float(f"{loss:.{DIGITS}g}") for loss in nats), tuple(units))


@dataclass(frozen=True)
class Outcome:
    """The results of a Run. It holds no time: the same Run gives the same bytes on the same machine.

    `scores` maps split to metric to value, measured with the best weights on validation; the test split is
    there in the `confirm` phase only. `baseline` holds the unigram model's scores on the same splits. `pieces` has
    those of the test split where it was scored; older records have none.
    """

    status: RunStatus
    reason: str
    kernel: str
    n_updates: int
    n_epochs: float
    best_update: int
    curve: tuple[CurvePoint, ...]
    scores: Mapping[str, Mapping[str, float]]
    baseline: Mapping[str, Mapping[str, float]]
    num_params: Mapping[str, int]
    data_digests: Mapping[str, str]
    weights_digest: str
    pieces: Mapping[str, Pieces] = field(default_factory=dict)


def differing_parts(left: Outcome, right: Outcome) -> tuple[str, ...]:
    """Return the parts of two outcomes that are not equal to the last bit; pieces are compared where both have them."""
    names = [part.name for part in dataclasses.fields(Outcome) if part.name != "pieces"]
    if left.pieces and right.pieces:
        names.append("pieces")
    return tuple(name for name in names if _text(getattr(left, name)) != _text(getattr(right, name)))


def _text(part: object) -> str:
    """Return a text that tells every bit of a number, whatever the order of a mapping."""
    return repr(sorted(part.items())) if isinstance(part, Mapping) else repr(part)


@dataclass(frozen=True)
class Cost:
    """The cost of a Run over all attempts; `seconds` are training, evaluation and scoring.

    Seconds are the processor's where one thread of a CPU computes: what other programs do meanwhile does not lengthen
    them. On a GPU, and with several threads, they are those of the wall clock.

    `curve_seconds` are training seconds, evaluation excluded, at each point of the curve.
    """

    seconds: float
    data_seconds: float
    train_seconds: float
    evaluation_seconds: float
    curve_seconds: tuple[float, ...]
    units_trained: int
    unit: str
    peak_memory_bytes: int

    @property
    def units_per_second(self) -> float:
        """Frames, words or characters of training (padding excluded) per second of forward, backward and update."""
        return self.units_trained / self.train_seconds if self.train_seconds else float("nan")


@dataclass(frozen=True)
class Provenance:
    """Where a Run was made: enough to tell whether its bits should repeat elsewhere.

    `resumed` has a line for each time the Run went on from a checkpoint, and for each checkpoint it could not use.
    `library` is the digest of the compiled library that trained it, empty where none did or where it was not recorded.
    """

    started: str
    git_commit: str
    git_dirty: bool
    versions: Mapping[str, str]
    platform: str
    cpu: str
    device: str
    threads: int
    resumed: tuple[str, ...] = ()
    library: str = ""


@dataclass(frozen=True)
class RunRecord:
    """The immutable outcome of a Run, written once."""

    key: str
    run: Run
    outcome: Outcome
    cost: Cost
    provenance: Provenance
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """Return the record as JSON text that carries its own digest."""
        return with_digest(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str, where: str, *, curves: bool = True) -> RunRecord:
        """Read a record; without `curves` its learning curve and its pieces are left out, which takes a fraction
        of the time.

        Raises DataError naming `where` if it is damaged or of another format.
        """
        node = checked_node(text, where, FORMAT, "run record")
        try:
            if not curves:
                node["outcome"] |= {"curve": (), "pieces": {}}
                node["cost"] |= {"curve_seconds": ()}
            record = build(RunRecord, node, "")
            _check_yaml_nodes(record.run)
        except (ConfigError, KeyError, TypeError) as error:
            raise DataError(where, f"not a run record: {error}") from error
        return record


def slug(text: str) -> str:
    """Return a short ASCII form of a user's name that is safe as a file name."""
    cleaned = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return cleaned[:40] or "unnamed"


def _check_yaml_nodes(run: Run) -> None:
    """Raise ConfigError where a task or a cell, which may hold anything, has no name or is nested without end."""
    for where, node in (("run.task", run.task), ("run.cell", run.cell)):
        if not isinstance(node.get("name"), str):
            raise ConfigError(f"{where}.name", "must be text")
        if _is_deeper(node, DEEPEST):
            raise ConfigError(where, f"must be nested at most {DEEPEST} levels deep")


def _is_deeper(node: object, levels: int) -> bool:
    children = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return any(levels == 0 or _is_deeper(child, levels - 1) for child in children)
