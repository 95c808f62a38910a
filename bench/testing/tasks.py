"""What every task must do: `check_task(node, data_dir)`, the node as its YAML has it.

Shapes: K = 1 member, B sequences, T steps, O outputs; numbers in float64.
Source: the contract of a task, `bench/tasks/base.py`; its own `statistics` and `published` numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import ConfigError, DataError
from bench.core.metrics import METRICS
from bench.core.schema import build
from bench.core.settings import OptimSettings, TrainSettings
from bench.tasks import Task, open_task
from bench.tasks.base import Sequences, Split, Sums, add, blind_nats, unigram_nats
from bench.tasks.source_spec import LocalSource, PackageSource, source_of
from bench.tasks.spec import SPLITS, SplitStatistics, TaskSpec, task_spec
from bench.testing.require import require, require_close, require_equal
from bench.training.batches import Batch, Batches, evaluation_batches, stack, training_batches

MOST_UNITS = 300
"""Of how many units of a split batches and losses are checked."""

ROUNDING = 1e-9
"""Largest relative difference of sums over a split in another order."""

CUTS = ((0, 0), (1, 13), (3, 5))
"""Batch size and window of evaluation, 0 for the usual."""


def check_task(given: TaskSpec | Mapping[str, Any], data_dir: str | None = None) -> None:
    """Check a task and all its splits.

    Raises AssertionError with what is violated, ConfigError where the YAML is not a task's, DataError where the data
    are missing or not what it says.
    """
    spec = given if isinstance(given, TaskSpec) else task_spec(given, f"task.{given.get('name')}")
    check_words(spec)
    check_settings(spec)
    task = open_task(spec, data_dir)
    check_opened(task)
    check_statistics_are_enforced(task, data_dir)


def check_opened(task: Task) -> None:
    """Check a task whose training split has been read."""
    splits = {"train": task.train, **{name: task.read(name) for name in SPLITS if name != "train"}}
    check_splits(task, splits)
    check_published(task, splits["test"])
    for split in (task.train, splits["test"]):
        check_baseline(task, excerpt(split))
        check_evaluation(task, excerpt(split))
    check_blind(task)
    check_padding(task)
    check_epoch(task)


def check_words(spec: TaskSpec) -> None:
    """It says what it is and under which licence, and is to be improved in the direction of its metric."""
    for field in ("name", "title", "licence"):
        require(bool(getattr(spec, field)), f"`{field}` must say something")
    wanted = METRICS[spec.metric].direction
    require(spec.direction == wanted, f"`direction` must be {wanted} for {spec.metric}, got {spec.direction}")


def check_settings(spec: TaskSpec) -> None:
    """It sets what can be set, and nothing else."""
    settings = dict(spec.settings or {})
    try:
        build(TrainSettings, settings.pop("train", {}), f"{spec.name}.settings.train")
        build(OptimSettings, settings.pop("optim", {}), f"{spec.name}.settings.optim")
    except ConfigError as error:
        raise AssertionError(f"`settings` cannot be set: {error}") from error
    rest = set(settings) - {"embedding_size"}
    require(not rest, f"`settings` must be train, optim or embedding_size, got {sorted(rest)}")


def check_pinned(spec: TaskSpec) -> None:
    """A task that others are to repeat also describes itself, pins each split, and looks on the disk first."""
    require(bool(spec.description), "`description` must say something")
    statistics = spec.statistics or {}
    require(set(statistics) == set(SPLITS), f"`statistics` must be of {SPLITS}, got {sorted(statistics)}")
    for name, each in statistics.items():
        require(_is_digest(each.digest), f"`statistics.{name}.digest` must be a SHA-256, got {each.digest!r}")
    first = source_of(spec.sources[0], spec.name)
    problem = f"the first of `sources` must be local or a package, got {type(first).__name__}"
    require(isinstance(first, LocalSource | PackageSource), problem)


def check_splits(task: Task, splits: Mapping[str, Split]) -> None:
    """Every split, read before, is what `statistics` say of it, and the same when it is read again."""
    for name, split in splits.items():
        again = task.read(name)
        require(split.digest == again.digest, f"{name} has another digest when it is read again")
        require(_is_digest(split.digest), f"the digest of {name} must be a SHA-256, got {split.digest!r}")
        require_equal(_tensors(split), _tensors(again), f"{name} read twice")
        found, stated = _statistics(split), (task.spec.statistics or {}).get(name)
        if stated is not None:
            wanted = replace(stated, digest=stated.digest or split.digest)
            require(found == wanted, f"{name} must hold {wanted}, got {found}")
        require(split.n_units > 0, f"{name} must hold something to predict")


def check_statistics_are_enforced(task: Task, data_dir: str | None) -> None:
    """A training split that is not what `statistics` say is refused."""
    stated = _statistics(task.train)
    others = {"units": replace(stated, units=stated.units + 1), "digest": replace(stated, digest="0" * 64)}
    for field, other in others.items():
        try:
            open_task(replace(task.spec, statistics={"train": other}), data_dir)
        except DataError:
            continue
        raise AssertionError(f"a training split with other {field} than `statistics` say must be refused")


def check_published(task: Task, test: Split) -> None:
    """The unigram loss on the test split and the vocabulary are the published ones, where the task says them."""
    published = task.spec.published
    if published is None:
        return
    if published.unigram_nats is not None:
        found = unigram_nats(task, test)
        problem = f"the unigram loss on test must be {published.unigram_nats} nats to 0.01 as published, got {found}"
        require(abs(found - published.unigram_nats) <= 0.01, problem)
    if published.vocabulary is not None:
        problem = f"there must be {published.vocabulary} outputs as published, got {task.n_outputs}"
        require(task.n_outputs == published.vocabulary, problem)


def check_baseline(task: Task, split: Split) -> None:
    """The baseline has the loss of a model that predicts `output_bias` whatever came before, however a split is cut."""
    stated, metric = task.baseline(split), METRICS[task.spec.metric]
    wanted = metric.from_nats(stated["nats"])
    problem = f"{metric.name} must be {wanted} for {stated['nats']} nats, got {stated[metric.name]}"
    require(math.isclose(stated[metric.name], wanted, rel_tol=ROUNDING), problem)
    for batch_size, window in CUTS:
        sums: Sums = {}
        for batch in _evaluation(task, split, batch_size, window):
            logits = task.output_bias().expand(*batch.mask.shape, -1)
            sums = add(sums, task.tally(logits, batch.targets, batch.mask))
        found = task.scores({name: float(total) for name, total in sums.items()})
        problem = f"with batches of {batch_size} and windows of {window}, scores must be {stated}, got {found}"
        require(set(found) == set(stated), problem)
        require(all(math.isclose(found[name], stated[name], rel_tol=ROUNDING) for name in stated), problem)


def check_blind(task: Task) -> None:
    """The training marginals are finite, one for each output, and on training better than to know nothing."""
    bias = task.output_bias()
    is_right = tuple(bias.shape) == (task.n_outputs,) and bool(bias.isfinite().all())
    require(is_right, f"`output_bias` must be {task.n_outputs} finite numbers, got {tuple(bias.shape)}")
    found, blind = task.baseline(task.train)["nats"], blind_nats(task)
    require(0 <= found <= blind * (1 + ROUNDING), f"the baseline on train must be at most {blind} nats, got {found}")


def check_evaluation(task: Task, split: Split) -> None:
    """Evaluation sees every unit exactly once, and predicts each from those before it."""
    wanted = _counts(torch.cat(split.targets) if isinstance(split, Sequences) else split.tokens, task)
    for batch_size, window in CUTS:
        where = f"with batches of {batch_size} and windows of {window}"
        batches = list(_evaluation(task, split, batch_size, window))
        n_units = sum(sum(batch.n_units) for batch in batches)
        require(n_units == split.n_units, f"{where}, {split.n_units} units must be scored, got {n_units}")
        found = _counts(torch.cat([batch.targets[batch.mask] for batch in batches]), task)
        require(torch.equal(found, wanted), f"{where}, the targets are not the units of the split")
        for batch in batches:
            _check_inputs(split, batch, batch.pieces)


def _check_inputs(split: Split, batch: Batch, numbers: Sequence[int]) -> None:
    """Inputs are the targets one step before; sequences of those numbers begin with silence or the given frame."""
    seen = batch.mask[:, :, 1:]
    is_shifted = torch.equal(batch.inputs[:, :, 1:][seen], batch.targets[:, :, :-1][seen])
    require(is_shifted, "the input of a step must be the target of the step before")
    if not isinstance(split, Sequences):
        return
    first = batch.inputs[0, :, 0]
    if split.n_given == 0:
        require(not first.any(), "the first frame must be predicted from nothing")
        return
    given = torch.stack([split.frames[number][0] for number in numbers])
    require(torch.equal(first, given.to(first.dtype)), "the first input must be the given frame")


def check_padding(task: Task) -> None:
    """What is behind the mask counts for nothing, and batches padded to one size lose what they lose alone."""
    batches = list(_evaluation(task, excerpt(task.train), 3, MOST_UNITS, tracks=4))
    alone = [min(batches, key=_width), max(batches, key=_width)]
    both = stack(alone)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((*both.mask.shape, task.n_outputs), generator=generator, dtype=torch.float64)
    other = torch.where(both.mask.unsqueeze(-1), logits, 50.0)
    nats, sums = task.nats(logits, both.targets, both.mask), task.tally(logits, both.targets, both.mask)
    require_close(
        task.nats(other, both.targets, both.mask), nats, ROUNDING, "the loss with other logits in the padding"
    )
    for name, total in task.tally(other, both.targets, both.mask).items():
        require_close(total, sums[name], ROUNDING, f"`{name}` with other logits in the padding")
    require_close(sums["nats"], nats.double(), ROUNDING, "`nats` of the tally against the loss")
    require_close(sums["units"], both.mask.sum((1, 2)).double(), 0.0, "`units` of the tally")
    for k, batch in enumerate(alone):
        B, T = batch.mask.shape[1:]
        mine = task.nats(logits[k : k + 1, :B, :T], batch.targets, batch.mask)
        require_close(mine, nats[k : k + 1], ROUNDING, "the loss of a batch alone against padded")


def check_epoch(task: Task) -> None:
    """An epoch holds every unit once, the same at every call, and ragged batches are the padded ones before padding."""
    split = excerpt(task.train)
    own, batch_size = task.with_train(split), min(4, split.n_units)
    require(own.train is split, "`with_train` must take the split that it is given")
    batches = training_batches(own, seed=0, batch_size=batch_size, window=9, dtype=torch.float64)
    epoch = [batches.batch(0, position) for position in range(batches.n_per_epoch)]
    wanted = split.n_units if isinstance(split, Sequences) else split.n_units // batch_size * batch_size
    found = sum(sum(batch.n_units) for batch in epoch)
    require(found == wanted, f"an epoch of {split.n_units} units must hold {wanted}, got {found}")
    for position, batch in enumerate(epoch):
        _check_batch(split, batches, position, batch)


def _check_batch(split: Split, batches: Batches, position: int, batch: Batch) -> None:
    """A training batch is the same when it is asked for again, padded or before padding."""
    ragged = batches.ragged(0, position)
    for again in (batches.batch(0, position), ragged.padded(torch.float64) if ragged else batch):
        parts = ((each.inputs, each.targets, each.mask) for each in (again, batch))
        require_equal(next(parts), next(parts), f"batch {position} asked for again")
        require(
            again.n_units == batch.n_units, f"batch {position} must have {batch.n_units} units, got {again.n_units}"
        )
    require(not batch.targets[~batch.mask].any(), f"targets in the padding of batch {position} must be zero")
    places = {id(frames): i for i, frames in enumerate(split.frames)} if isinstance(split, Sequences) else {}
    _check_inputs(split, batch, [places[id(frames)] for frames in ragged.frames] if ragged else ())


def excerpt(split: Split) -> Split:
    """Return the beginning of a split: of a text, or of some sequences, one longer than the other where they can be."""
    if not isinstance(split, Sequences):
        return replace(split, tokens=split.tokens[:MOST_UNITS].clone())
    frames = tuple(frames[: 7 + 5 * i].clone() for i, frames in enumerate(split.frames[:10]))
    return replace(split, frames=frames)


def _evaluation(task: Task, split: Split, batch_size: int, window: int, tracks: int = 0) -> Iterator[Batch]:
    pieces = tracks or task.tracks
    return evaluation_batches(split, tracks=pieces, dtype=torch.float64, batch_size=batch_size, window=window)


def _counts(units: Tensor, task: Task) -> Tensor:
    """Return how often each key sounds, or each token occurs."""
    return units.long().sum(0) if task.n_inputs else torch.bincount(units, minlength=task.n_outputs)


def _tensors(split: Split) -> list[Tensor]:
    """Return the sequences of a split, one where it is a text."""
    return list(split.frames) if isinstance(split, Sequences) else [split.tokens]


def _statistics(split: Split) -> SplitStatistics:
    """Return what a task states of a split: all its frames are units there, the given ones too."""
    return SplitStatistics(len(_tensors(split)), sum(map(len, _tensors(split))), split.digest)


def _width(batch: Batch) -> int:
    return batch.mask.numel()


def _is_digest(text: str | None) -> bool:
    return text is not None and re.fullmatch("[0-9a-f]{64}", text) is not None
