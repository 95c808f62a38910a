"""Initial weights: what each scheme says, equal for a seed whatever the precision."""

from __future__ import annotations

import pytest
import torch

from bench.cells.starts import start_of
from bench.core.errors import ConfigError
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


def test_the_output_bias_is_added_to_the_output_gate_alone():
    i, f, g, o = start(output_bias=-2.0)["layer0.b"].split(40)
    assert (o == -2.0).all()
    assert not torch.cat([i, f, g]).any()


def test_chrono_draws_one_time_for_each_unit_between_1_and_the_longest_dependency():
    i, f, g, o = start(chrono=200.0, forget_bias=0.5, hidden_size=300)["layer0.b"].split(300)
    time = (f - 0.5).exp()
    torch.testing.assert_close(i, -(f - 0.5))
    assert 1 <= float(time.min()) < 5
    assert 195 < float(time.max()) <= 199
    assert float(time.mean()) == pytest.approx(100, rel=0.1)
    assert not torch.cat([g, o]).any()
    (z,) = start("gru", chrono=200.0)["layer0.b"].split(40)[1:2]
    assert (z > 0).any()


def test_without_biases_all_other_weights_start_as_with_one():
    none, single = (start("gru", biases=biases) for biases in ("none", "single"))
    assert set(single) - set(none) == {"layer0.b"}
    for name, weight in none.items():
        assert torch.equal(weight, single[name])
    assert none["readout.b"].any()


def test_chrono_of_two_seeds_and_of_two_layers_differs():
    assert not torch.equal(start(chrono=50.0, seed=0)["layer0.b"], start(chrono=50.0, seed=1)["layer0.b"])


def test_the_recurrent_block_of_an_irnn_starts_at_the_identity():
    assert torch.equal(start("relu")["layer0.U"], torch.eye(40, dtype=torch.float64))


@pytest.mark.parametrize(
    ("value", "offset", "chrono", "sign"),
    [
        ("1.5", 1.5, 0.0, 1.0),
        ("-bias", -2.0, 0.0, 1.0),
        ("bias + 1 - chrono(T)", 3.0, 30.0, -1.0),
        ("chrono(0) - 0.5", -0.5, 0.0, 1.0),
    ],
)
def test_a_start_is_a_sum_of_numbers_fields_and_one_chrono(value, offset, chrono, sign):
    found = start_of("b.f", value, {"bias": 2.0, "T": 30.0}, "cell.start.b.f")
    assert (found.offset, found.chrono, found.sign) == (offset, chrono, sign)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1 2", "must be a sum of numbers, fields and chrono"),
        ("", "must be a sum of numbers, fields and chrono"),
        ("chrono(2)", "chrono takes 0 or a longest dependency of at least 3 steps, got 2"),
        ("chrono(9) - chrono(T)", "can hold one chrono"),
        ("baas", "`baas` is neither a number nor a field that is one; such fields: bias, T"),
        ("nan", "a number must be at most 1e.06, got nan"),
    ],
)
def test_a_start_that_is_none_is_refused(value, said):
    with pytest.raises(ConfigError, match=said):
        start_of("b.f", value, {"bias": 2.0, "T": 30.0}, "cell.start.b.f")


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
