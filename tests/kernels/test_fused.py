"""The fused kernel does what the reference does: losses, gradients, optimisers, endings; alone or among others."""

from __future__ import annotations

import ctypes
import dataclasses
import math
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from bench.cells import cell_of, shipped, shipped_cell
from bench.core.disk import cache_dir
from bench.core.settings import InitSettings, OptimSettings
from bench.kernels import Reference
from bench.kernels.fused import Fused, build, missing
from bench.kernels.fused.build import BuildError, library_path
from bench.kernels.fused.check import problem
from bench.kernels.fused.interface import library, load
from bench.testing.kernels import check_members_alone, check_training
from bench.training.batches import Ragged, evaluation_batches, stack, training_batches
from bench.training.evaluation import evaluate
from bench.training.initial import initial_row
from bench.training.model import Dropout, zero_state
from bench.training.optim import FusedOptimiser, TorchOptimiser
from tests.kernels.stepwise import fused_gradients
from tests.toys import cell_node, machine, music_task, rolls, run, shape, text_task
from tests.training.test_loop import CELLS, UNBIASED

SINGLE = [{**cell, "biases": "single"} for cell in CELLS]
TANH = cell_of(cell_node("tanh"))


def on(kernel, dtype=torch.float64):
    return dataclasses.replace(machine(dtype), kernel=kernel)


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
@pytest.mark.parametrize("cell", [*CELLS, *SINGLE, *UNBIASED], ids=str)
def test_training_ends_at_the_references_weights_and_losses(cell, task, num_layers):
    check_training(Fused(), cell, tasks=[task], num_layers=num_layers)


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
def test_dropout_and_noise_are_the_references(cell, task):
    settings = {"weight_noise": 0.05, "dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.3}
    check_training(Fused(), cell, tasks=[task], num_layers=3, tolerance=1e-11, settings=settings)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_member_among_sixteen_has_the_bits_it_has_alone(cell):
    check_members_alone(Fused(), cell, n_members=16)


def test_padding_changes_no_bit():
    task = music_task()
    each = run(hidden_size=19)
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float32)
    batches = training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float32)
    alone = [batches.batch(0, i) for i in range(2)]
    joined = stack(alone)
    rows = torch.stack([row, row])
    state = zero_state(shape_, 2, joined.mask.shape[1], rows)
    nats, grads = fused_gradients(rows, shape_, "bernoulli", joined, state)
    for k, batch in enumerate(alone):
        state = zero_state(shape_, 1, batch.mask.shape[1], rows)
        found, grad = fused_gradients(row[None], shape_, "bernoulli", batch, state)
        assert torch.equal(found[0], nats[k])
        assert torch.equal(grad[0], grads[k])


@pytest.mark.parametrize("rates", [(0.0, 0.0, 0.0), (0.2, 0.3, 0.4)], ids=str)
def test_sequences_before_padding_give_the_bits_of_a_padded_batch(rates):
    task = music_task()
    each = run("lstm", hidden_size=19, num_layers=2)
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float32)
    batches = training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float32)
    found = []
    for batch in (batches.ragged(0, 1), batches.batch(0, 1)):
        drop = Dropout((rates,), (1,), (3,))
        state = () if isinstance(batch, Ragged) else zero_state(shape_, 1, batch.mask.shape[1], row[None])
        found.append(fused_gradients(row[None], shape_, "bernoulli", batch, state, drop))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("task", [music_task(), text_task(tracks=3)], ids=["music", "text"])
@pytest.mark.parametrize("sizes", [{"batch_size": b, "window": w} for b in (1, 3) for w in (1, 7, 1000)], ids=str)
def test_scores_do_not_depend_on_how_a_split_is_cut(task, sizes):
    each = run("lstm", task=task.spec.name, hidden_size=19)
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    expected, found = (
        evaluate(row[None], shape_, task, list(evaluation_batches(task.train, tracks=task.tracks, **cut)), on(kernel))[
            0
        ]
        for kernel, cut in ((Reference(), {"dtype": torch.float64}), (Fused(), {"dtype": torch.float64, **sizes}))
    )
    assert found == pytest.approx(expected, rel=1e-12)


