"""What every kernel must do, for every cell: `check_kernel("fused", {"name": "gru", "kind": "gru"})`.

Shapes: K members, B sequences, T steps, I inputs, H units; computed on the CPU, in float64 but where bits are compared.
Source: the equations of the cell itself, its `step`; the reference kernel; finite differences.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.cells import Cell, cell_of
from bench.kernels import Fused, Kernel, Reference, SequenceKernel, choose
from bench.kernels.agreement import AGREES, B, H, K, Layer, T, gradient_error, layer_of, pulled, results
from bench.results.run import Run
from bench.tasks import Task
from bench.tasks.base import Split, Stream
from bench.testing.require import require, require_close, require_equal
from bench.testing.toys import changed, music_task, noisy, rolls, run, text_task, trained
from bench.training.evaluation import Machine
from bench.training.member import Member

CPU = torch.device("cpu")
EXACT = 1e-12
"""Largest relative and absolute difference in float64."""

SINGLE = 2.0
"""How many times the reference kernel's own error is allowed in float32, root mean square over 12 members."""

MOST_TOKENS = 60
"""How many tokens are evaluated after an epoch of a text: the reference takes them one by one."""


def check_kernel(kernel: str | Kernel, node: Mapping[str, Any]) -> None:
    """Check a kernel, by its name or itself, with the cell of a YAML node.

    Raises AssertionError with what is violated, ConfigError where the kernel of that name does not run here.
    """
    cell = cell_of(node)
    found = choose(kernel, cell, CPU, torch.float64) if isinstance(kernel, str) else kernel
    if not isinstance(found, Fused):
        for check in SEQUENCE_CHECKS:
            check(found, cell)
    for check_trained in TRAINING_CHECKS:
        check_trained(found, node)


def check_steps(kernel: SequenceKernel, cell: Cell) -> None:
    """A sequence is the cell's equations applied step by step."""
    layer = layer_of(cell)
    outputs, *last = results(kernel, cell, layer)
    state, W = layer.state, layer.params["W"]
    b = layer.params["b"].unsqueeze(1) if "b" in layer.params else 0.0
    for t in range(T):
        state = cell.step(state, layer.x[:, :, t] @ W.mT + b, layer.params)
        require_close(outputs[:, :, t], state[0], EXACT, f"the output of step {t} against the equations")
    require_close(last, list(state), EXACT, "the last state against the equations")


def check_cut(kernel: SequenceKernel, cell: Cell) -> None:
    """A sequence cut in two with the state carried gives the same."""
    layer = layer_of(cell)
    whole, *last = results(kernel, cell, layer)
    first, *middle = results(kernel, cell, dataclasses.replace(layer, x=layer.x[:, :, :4]))
    second, *end = results(kernel, cell, Layer(layer.x[:, :, 4:], tuple(middle), layer.params))
    require_close(torch.cat([first, second], 2), whole, EXACT, "the outputs of a sequence cut in two")
    require_close(end, last, EXACT, "the last state of a sequence cut in two")


def check_causality(kernel: SequenceKernel, cell: Cell) -> None:
    """What follows a step does not change a bit of it."""
    layer = layer_of(cell)
    x = layer.x.clone()
    x[:, :, 5:] = 7.0
    left, right = (results(kernel, cell, each)[0][:, :, :5] for each in (layer, dataclasses.replace(layer, x=x)))
    require_equal([left], [right], "outputs before inputs that differ")


def check_independence(kernel: SequenceKernel, cell: Cell) -> None:
    """A member among others computes what it does alone, and so does a sequence of a batch."""
    layer = layer_of(cell)
    together = results(kernel, cell, layer)
    for k in range(K):
        alone = results(kernel, cell, layer.like(leaf[k : k + 1] for leaf in layer.leaves))
        require_close(alone, [part[k : k + 1] for part in together], EXACT, f"member {k} alone against among others")
    for b in range(B):
        one = Layer(layer.x[:, b : b + 1], tuple(part[:, b : b + 1] for part in layer.state), layer.params)
        parts = [part[:, b : b + 1] for part in together]
        require_close(results(kernel, cell, one), parts, EXACT, f"sequence {b} alone against in a batch")


