"""Random numbers by counter: the published generator, normal numbers and dropout, and nothing shared between them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from bench.cells import shipped_cell
from bench.core.seeds import stream
from bench.kernels.draws import CHUNK, LOW, dropout_factors, normal, philox, places, words
from bench.kernels.fused.build import library_path
from bench.kernels.fused.check_noise import wrong_noise
from bench.kernels.fused.interface import load
from bench.training.noise import weight_noise
from tests.toys import changed, music_task, run, shape

CPU = torch.device("cpu")
N = 200_000

# Salmon, Moraes, Dror, Shaw 2011: the known answers that come with Random123, philox4x32 of 10 rounds
KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((LOW, LOW, LOW, LOW), (LOW, LOW), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_words_are_those_of_the_published_generator(counter, key, answer):
    found = philox([torch.tensor([word]) for word in counter], tuple(torch.tensor([word]) for word in key))
    assert tuple(int(word) for word in found) == answer


def test_the_counter_is_block_place_and_update_and_the_key_is_the_key():
    key, update, place = 2**62 + 5, 2**33 + 3, 7
    counter = (torch.tensor([18]), torch.tensor([place]), torch.tensor([3]), torch.tensor([2]))
    expected = philox(counter, (torch.tensor([5]), torch.tensor([2**30])))
    found = words([key], [update], [place], 2 * CHUNK, CPU)[0, 0]
    assert [int(found[CHUNK + 16 * w + 2]) for w in range(4)] == [int(word) for word in expected]


def test_fewer_numbers_are_the_first_of_more():
    more = normal([1], [2], [3], 200, CPU)
    assert torch.equal(normal([1], [2], [3], 67, CPU), more[:, :, :67])


def test_members_and_places_are_drawn_together_as_alone():
    together = words([1, 2], [5, 6], [0, 256], 70, CPU)
    for (k, (key, update)), (p, place) in itertools.product(enumerate([(1, 5), (2, 6)]), enumerate([0, 256])):
        assert torch.equal(together[k, p], words([key], [update], [place], 70, CPU)[0, 0])


def test_a_draw_is_fixed():
    found = normal([stream("weight_noise", seed=0)], [0], [0], 4, CPU)[0, 0].tolist()
    assert found == pytest.approx(
        [1.4259815030499985, -1.0001859516400455, -0.040720979227410026, 0.8797198070391324], rel=1e-12
    )


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    z = normal([3], [1], [0], N, CPU)[0, 0]
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert float((z**power).mean()) == pytest.approx(moment, abs=4 * math.sqrt(variance / N))
    share = float((z.abs() > 1.959964).double().mean())
    assert share == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / N))
    assert z.dtype == torch.float64


@pytest.mark.parametrize(
    ("one", "other"),
    [(([3], [1], [0]), ([4], [1], [0])), (([3], [1], [0]), ([3], [2], [0])), (([3], [1], [0]), ([3], [1], [1]))],
    ids=["seed", "update", "place"],
)
def test_neighbours_are_independent(one, other):
    """Correlations of numbers and of their squares, whose standard deviation is 1 / sqrt(N) where there is none."""
    pair = torch.stack([normal(*each, N, CPU)[0, 0] for each in (one, other)])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 4 / math.sqrt(N)
    assert abs(float(torch.corrcoef(pair**2)[0, 1])) < 4 / math.sqrt(N)


def test_numbers_of_a_draw_are_uncorrelated_with_those_after_them():
    z = normal([3], [1], [0], N, CPU)[0, 0]
    for lag in (1, 16, 32, 64):
        assert abs(float((z[:-lag] * z[lag:]).mean())) < 4 / math.sqrt(N - lag)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    factors = dropout_factors([3], [1], 0, [rate], (10, 20, N // 200), torch.zeros(1))
    assert factors.unique().tolist() == pytest.approx([0.0, 1 / (1 - rate)])
    assert float(factors.mean()) == pytest.approx(1, abs=4 * math.sqrt(rate / (1 - rate) / N))


def test_the_dropout_of_a_sequence_does_not_depend_on_how_it_is_padded():
    short, long = (dropout_factors([3], [1], 2, [0.5], (3, T, 7), torch.zeros(1)) for T in (5, 9))
    assert torch.equal(short, long[:, :, :5])
    assert places(2, 3) == [2, 258, 514]


def test_weight_noise_is_on_w_and_u_alone_and_of_its_standard_deviation():
    each = changed(run("lstm", hidden_size=40), "train", weight_noise=0.25)
    model = shape(each, music_task())
    found = model.views(weight_noise([each], [5], model, torch.zeros(1, model.row_size, dtype=torch.float64)))
    noisy = torch.cat([found[name].flatten() for name in ("layer0.W", "layer0.U")])
    assert float(noisy.std()) == pytest.approx(0.25, rel=0.03)
    assert not any(view.any() for name, view in found.items() if name not in ("layer0.W", "layer0.U"))
    assert not torch.equal(found["layer0.W"].flatten()[:100], found["layer0.U"].flatten()[:100])


@pytest.mark.parametrize("field", ["weight_key", "input_key", "drop_key", "weights", "inputs", "drop_between"])
def test_a_library_that_draws_other_noise_is_told(field):
    library = load(library_path(shipped_cell("tanh"), torch.float32))
    assert wrong_noise(library, shipped_cell("tanh"), torch.float32) == ""
    right = library.take_updates

    def take_updates(segment):
        noise = segment._obj.noise
        setattr(noise, field, getattr(noise, field) + 1 if "key" in field else 1.1 * getattr(noise, field))
        return right(segment)

    library.take_updates = take_updates
    assert wrong_noise(library, shipped_cell("tanh"), torch.float32).startswith("with noise in torch.float32: loss is ")
