"""Random numbers by counter: each is a function of a key, an update, a place and its own number.

Philox4x32-10 of Salmon et al. 2011 (SC'11, doi 10.1145/2063384.2063405), whose counter is (block, place, update) and
whose key is a stream's seed. No generator has a state: nothing has to be saved, and what is drawn does not depend on
what was drawn before. The fused kernel draws the same numbers in C++ (`philox.h`).

Shapes: K members with a key and an update each, P places, n numbers for each. Numbers are in chunks of 64: word w of
block 16 c + l is number 64 c + 16 w + l.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.core.typing import Float, Int

WORDS, BLOCKS = 4, 16
CHUNK = WORDS * BLOCKS

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
"""The constants of Philox4x32: what its counter is multiplied by, and what its key grows by in each round."""

SEQUENCE = 1 << 8
"""What tells the places of two sequences of a batch apart; those of one are the places of its dropouts."""

N_ROUNDS = 10
LOW = 0xFFFFFFFF


def words(
    keys: Sequence[int], updates: Sequence[int], places: Sequence[int], n: int, device: torch.device
) -> Int[Tensor, "K P n"]:
    """Return n random words of 32 bits, as integers from 0 to 2**32 - 1, for each key at its update and each place."""
    n_chunks = -(-n // CHUNK)
    key, update = torch.tensor([keys, updates], dtype=torch.int64, device=device).view(2, -1, 1, 1)
    place = torch.tensor(places, dtype=torch.int64, device=device).view(-1, 1)
    block = torch.arange(n_chunks * BLOCKS, device=device)
    counter = torch.broadcast_tensors(block, place, update & LOW, update >> 32)  # (K, P, blocks) each
    found = torch.stack(philox(counter, (key & LOW, key >> 32)), dim=2)  # (K, P, 4, blocks)
    numbers: Tensor = found.unflatten(3, (n_chunks, BLOCKS)).transpose(2, 3).flatten(2)
    return numbers[:, :, :n]


def philox(counter: Sequence[Tensor], key: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return the four words of each block; all are integers of 64 bits that hold words of 32."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(N_ROUNDS):
        first, second = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]  # modulo 2**64
        c0, c1, c2, c3 = (second >> 32 & LOW) ^ c1 ^ k0, second & LOW, (first >> 32 & LOW) ^ c3 ^ k1, first & LOW
        k0, k1 = k0 + WEYL[0] & LOW, k1 + WEYL[1] & LOW
    return c0, c1, c2, c3


def normal(
    keys: Sequence[int], updates: Sequence[int], places: Sequence[int], n: int, device: torch.device
) -> Float[Tensor, "K P n"]:
    """Return n standard normal numbers in float64 for each key at its update and each place.

    By the transform of Box and Muller 1958 (doi 10.1214/aoms/1177706645): words 0 and 1 of a block make two numbers,
    and so do words 2 and 3. The largest is 5.8.
    """
    rounded = -(-n // CHUNK) * CHUNK
    first, second = words(keys, updates, places, rounded, device).unflatten(2, (-1, 2, 2, BLOCKS)).unbind(4)
    radius = (-2 * torch.log(((first >> 9).double() + 0.5) * 2.0**-23)).sqrt()
    angle = (second >> 8).double() * (2.0**-24 * 2 * math.pi)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=4).flatten(2)[:, :, :n]


def dropout_factors(
    keys: Sequence[int],
    updates: Sequence[int],
    place: int,
    rates: Sequence[float],
    size: tuple[int, int, int],
    like: Tensor,
) -> Float[Tensor, "K B T N"]:
    """Return 0 for a unit that dropout of a member's rate drops, else what keeps the mean, for (B, T, N) of them."""
    B, T, N = size
    drawn = words(keys, updates, places(place, B), T * N, like.device).view(-1, B, T, N)
    least = torch.tensor([int(rate * 2**32) for rate in rates], device=like.device).view(-1, 1, 1, 1)
    kept = torch.tensor([1 / (1 - rate) for rate in rates], dtype=like.dtype, device=like.device)
    return (drawn >= least) * kept.view(-1, 1, 1, 1)


def places(first: int, B: int) -> list[int]:
    """Return the places of the same numbers for each of B sequences."""
    return [first + SEQUENCE * b for b in range(B)]