OPTIMISERS = [
    {"name": "sgd"},
    {"name": "sgd", "weight_decay": 0.1},
    {"name": "sgd", "momentum": 0.9},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "rmsprop"},
    {"name": "rmsprop", "momentum": 0.9, "weight_decay": 0.1, "alpha": 0.95},
    {"name": "rmsprop", "eps": 1e-2, "eps_rule": "max"},
    {"name": "rmsprop", "clip_velocity": 0.5, "momentum": 0.9},
    {"name": "rmsprop", "eps": 1e-2, "eps_rule": "max", "clip_velocity": 0.2, "momentum": 0.5, "weight_decay": 0.1},
    {"name": "adam"},
    {"name": "adam", "weight_decay": 0.1, "beta1": 0.8, "eps": 1e-4},
    {"name": "adamw", "weight_decay": 0.1},
]


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
@pytest.mark.parametrize("settings", OPTIMISERS, ids=str)
def test_every_optimiser_is_torchs(settings, clip_norm):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(1000, generator=generator, dtype=torch.float64)
    rows = start.clone(), start.clone()
    chosen = OptimSettings(**settings)
    ours = FusedOptimiser(rows[0], chosen, clip_norm, library(TANH, torch.float64))
    theirs = TorchOptimiser(rows[1], chosen, clip_norm)
    for step in range(12):
        grad = torch.randn(1000, generator=generator, dtype=torch.float64) * 0.1**step
        norms = [each.step(grad.clone(), 0.1 / (1 + step)) for each in (ours, theirs)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-12)
        torch.testing.assert_close(rows[0], rows[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_what_is_not_finite_is_seen(cell, value):
    task = music_task()
    each = run(cell)
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float32)
    shape_.views(row[None])["readout.W"][0, 3, 2] = value
    batch = training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float32).batch(0, 0)
    state = zero_state(shape_, 1, batch.mask.shape[1], row[None])
    nats, grads = fused_gradients(row[None], shape_, "bernoulli", batch, state)
    assert not (torch.isfinite(nats).all() and torch.isfinite(grads).all())


def test_a_nan_in_the_recurrent_weights_reaches_the_loss():
    for name in ("layer0.U", "layer0.W", "layer0.b"):
        task = music_task()
        shape_ = shape(run("gru"), task)
        row = initial_row(shape_, InitSettings(), seed=0, output_bias=task.output_bias(), dtype=torch.float32)
        shape_.views(row[None])[name][0].view(-1)[0] = math.nan
        batch = training_batches(task, seed=0, batch_size=4, window=0, dtype=torch.float32).batch(0, 0)
        state = zero_state(shape_, 1, batch.mask.shape[1], row[None])
        nats, _ = fused_gradients(row[None], shape_, "bernoulli", batch, state)
        assert math.isnan(float(nats[0])), name


MODULES = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.mark.parametrize("cell", MODULES)
def test_single_precision_errs_at_most_twice_as_much_as_torch_nn(cell):
    """Gradients of 46 units over 100 steps, against double precision."""
    task = dataclasses.replace(music_task(), train=rolls(16, seed=3, longest=100))
    each = run(cell, hidden_size=46, init=InitSettings(scheme="torch"))
    shape_ = shape(each, task)
    row = initial_row(shape_, each.init, seed=0, output_bias=task.output_bias(), dtype=torch.float64)
    batch = training_batches(task, seed=0, batch_size=16, window=0, dtype=torch.float32).batch(0, 0)
    exact = whole_gradient(
        row, shape_, dataclasses.replace(batch, inputs=batch.inputs.double(), targets=batch.targets.double())
    )
    ours = whole_gradient(row.float(), shape_, batch)
    theirs = torch_gradient(cell, row.float(), shape_, task, batch)
    error, rival = ((each.double() - exact).abs().max() for each in (ours, theirs))
    assert float(error) <= 2 * float(rival)


def whole_gradient(row, shape_, batch):
    state = zero_state(shape_, 1, batch.mask.shape[1], row[None])
    return fused_gradients(row[None], shape_, "bernoulli", batch, state)[1][0]


def torch_gradient(cell, row, shape_, task, batch):
    from tests.cells.test_torch_equivalence import TorchModel

    model = TorchModel(shape_, row.double()).float()
    loss = task.nats(model(batch.inputs[0])[None], batch.targets, batch.mask).sum() / batch.n_units[0]
    loss.backward()
    grads = torch.zeros(1, shape_.row_size)
    for name, parameter in model.by_our_names(shape_).items():
        shape_.views(grads)[name][0] = parameter.grad
    return grads[0]


def build_tanh():
    return library_path(TANH, torch.float32)


