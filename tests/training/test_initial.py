"""Initial weights: what each scheme says, equal for a seed whatever the precision."""

from __future__ import annotations

import pytest
import torch

from bench.core.settings import InitSettings
from bench.training.batches import evaluation_batches
from bench.training.evaluation import evaluate
from bench.training.initial import initial_row
from tests.toys import cell_node, machine, music_task, run, shape, text_task


def start(cell="lstm", *, scheme="orthogonal", dtype=torch.float64, hidden_size=40, seed=0, **fields):
    task = music_task()
    shape_ = shape(run(cell_node(cell, **fields), hidden_size=hidden_size), task)
    settings = InitSettings(scheme=scheme)
    row = initial_row(shape_, settings, seed=seed, output_bias=task.output_bias(), dtype=dtype)
    return {name: view[0] for name, view in shape_.views(row[None]).items()}


def test_recurrent_blocks_are_orthogonal_gate_by_gate():
    for block in start()["layer0.U"].split(40):
        torch.testing.assert_close(block @ block.mT, torch.eye(40, dtype=torch.float64))


@pytest.mark.parametrize(("scheme", "bound"), [("orthogonal", 0.1), ("zaremba2014", 0.1), ("torch", 40**-0.5)])
def test_input_weights_are_uniform_within_the_bound(scheme, bound):
    W = start(scheme=scheme)["layer0.W"]
    assert float(W.abs().max()) <= bound
    assert float(W.std()) == pytest.approx(bound / 3**0.5, rel=0.05)


def test_greff_weights_are_normal_with_the_scale():
    assert float(start(scheme="greff2017")["layer0.W"].std()) == pytest.approx(0.1, rel=0.05)


def test_the_forget_bias_is_added_to_the_forget_gate_alone():
    i, f, g, o = start(forget_bias=1.5)["layer0.b"].split(40)
    assert (f == 1.5).all()
    assert not torch.cat([i, g, o]).any()


@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
def test_an_untrained_model_scores_near_the_unigram_baseline(task):
    shape_ = shape(run(task=task.spec.name, hidden_size=20), task)
    row = initial_row(shape_, InitSettings(), seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    batches = list(evaluation_batches(task.train, tracks=1, dtype=torch.float64))
    (scores,) = evaluate(row[None], shape_, task, batches, machine())
    assert scores["nats"] == pytest.approx(task.baseline(task.train)["nats"], rel=0.03)


def test_both_precisions_start_from_the_same_numbers():
    wide, narrow = start(dtype=torch.float64), start(dtype=torch.float32)
    assert all(torch.equal(wide[name].float(), narrow[name]) for name in wide)


def test_seeds_differ():
    assert not torch.equal(start(seed=0)["layer0.W"], start(seed=1)["layer0.W"])
