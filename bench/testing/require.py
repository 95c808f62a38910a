"""How a check says that something is violated, also under `python -O`, which removes `assert`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def require(holds: bool, violation: str) -> None:
    """Raise AssertionError, which says what is violated, unless something holds."""
    if not holds:
        raise AssertionError(violation)


def require_close(
    found: Tensor | Sequence[Tensor], expected: Tensor | Sequence[Tensor], tolerance: float, what: str
) -> None:
    """Raise AssertionError where numbers differ by more than the tolerance, relative and absolute."""
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance, msg=lambda why: f"{what}: {why}")


def require_equal(found: Sequence[Tensor], expected: Sequence[Tensor], what: str) -> None:
    """Raise AssertionError where a bit differs."""
    same = len(found) == len(expected) and all(map(torch.equal, found, expected))
    require(same, f"{what}: must be the same bits")
