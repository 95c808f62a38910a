"""One step of the fused kernel on a batch of its own, without the updates that it stands among."""

from __future__ import annotations

from ctypes import addressof, c_int64, c_void_p

import torch

from bench.kernels.fused import interface as c
from bench.training.batches import Ragged
from bench.training.gradients import batch_view, fused_model, packed_states
from bench.training.model import NO_DROPOUT


def fused_gradients(rows, shape, head, batch, state, drop=NO_DROPOUT):
    """Return each member's loss in nats (K,) and the gradient (K, P) of its mean loss."""
    grads, packed = torch.zeros_like(rows), packed_states(state)
    tallies = [c.Tally() for _ in rows]
    for k, tally in enumerate(tallies):
        view, kept = ragged_view(batch) if isinstance(batch, Ragged) else batch_view(batch, k, packed[k])
        kept += put_factors(view, shape, drop, rows)
        library = c.library(shape.cell, rows.dtype)
        c.step(library, fused_model(shape, head), view, rows[k], grads[k], 1 / batch.n_units[k], tally)
        del kept
    return rows.new_tensor([tally.nats for tally in tallies]), grads


def ragged_view(batch):
    """Return the library's view of sequences that need no copy, and what must live as long as it does."""
    B, T = len(batch.lengths), max(batch.lengths)
    lengths = (c_int64 * B)(*batch.lengths)
    sequences = (c_void_p * B)(*(frames.data_ptr() for frames in batch.frames))
    view = c.Batch(B=B, T=T, lengths=addressof(lengths), sequences=addressof(sequences), n_given=batch.n_given)
    return view, [lengths, sequences, *batch.frames]


def put_factors(view, shape, drop, like):
    """Add the dropout of one member to a view; return its factors."""
    if not drop.rates:
        return []
    widths = [shape.embedding_size or shape.n_inputs, *[shape.hidden_size] * shape.num_layers]
    factors = [drop.factors(place, (view.B, view.T, width), like) for place, width in enumerate(widths)]
    pointers = [None if each is None else each.data_ptr() for each in factors]
    view.drop_input, view.drop_output = pointers[0], pointers[-1]
    view.drop_between = (c_void_p * c.MOST_LAYERS)(None, *pointers[1:-1])
    return factors