def check_gradients_reach(kernel: SequenceKernel, cell: Cell) -> None:
    """Gradients reach the input, every weight, and every part of the initial state that the equations read."""
    layer = layer_of(cell).differentiable()
    loss = torch.stack([part.square().sum() for part in results(kernel, cell, layer)]).sum()
    found = torch.autograd.grad(loss, layer.leaves, allow_unused=True)
    names = ["x", *cell.states, *layer.params]
    for name, gradient in zip(names, found, strict=True):
        if name not in cell.states or name in cell.program.read:
            require(gradient is not None and bool(gradient.abs().max() > 0), f"no gradient reaches {name}")


def check_finite_differences(kernel: SequenceKernel, cell: Cell) -> None:
    """Gradients are those of finite differences."""
    error = gradient_error(kernel, cell)
    problem = f"gradients are not those of finite differences: error {error:.2g}, at most {AGREES:g} is allowed"
    require(error <= AGREES, problem)


def check_gradients(kernel: SequenceKernel, cell: Cell) -> None:
    """Every gradient through one layer and two is the reference's, of all results, the outputs, and each last state."""
    both = [layer_of(cell).differentiable(), layer_of(cell, sizes=(K, B, T, H, H), seed=1).differentiable()]
    for layers in (both[:1], both):
        leaves = [leaf for layer in layers for leaf in layer.leaves if leaf is not both[1].x]
        found, expected = (_stacked(each, cell, layers) for each in (kernel, Reference()))
        require_close(found, expected, EXACT, f"{len(layers)} layers against the reference")
        everything = range(len(found))
        for which in (everything, [0], everything[1:], *([i] for i in everything[1:])):
            ours, theirs = (_pulled(each, leaves, which) for each in (found, expected))
            require_close(ours, theirs, EXACT, f"gradients of results {list(which)} against the reference")


def _stacked(kernel: SequenceKernel, cell: Cell, layers: Sequence[Layer]) -> list[Tensor]:
    """Return the outputs of the top layer and the last states of all."""
    x, last = layers[0].x, []
    for layer in layers:
        x, *end = results(kernel, cell, dataclasses.replace(layer, x=x))
        last += end
    return [x, *last]


def _pulled(found: Sequence[Tensor], leaves: Sequence[Tensor], which: Iterable[int]) -> list[Tensor]:
    """Return the leaves' gradients of a random sum of some results, zeros where there is none."""
    gradients = torch.autograd.grad(pulled(found, which), leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if each is None else each for leaf, each in zip(leaves, gradients, strict=True)]


def check_arguments(kernel: SequenceKernel, cell: Cell) -> None:
    """A pass leaves its arguments as they were, and goes back twice to the same bits."""
    layer = layer_of(cell).differentiable()
    copies = [leaf.detach().clone() for leaf in layer.leaves]
    found = results(kernel, cell, layer)
    first, second = (_pulled(found, layer.leaves, [0]) for _ in range(2))
    require_equal(first, second, "gradients of one pass taken twice")
    require_equal([leaf.detach() for leaf in layer.leaves], copies, "arguments after a pass")


def check_without_gradients(kernel: SequenceKernel, cell: Cell) -> None:
    """Without gradients it gives the same bits and records nothing."""
    layer = layer_of(cell).differentiable()
    expected = results(kernel, cell, layer)
    for switch in (torch.no_grad, torch.inference_mode):
        with switch():
            found = results(kernel, cell, layer)
        require(not found[0].requires_grad, f"under {switch.__name__} a pass must record nothing")
        require_equal(found, expected, f"a pass under {switch.__name__}")