def test_without_a_compiler_the_message_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("GATEBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BuildError, match=r"no C\+\+ compiler \(g\+\+\) was found"):
        build_tanh()


def test_a_compiler_that_fails_is_named_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("GATEBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "/bin/false")
    with pytest.raises(BuildError, match="/bin/false failed"):
        build_tanh()
    assert not list(tmp_path.rglob("*.so"))


@pytest.mark.parametrize("variables", [{"GATEBENCH_CACHE": "~/mine"}, {"GATEBENCH_CACHE": "", "XDG_CACHE_HOME": ""}])
def test_libraries_are_kept_in_the_cache_folder_that_data_are_kept_in(variables, monkeypatch, tmp_path):
    for name, value in {**variables, "HOME": str(tmp_path), "CXX": "/bin/false"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BuildError, match="/bin/false failed"):
        build_tanh()
    assert list((cache_dir() / "kernels").glob("tanh-*.lock"))
    assert cache_dir().is_relative_to(tmp_path)


def test_where_it_cannot_be_built_training_goes_on_with_another_kernel(tmp_path):
    code = "import torch; from bench.kernels import choose; from bench.cells import cell_of;"
    code += "print(choose('auto', cell_of({'name': 'gru', 'kind': 'gru'}), torch.device('cpu'), torch.float32).name)"
    environment = {"GATEBENCH_CACHE": str(tmp_path), "CXX": "/bin/false", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() not in ("", "fused")
    assert done.stderr.count("the fused kernel is not available: /bin/false failed") == 1


@pytest.mark.long
def test_eight_processes_that_start_at_once_build_it_once(tmp_path):
    """With a compiler that takes a second and no check: what is tried is who builds and who waits."""
    compiler = tmp_path / "compiler"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && exit\nsleep 1\nfor last; do :; done\necho built >"$last"\n')
    compiler.chmod(0o755)
    code = "import torch; from bench.cells import shipped_cell; from bench.kernels.fused import build;"
    code += "build._disagreement = lambda *words: '';"
    code += "print(build.library_path(shipped_cell('tanh'), torch.float32))"
    environment = {"GATEBENCH_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin", "CXX": str(compiler)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(8)
    ]
    answers = [process.communicate(timeout=900) for process in started]
    assert {process.returncode for process in started} == {0}
    assert len({out for out, _ in answers}) == 1
    assert sum("building the fused kernel" in said for _, said in answers) == 1
    (library,) = tmp_path.rglob("*.so")
    assert answers[0][0] == f"{library}\n"
    assert library.read_text() == "built\n"


def off_in_the_fifth_digit():
    """Return the library with the largest number of every gradient in single precision a little wrong."""
    right, wrong = library(TANH, torch.float32), load(build_tanh())

    def step(model, batch, row, gradient, scale, tally):
        code = right.step_batch(model, batch, row, gradient, scale, tally)
        if gradient:
            numbers = (ctypes.c_float * model.row_size).from_address(gradient)
            numbers[max(range(model.row_size), key=lambda i: abs(numbers[i]))] *= 1 + 3e-5
        return code

    wrong.step_batch = step
    return wrong


def test_the_library_is_right_and_one_that_is_off_in_the_fifth_digit_is_told():
    assert problem(library(TANH, torch.float32), TANH, torch.float32) == ""
    told = problem(off_in_the_fifth_digit(), TANH, torch.float32)
    assert re.fullmatch("from .* in float32: gradient of .* away from the reference.*", told)


def test_a_compiler_that_takes_nan_for_a_number_is_named_and_its_library_refused_for_good(monkeypatch, tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec g++ "$@" -O0 -ffast-math\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("GATEBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", str(compiler))
    for _ in range(2):
        with pytest.raises(
            BuildError, match=rf"what {compiler} -O3 .* built does not compute what it must: .* is NaN, but "
        ):
            build_tanh()
    assert not list(tmp_path.rglob("*.so"))
    assert (tmp_path / "calls").read_text().count("cell.cpp") == 1


def test_a_wrapped_compiler_that_answers_as_another_has_a_library_of_its_own(tmp_path):
    keys = set()
    for flags in ("", "-ffast-math"):
        compiler = tmp_path / f"compiler{flags}"
        compiler.write_text(f'#!/bin/sh\nexec g++ "$@" {flags}\n')
        compiler.chmod(0o755)
        keys.add(build._key(str(compiler), "", "float"))
    assert len(keys | {build._key("g++", "", "float")}) == 3


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_cell_is_built_and_is_the_references(name):
    for dtype in (torch.float32, torch.float64):
        assert missing(shipped_cell(name), dtype) == ""
