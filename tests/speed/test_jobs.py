"""Jobs: this project and the plain script do the same training, and where ours spends its time adds up."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import math
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from bench.core.errors import BenchError, UsageError
from bench.core.settings import OptimSettings
from bench.kernels import Fused, Reference, supports
from bench.speed import plain
from bench.speed.jobs.contenders import Ours, plain_training
from bench.speed.jobs.job import CHUNG, JOBS, Data, Job
from bench.speed.jobs.measurement import JobPlan, as_text, measure_jobs
from bench.speed.jobs.shares import SHARES, shares_of
from bench.tasks.base import Stream
from bench.training.evaluation import Machine
from tests.speed.tiny import GRU, LSTM, TANH
from tests.toys import SENTENCE, music_task, rolls, text_task

ADAM = OptimSettings(lr=0.01)
MUSIC = Job("toy_music", "toy_music", 5, 3, ADAM, 1)
ALONE = Job("toy_alone", "toy_music", 5, 1, CHUNG, 1)
TEXT = Job("toy_text", "toy_text", 5, 4, ADAM, 1, num_layers=2, embedding_size=3, window=9)
EPOCHS = 3

CPU = torch.device("cpu")
FLOAT64 = Machine(Reference(), CPU, torch.float64)
FLOAT32 = Machine(Fused(), CPU, torch.float32)

every_job = pytest.mark.parametrize("job", [MUSIC, ALONE, TEXT], ids=lambda job: job.name)
every_cell = pytest.mark.parametrize("cell", [GRU, LSTM, TANH], ids=lambda cell: cell.name)


def data_of(job):
    """Return toy data of ten sequences of unequal length, or a text whose last window is shorter than the others."""
    if not job.embedding_size:
        return Data(music_task(), rolls(7, seed=2)).part(job.share, job.batch_size)
    task = text_task(tracks=3)
    tokens = task.vocabulary.encode(SENTENCE[::-1] * 3, "toy")
    return Data(task, Stream(tokens, task.vocabulary.before, "toy")).part(job.share, job.batch_size)


def both(job, cell, place):
    data = data_of(job)
    ours = Ours(job, cell, data, place)
    return ours, plain_training(job, cell, data, ours.member.row)


def curves(job, cell, place):
    """Return the validation losses of both contenders after each epoch, and both."""
    ours, theirs = both(job, cell, place)
    found = []
    for _ in range(EPOCHS):
        ours.epoch()
        theirs.epoch()
        found.append((ours.validation_nats, theirs.validation_nats, theirs.train_nats))
    assert [train for *_, train in found] == pytest.approx([point.train_nats for point in ours.member.curve], rel=1e-4)
    return [each[0] for each in found], [each[1] for each in found], ours, theirs


@every_job
@every_cell
def test_both_do_the_same_training(job, cell):
    expected, found, ours, theirs = curves(job, cell, FLOAT64)
    assert found == pytest.approx(expected, rel=1e-10)
    assert len(set(expected)) == EPOCHS
    weights = job.shape(cell, data_of(job).task).views(ours.member.best_row[None])
    best = dict(theirs.best_weights)
    torch.testing.assert_close(best["readout.weight"], weights["readout.W"][0], rtol=1e-8, atol=1e-10)
    assert theirs.best_nats == pytest.approx(ours.member.best_nats, rel=1e-10)


@every_job
@pytest.mark.parametrize("cell", [GRU, LSTM], ids=lambda cell: cell.name)
def test_both_do_the_same_training_in_the_compiled_kernel(job, cell):
    if not supports(FLOAT32.kernel, cell, CPU, torch.float32):
        pytest.skip("there is no C++ compiler")
    expected, found, *_ = curves(job, cell, FLOAT32)
    assert found == pytest.approx(expected, abs=1e-4, rel=0)


def test_the_plain_script_trains_under_noise_and_leaves_none_in_the_weights():
    job = dataclasses.replace(ALONE, weight_noise=0.5)
    _, noisy = both(job, GRU, FLOAT64)
    _, quiet = both(ALONE, GRU, FLOAT64)
    for training in (noisy, quiet):
        training.optimiser.param_groups[0]["lr"] = 0.0
        training.epoch()
    assert noisy.train_nats != pytest.approx(quiet.train_nats, rel=1e-3)
    assert noisy.validation_nats == pytest.approx(quiet.validation_nats, rel=1e-12)
    names = {name for name, weight in noisy.model.named_parameters() if any(weight is each for each in noisy.noisy)}
    assert names == {"layers.weight_ih_l0", "layers.weight_hh_l0"}


def test_the_plain_script_keeps_the_best_weights():
    _, training = both(MUSIC, GRU, FLOAT64)
    training.epoch()
    best, start = training.best_nats, {name: each.clone() for name, each in training.best_weights.items()}
    training.optimiser.param_groups[0]["lr"] = 10.0
    training.epoch()
    assert training.validation_nats > best == training.best_nats
    assert all(torch.equal(training.best_weights[name], start[name]) for name in start)
    assert not torch.equal(training.model.readout.weight, start["readout.weight"])


def test_the_plain_script_needs_torch_alone():
    imports = [node for node in ast.walk(ast.parse(Path(plain.__file__).read_text())) if hasattr(node, "names")]
    names = [getattr(node, "module", None) or node.names[0].name for node in imports]
    assert {name.split(".")[0] for name in names} <= {"torch"} | sys.stdlib_module_names


def test_the_plain_script_trains_on_two_files(tmp_path, capsys):
    paths = [tmp_path / name for name in ("train.txt", "validation.txt")]
    for path in paths:
        path.write_text(SENTENCE * 100)
    plain.main(*map(str, paths), "lstm")
    nats = [float(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(nats) == 5
    assert all(before > after for before, after in itertools.pairwise(nats))


NOISY = dataclasses.replace(MUSIC, weight_noise=0.1)


@pytest.mark.parametrize("place", [FLOAT64, FLOAT32], ids=lambda place: place.kernel.name)
def test_shares_of_the_time_add_up(place):
    if not supports(place.kernel, GRU, CPU, place.dtype):
        pytest.skip("there is no C++ compiler")
    ours, _ = both(NOISY, GRU, place)
    shares = shares_of(ours, "wall", least_seconds=0.0)
    assert tuple(shares) == SHARES
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in shares.values()) == isinstance(place.kernel, Fused)
    assert all(0 <= share < 1 for share in shares.values())
    assert ours.member.n_epochs == 1


def test_a_training_that_diverges_is_not_timed():
    ours, _ = both(MUSIC, GRU, FLOAT64)
    ours.member.row.fill_(math.nan)
    with pytest.raises(BenchError, match="training to time it failed: the training loss is not finite at update 1"):
        ours.epoch()


def test_a_measurement_has_the_rates_of_both_and_their_ratio(monkeypatch):
    monkeypatch.setattr("bench.speed.jobs.contenders.machine_for", lambda run, shape: FLOAT64)
    monkeypatch.setattr("bench.speed.jobs.measurement.shares_of", partial(shares_of, least_seconds=0.0))
    measured = measure_jobs(JobPlan((MUSIC, TEXT), (GRU, LSTM), rounds=3, clock="wall"), data_of)
    assert [(row["job"], row["cell"]) for row in measured.rows] == [
        (job.name, cell.name) for job in (MUSIC, TEXT) for cell in (GRU, LSTM)
    ]
    for row in measured.rows:
        train = data_of(MUSIC if row["job"] == MUSIC.name else TEXT).task.train
        assert row["units_per_turn"] == train.n_units
        assert 0 < row["iqr"][0] <= row["units_per_second"] <= row["iqr"][1]
        assert 0 < row["plain_iqr"][0] <= row["plain_units_per_second"] <= row["plain_iqr"][1]
        assert row["ratio_iqr"][0] <= row["ratio"] <= row["ratio_iqr"][1]
        assert row["nats"] == pytest.approx(row["plain_nats"], rel=1e-10)  # both had the same number of epochs
    page = as_text(measured)
    assert "wall time, 3 rounds" in page
    assert "frames" in page
    assert "characters" in page
    assert "plain torch" in page


def test_missing_data_are_found_before_anything_is_timed():
    def missing(job):
        if job is TEXT:
            raise UsageError("none")
        return data_of(job)

    with pytest.raises(UsageError, match="none"):
        measure_jobs(JobPlan((MUSIC, TEXT), (GRU,), rounds=1), missing)


def test_jobs_are_those_of_the_literature():
    shapes = {
        name: (job.task_name, job.hidden_size, job.num_layers, job.batch_size, job.window, job.weight_noise)
        for name, job in JOBS.items()
    }
    assert shapes == {
        "jsb": ("jsb_chorales", 46, 1, 1, 1, 0.075),
        "nottingham": ("nottingham", 46, 1, 16, 1, 0.0),
        "ptb_char": ("ptb_char", 128, 1, 32, 100, 0.0),
        "ptb_word": ("ptb_word", 200, 2, 20, 35, 0.0),
    }