def check_single_precision(kernel: SequenceKernel, cell: Cell) -> None:
    """In float32 outputs and gradients err at most `SINGLE` times as much as the reference, against float64.

    The initial state is positive: a cell that divides by a state would magnify rounding where that is near zero.
    """
    exact = layer_of(cell, sizes=(12, 8, 60, 20, 16), scale=16**-0.5)
    exact = dataclasses.replace(exact, state=tuple(1 + part.abs() for part in exact.state))
    rounded = exact.like(leaf.float() for leaf in exact.leaves)
    exact = exact.like(leaf.double() for leaf in rounded.leaves)
    found = []
    for each, layer in ((Reference(), exact), (kernel, rounded), (Reference(), rounded)):
        leaves = layer.differentiable()
        parts = results(each, cell, leaves)
        found.append([*parts, *_pulled(parts, leaves.leaves, [0])])
    names = ["the outputs", *cell.states, "x", *cell.states, *exact.params]
    for name, truth, ours, theirs in zip(names, *found, strict=True):
        error, rival = (float((each.double() - truth).detach().square().mean().sqrt()) for each in (ours, theirs))
        problem = f"{name} or its gradient in float32: error {error:.2g}, the reference's {rival:.2g}"
        require(error <= SINGLE * rival, problem)


def check_training(
    kernel: Kernel,
    node: Mapping[str, Any],
    *,
    tasks: Sequence[Task] = (),
    num_layers: int = 2,
    tolerance: float = EXACT,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Training ends at the reference's weights and losses. `tasks` are toys, and `settings` those of training."""
    for task in tasks or (music_task(), text_task()):
        plain = run(node, task=task.spec.name, num_layers=num_layers, hidden_size=19)
        each = changed(plain, "train", **(settings or {}))
        found, expected = (_trained([each], task, on, torch.float64)[0] for on in (kernel, Reference()))
        where = f"after training on {task.spec.name}, against the reference"
        require_close(found.row, expected.row, tolerance, f"weights {where}")
        require_close(_losses(found), _losses(expected), tolerance, f"losses {where}")


def _losses(member: Member) -> Tensor:
    """Return a member's curve, a row for each evaluation."""
    return torch.tensor([dataclasses.astuple(point) for point in member.curve], dtype=torch.float64)


def check_members_alone(
    kernel: Kernel, node: Mapping[str, Any], *, n_members: int = 5, dtype: torch.dtype = torch.float32
) -> None:
    """A member among others has the bits that it has alone, with everything random switched on."""
    runs = [changed(noisy(seed, node), "optim", lr=0.01 * (1 + seed) / n_members) for seed in range(n_members)]
    together = _trained(runs, music_task(), kernel, dtype)
    for each, member in zip(runs, together, strict=True):
        (alone,) = _trained([each], music_task(), kernel, dtype)
        require_equal([alone.row], [member.row], f"weights of seed {each.seed} trained among {n_members}")
        require_equal(
            [part for part in (alone.best_row,) if part is not None],
            [part for part in (member.best_row,) if part is not None],
            f"best weights of seed {each.seed} trained among {n_members}",
        )
        require(alone.curve == member.curve, f"the curve of seed {each.seed} must be the same among {n_members}")


def _trained(runs: Sequence[Run], task: Task, kernel: Kernel, dtype: torch.dtype) -> list[Member]:
    validation: Split
    if isinstance(task.train, Stream):
        validation = dataclasses.replace(task.train, tokens=task.train.tokens[:MOST_TOKENS].clone())
    else:
        validation = dataclasses.replace(rolls(4, seed=9), n_given=task.train.n_given)
    return trained(runs, task, validation, Machine(kernel, CPU, dtype))


SEQUENCE_CHECKS: tuple[Callable[[SequenceKernel, Cell], None], ...] = (
    check_steps,
    check_cut,
    check_causality,
    check_independence,
    check_gradients_reach,
    check_finite_differences,
    check_gradients,
    check_arguments,
    check_without_gradients,
    check_single_precision,
)
"""What is asked of every kernel but the one that takes whole steps."""

TRAINING_CHECKS: tuple[Callable[[Kernel, Mapping[str, Any]], None], ...] = (check_training, check_members_alone)
"""What is asked of every kernel."""
