"""Streams depend on what they declare, and on nothing else."""

from __future__ import annotations

import pytest

from bench.core.seeds import PARTS, stream


def test_a_stream_is_a_fixed_function_of_its_parts():
    assert stream("order", task="jsb", seed=0, epoch=1) == stream("order", epoch=1, seed=0, task="jsb")
    assert stream("order", task="jsb", seed=0, epoch=1) == 2647905019363605075


def test_streams_of_different_parts_or_purposes_differ():
    values = {stream("order", task="jsb", seed=s, epoch=e) for s in range(20) for e in range(20)}
    values |= {stream(what, seed=s) for what in ("dropout", "weight_noise") for s in range(20)}
    assert len(values) == 440


def test_the_data_order_cannot_see_the_cell():
    assert not {"cell", "hidden_size", "num_layers"} & set(PARTS["order"])
    with pytest.raises(ValueError, match="stream `order` depends on"):
        stream("order", task="jsb", seed=0, epoch=1, cell="gru")


def test_a_missing_part_is_refused():
    with pytest.raises(ValueError, match="stream `order` depends on"):
        stream("order", task="jsb", seed=0)
