"""Workloads: one unpadded batch per epoch, and a count of work that agrees with a hand count and with torch's."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.cells import shipped, shipped_cell
from bench.core.errors import UsageError
from bench.kernels import Reference
from bench.speed.contenders import batch_of, fresh_members, machine
from bench.speed.workloads import CELLS, WORKLOADS, cells_named, chosen
from bench.tasks.base import Task
from bench.training.torch_updates import TorchUpdates
from tests.speed.tiny import GRU, MUSIC, TANH, every_workload

# GFLOP of one step of one member, worked out apart from the code
PUBLISHED = {
    ("music36", "gru"): 0.064,
    ("music36", "lstm"): 0.081,
    ("music36", "tanh"): 0.032,
    ("music46", "gru"): 0.178,
    ("music100", "lstm"): 1.388,
    ("char128", "gru"): 1.573,
    ("ptb200", "gru"): 10.416,
    ("ptb200", "lstm"): 11.088,
}


@every_workload
def test_an_epoch_is_one_batch_of_the_stated_shape_without_padding(workload):
    (member, other) = fresh_members(workload, GRU, machine(Reference()))
    assert isinstance(workload.task(), Task)
    assert member.batches.n_per_epoch == 1
    for epoch in range(3):
        batch = member.batches.batch(epoch, 0)
        assert batch.mask.shape == (1, workload.batch_size, workload.length)
        assert batch.mask.all()
        assert not batch.is_carried
    assert not torch.equal(member.row, other.row)


def test_music_is_as_dense_as_real_music():
    member = fresh_members(WORKLOADS["music46"], TANH, machine(Reference()))[0]
    assert 88 * batch_of(member).targets.mean().item() == pytest.approx(4, abs=0.2)


def test_the_work_of_a_gru_on_music_equals_a_hand_count():
    # 18 frames; input 88 x 15 twice, recurrent 5 x 15 three times, readout 5 x 88 three times; two per multiply-add
    assert MUSIC.flops(GRU) == 2 * 18 * (2 * 88 * 15 + 3 * 5 * 15 + 3 * 5 * 88)


@pytest.mark.parametrize(("name", "cell"), PUBLISHED)
def test_the_work_equals_the_published_table(name, cell):
    assert WORKLOADS[name].flops(shipped_cell(cell)) / 1e9 == pytest.approx(PUBLISHED[name, cell], abs=5e-4)


@every_workload
@pytest.mark.parametrize("cell", [shipped_cell(name) for name in shipped()], ids=lambda cell: cell.name)
def test_the_work_equals_what_torch_counts_in_the_reference_kernel(workload, cell):
    member, task = fresh_members(workload, cell, machine(Reference()))[0], workload.task()
    shape = workload.shape(cell)
    updates = TorchUpdates(member, shape, task, machine(Reference()))
    with FlopCounterMode(display=False) as counter:
        updates.take(1, 0.0)
    # the gradient towards the zero initial state, or what is made of it alone, is counted here and not needed there
    made = cell.derivation.levels
    alone = [each for each in cell.program.products.values() if not made.get(each)]
    states = [each for each in alone if each.kind == "state" or not cell.program.own]
    rows = len(states) * workload.hidden_size
    unneeded = workload.num_layers * 2 * workload.batch_size * workload.hidden_size * rows
    assert counter.get_total_flops() == workload.flops(cell) - unneeded


def test_names_are_checked_and_repeats_dropped():
    assert chosen((), CELLS, "cell") == CELLS
    assert chosen(("lstm", "gru", "lstm"), CELLS, "cell") == ("lstm", "gru")
    with pytest.raises(UsageError, match="unknown cell `lstn`; did you mean `lstm`"):
        chosen(("lstn",), CELLS, "cell")


def test_cells_are_shipped_ones_or_those_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "mine.yaml").write_text("kind: gru\nreset: before\n")
    assert [cell.name for cell in cells_named(())] == list(CELLS)
    (mine,) = cells_named(("mine",))
    assert (mine.name, mine.kind, dict(mine.fields)) == ("mine", "gru", {"reset": "before", "chrono": 0.0})
    assert {cell.name for cell in cells_named(("all",))} == {*shipped(), "mine"}
    with pytest.raises(UsageError, match="unknown cell `gru_befor`; did you mean `gru_before`"):
        cells_named(("gru_befor",))
