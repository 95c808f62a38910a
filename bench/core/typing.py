"""Shape annotations: jaxtyping where it is installed (`make test-long` checks every call), plain tensors elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool as Bool
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import UInt8 as UInt8
else:
    try:
        from jaxtyping import Bool, Float, Int, UInt8
    except ImportError:  # a machine that has torch and numpy alone

        class Unchecked:
            """Stand-in whose subscript is its first argument: `Float[Tensor, "K B"]` is `Tensor`."""

            def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
                return item[0]

        Bool = Float = Int = UInt8 = Unchecked

__all__ = ["Bool", "Float", "Int", "UInt8"]
