"""The joint schedule: all members of a Population are computed at once, which suits a GPU.

The same operation as one member after another, in another order: a member's numbers are those that it has alone
within rounding, and not to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bench.tasks.base import Task
from bench.training.evaluation import Machine
from bench.training.joint.group import Group, sequence_kernel
from bench.training.joint.recorder import CudaGraphs, Eager, Recorder
from bench.training.joint.resident import Resident, Timetable
from bench.training.member import Member
from bench.training.model import Shape


class Joint:
    """Advances members in groups of one optimiser rule and one window each.

    On a CUDA device a group's step is recorded once for each length of a batch. Recording costs as much as many
    updates; so a group is rebuilt without its ended members only when half of its seats are empty.
    """

    def __init__(
        self,
        members: Sequence[Member],
        shape: Shape,
        task: Task,
        machine: Machine,
        recorder: Recorder | None = None,
    ) -> None:
        sequence_kernel(machine)
        self._model, self._machine = (shape, task), machine
        self._data = Resident.of(task.train, machine.device), Timetable(task)
        self._recorder = recorder or (CudaGraphs(machine.device) if machine.device.type == "cuda" else Eager())
        alike = groupby(sorted(members, key=_kind), key=_kind)
        self.groups = [self._group(list(group)) for _, group in alike]

    def advance(self, most: int | None = None) -> Iterator[Sequence[Member]]:
        """Take one update in each member that has not ended, yielding those that took theirs together.

        It is one at a time whatever `most` allows.
        """
        for group in self.groups:
            group.release()
        self.groups = [self._without_gaps(group) for group in self.groups if group.seated]
        for group in self.groups:
            group.update()
            yield tuple(group.seated.values())

    def _without_gaps(self, group: Group) -> Group:
        is_worth_it = 2 * len(group.seated) <= group.n_seats
        return self._group(tuple(group.seated.values())) if is_worth_it else group

    def _group(self, members: Sequence[Member]) -> Group:
        group = Group(members, self._model, self._data, self._machine, self._recorder)
        group.rehearse()
        return group


def _kind(member: Member) -> tuple[str, int]:
    return member.run.optim.name, member.run.train.window


__all__ = ["Joint"]
