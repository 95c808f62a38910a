"""The joint schedule on a device beside a loop over torch.nn in cuDNN: `python -m bench.speed.gpu`.

Needs torch, numpy and PyYAML alone. The device is first checked against single members on the CPU in float64.
Prints a JSON object per line: the machine, the checks, and the times of each workload, cell and number of members.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.cells import Cell
from bench.core.errors import BenchError, UsageError
from bench.kernels import BPTT, Reference
from bench.speed.contenders import TORCH, batch_of, fresh_members
from bench.speed.peers import TorchPeer, layers_of
from bench.speed.timing import TURN_SECONDS, interleaved, paired, spread
from bench.speed.workloads import WORKLOADS, Workload, cells_named, chosen
from bench.training.batches import stack
from bench.training.evaluation import Machine, to_device
from bench.training.gradients import gradients
from bench.training.joint import Joint
from bench.training.joint.group import sequence_kernel
from bench.training.joint.recorder import Eager, Recorder
from bench.training.loop import Alone, member_of
from bench.training.member import Member
from bench.training.model import NO_DROPOUT, zero_state

RACED, CELLS, MEMBERS = ("music46", "char128"), ("gru", "lstm"), (1, 16, 128, 1024)
KERNEL = BPTT()

CHECKED_MEMBERS, CHECKED_STEPS = 3, 10
TOLERANCE = 1e-9
"""Largest difference in float64 that passes: of gradients, relative to the largest, and of weights."""

Line = dict[str, Any]


def main(words: Sequence[str] | None = None) -> int:
    """Check, time and print what was asked for; return the exit status, 1 where a check fails."""
    try:
        arguments = _arguments(words)
        has_passed = True
        for line in _lines(arguments):
            print(json.dumps(line, allow_nan=False), flush=True)
            has_passed &= line.get("passed", True)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0 if has_passed else 1


def check(workload: Workload, cell: Cell, device: torch.device, recorder: Recorder | None = None) -> Line:
    """Compare gradients and clipped Adam steps of joint members on a device with those alone on the CPU."""
    workload = dataclasses.replace(workload, members=CHECKED_MEMBERS)
    task, shape = workload.task(), workload.shape(cell)
    alone = Machine(Reference(), torch.device("cpu"), torch.float64)
    joint = Machine(KERNEL, device, torch.float64, is_joint=True)
    expected, found = (_gradients(workload, cell, place).cpu() for place in (alone, joint))
    error = float((found - expected).abs().max() / expected.abs().max())
    singles, members = fresh_members(workload, cell, alone), fresh_members(workload, cell, joint)
    schedules = Alone(singles, shape, task, alone), Joint(members, shape, task, joint, recorder)
    for _ in range(CHECKED_STEPS):
        for schedule in schedules:
            list(schedule.advance(most=1))
    pairs = zip(singles, members, strict=True)
    drift = max(float((single.row - member.row.cpu()).abs().max()) for single, member in pairs)
    return {
        "check": workload.name,
        "cell": cell.name,
        "gradient_error": error,
        "weight_error": drift,
        "passed": error <= TOLERANCE and drift <= TOLERANCE,
    }


def race(workload: Workload, cell: Cell, device: torch.device, rounds: int, recorder: Recorder | None = None) -> Line:
    """Time the joint step and, where torch.nn has the cell, the loop over torch.nn in turns, on members of one seed."""
    place = Machine(KERNEL, device, torch.float32, is_joint=True)
    members = _members_of_one_seed(workload, cell, place)
    schedule = Joint(members, workload.shape(cell), workload.task(), place, recorder)

    def advance() -> None:
        list(schedule.advance())

    steps = [advance]  # each step ends by reading losses, which waits for the device
    if layers_of(cell) is not None:
        batch = to_device(batch_of(members[0]), device)
        steps.append(TorchPeer(workload, cell, [member.row for member in members], batch).step)
    ours, *peers = interleaved(steps, rounds=rounds, clock="wall", turn_seconds=TURN_SECONDS, watch=lambda: None)
    milliseconds = spread([1e3 * each for each in ours])
    return {
        "workload": workload.name,
        "cell": cell.name,
        "K": workload.members,
        "kernel": KERNEL.name,
        "ms_per_step": milliseconds.median,
        "ms_iqr": milliseconds.quartiles,
        "member_steps_per_second": 1e3 * workload.members / milliseconds.median,
        **_against_torch_nn(ours, *peers),
    }


def _against_torch_nn(ours: Sequence[float], theirs: Sequence[float] | None = None) -> Line:
    """Return the times of torch.nn and how many times as fast ours are: None where it was not timed."""
    times = spread([1e3 * each for each in theirs]) if theirs else None
    ratio = paired(theirs, ours) if theirs else None
    return {
        "torch_nn_ms_per_step": times and times.median,
        "torch_nn_ms_iqr": times and times.quartiles,
        "ratio_to_torch_nn": ratio and ratio.median,
        "ratio_iqr": ratio and ratio.quartiles,
    }


def _lines(arguments: argparse.Namespace) -> Iterator[Line]:
    device = torch.device(arguments.device)
    recorder = Eager() if arguments.eager else None
    workloads = [WORKLOADS[name] for name in chosen(arguments.workloads or RACED, tuple(WORKLOADS), "workload")]
    cells = cells_named(arguments.cells, CELLS)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield _header(device, arguments)
    for workload in workloads:
        for cell in cells:
            yield check(workload, cell, device, recorder)
            for K in arguments.members:
                yield race(dataclasses.replace(workload, members=K), cell, device, arguments.rounds, recorder)


def _gradients(workload: Workload, cell: Cell, place: Machine) -> Tensor:
    """Return the gradients (K, P) of fresh members on their first batch."""
    members = fresh_members(workload, cell, place)
    task, shape = workload.task(), workload.shape(cell)
    batch = to_device(stack([batch_of(member) for member in members]), place.device)
    rows = torch.stack([member.row for member in members])
    return gradients(
        rows,
        shape,
        task=task,
        seen=(batch.inputs, batch.targets, batch.mask),
        divisor=torch.tensor(batch.n_units, device=place.device),
        state=zero_state(shape, len(rows), workload.batch_size, rows),
        kernel=sequence_kernel(place),
        drop=NO_DROPOUT,
    )[2]


def _members_of_one_seed(workload: Workload, cell: Cell, place: Machine) -> list[Member]:
    """Return members as tuning has them; an epoch of one batch is ordered once for all of them."""
    run, task, shape = workload.run(cell, 0), workload.task(), workload.shape(cell)
    optims = [dataclasses.replace(run.optim, lr=run.optim.lr / (1 + k)) for k in range(workload.members)]
    return [member_of(dataclasses.replace(run, optim=optim), shape, task, place) for optim in optims]


def _header(device: torch.device, arguments: argparse.Namespace) -> Line:
    is_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if is_cuda else device.type,
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if is_cuda else None,
        "peer": TORCH,
        "tf32": False,
        "graphs": is_cuda and not arguments.eager,
        "rounds": arguments.rounds,
    }


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speed.gpu", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--workloads", type=_names, default=(), help="of those of `bench speed`, by commas")
    parser.add_argument("--cells", type=_names, default=(), help=f"by commas (default: {','.join(CELLS)})")
    parser.add_argument("--members", type=_counts, default=MEMBERS, help="numbers of members, by commas")
    parser.add_argument("--rounds", type=_count, default=7)
    parser.add_argument("--eager", action="store_true", help="no CUDA graphs")
    arguments = parser.parse_args(words)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no such device; use --device cpu")
    return arguments


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {count}")
    return count


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(each) for each in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
