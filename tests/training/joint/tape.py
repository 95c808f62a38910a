"""What a CUDA graph does, on any device: operations are noted once, with their memory, and repeated in it."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::is_nonzero"}
"""Operations whose outcome Python has to wait for."""


class Noted(TorchDispatchMode):
    """Notes every operation with its operands and results."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.name().split(".")[0] not in WAITING, f"a recorded step waits for the device: {func.name()}"
        results = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, results))
        return results


class Tape:
    """Records a step after some rehearsals, as CudaGraphs does, and repeats its operations in the same memory."""

    def __init__(self) -> None:
        self.n_recorded = 0

    def record(self, step):
        self.n_recorded += 1
        for _ in range(3):
            step()
        with Noted() as noted:
            step()
        return lambda: repeat(noted.operations)


def repeat(operations) -> None:
    """Repeat operations below autograd, whose backward passes are among them."""
    with torch._C._AutoDispatchBelowAutograd():
        for func, args, kwargs, results in operations:
            again = func(*args, **kwargs)
            for old, new in zip(tensors(results), tensors(again), strict=True):
                if old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                    old.copy_(new)


def tensors(tree) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
