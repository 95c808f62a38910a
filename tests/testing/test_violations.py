"""The contract suites tell what is wrong with a cell, a kernel, a task or a sampler that breaks its contract."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.cells import Cell, shipped_cell
from bench.cells.base import Weight
from bench.core.settings import CmaEs, RandomSearch, Tpe
from bench.kernels import Fused, Reference
from bench.tasks.language_model import LanguageModel
from bench.tasks.piano_roll import PianoRoll
from bench.testing import cells, kernels, samplers, tasks
from bench.tuning import search
from tests.tasks.material import TEXT, write_table
from tests.toys import SENTENCE, cell_node, music_task, text_task

ROOT = Path(__file__).resolve().parents[2]


def test_the_suites_need_no_pytest_and_hold_without_asserts():
    code = (
        "import sys\n"
        "from bench.testing import cells, kernels, samplers, tasks\n"
        "from bench.testing.require import require\n"
        "print('pytest' in sys.modules)\n"
        "require(False, 'said')"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\n"
    assert done.stderr.endswith("AssertionError: said\n")


class Unlike:
    """Cells that break the contract, by what is said of each."""

    class Narrower(Cell):
        def weights(self, n_inputs, hidden_size):
            return {**super().weights(n_inputs, hidden_size), "W": Weight((1, n_inputs), "input")}

    class Mistaken(Cell):
        def weights(self, n_inputs, hidden_size):
            return {**super().weights(n_inputs, hidden_size), "U": Weight((hidden_size, hidden_size), "input")}

    class Double(Cell):
        def weights(self, n_inputs, hidden_size):
            return shipped_cell("tanh").weights(n_inputs, hidden_size)

    class Single(Cell):
        def weights(self, n_inputs, hidden_size):
            found = shipped_cell("tanh").weights(n_inputs, hidden_size)
            return {name: each for name, each in found.items() if name != "b_recurrent" or self.biases == "double"}

    class Promoting(Cell):
        def step(self, state, wx, params):
            return (super().step(state, wx, params)[0].double(),)

    class Overwriting(Cell):
        def step(self, state, wx, params):
            wx += 1
            return super().step(state, wx, params)

    class Normalising(Cell):
        def step(self, state, wx, params):
            (h,) = super().step(state, wx, params)
            return (h - h.mean((0, 1), keepdim=True),)


SAID = {
    "Narrower": r"W must be \(7, 5\) for 5 inputs and 7 units, got \(1, 5\)",
    "Mistaken": "the role of U must be recurrent, got input",
    "Double": r"with `biases: single` must be \['U', 'W', 'b'\], got \['U', 'W', 'b', 'b_recurrent'\]",
    "Single": r"with `biases: none` must be \['U', 'W'\], got \['U', 'W', 'b'\]",
    "Promoting": r"h must be \(3, 4, 6\) in torch.float32 after a step, got .*float64",
    "Overwriting": "the arguments of a step after it: must be the same bits",
    "Normalising": "a step of member 0 alone against among others",
}


@pytest.mark.parametrize("name", SAID)
def test_a_cell_that_breaks_the_contract_is_told(name, monkeypatch):
    def broken(node):
        cell = cell_of(node)
        return getattr(Unlike, name)(**{each.name: getattr(cell, each.name) for each in dataclasses.fields(cell)})

    cell_of = cells.cell_of
    monkeypatch.setattr(cells, "cell_of", broken)
    with pytest.raises(AssertionError, match=SAID[name]):
        cells.check_cell(cell_node("tanh"))


class Wrong(Reference):
    """The reference kernel with something done to what it is given or gives."""

    def __init__(self, before=lambda x: x, after=lambda x, state: (x, state)):
        self.before, self.after = before, after

    def run(self, cell, x, state, params):
        return self.after(*super().run(cell, self.before(x), state, params))


WRONG = {
    "check_steps": Wrong(after=lambda x, state: (x * (1 + 1e-9), state)),
    "check_cut": Wrong(after=lambda x, state: (x, tuple(2 * part for part in state))),
    "check_causality": Wrong(before=lambda x: x + x.flip(2)),
    "check_independence": Wrong(after=lambda x, state: (x - x.mean(0), state)),
    "check_gradients_reach": Wrong(before=lambda x: x.detach()),
    "check_finite_differences": Wrong(after=lambda x, state: (x + (x - x.detach()), state)),
    "check_gradients": Wrong(after=lambda x, state: (x + (x - x.detach()), state)),
    "check_arguments": Wrong(before=lambda x: x.data.mul_(2) + 0 * x),
    "check_without_gradients": Wrong(after=lambda x, state: (x if torch.is_grad_enabled() else x + 1, state)),
    "check_single_precision": Wrong(after=lambda x, state: (x.half().to(x.dtype), state)),
}


@pytest.mark.parametrize("check", kernels.SEQUENCE_CHECKS, ids=lambda check: check.__name__)
def test_a_kernel_that_breaks_the_contract_is_told(check):
    with pytest.raises(AssertionError):
        check(WRONG[check.__name__], shipped_cell("tanh"))


def test_a_kernel_that_trains_to_other_weights_is_told():
    wrong = Wrong(after=lambda x, state: (x * (1 + 1e-7), state))
    with pytest.raises(AssertionError, match="weights after training on toy_music, against the reference"):
        kernels.check_training(wrong, cell_node("tanh"), tasks=[music_task()])


def test_a_kernel_whose_numbers_depend_on_what_it_did_before_is_told():
    calls = []
    wrong = Wrong(after=lambda x, state: (calls.append(1) or x * (1 + 1e-3 * len(calls)), state))
    with pytest.raises(AssertionError, match="weights of seed 0 trained among 5: must be the same bits"):
        kernels.check_members_alone(wrong, cell_node("tanh"))


def test_a_kernel_is_checked_by_its_name():
    kernels.check_kernel(Fused.name, cell_node("tanh"))


def own_text(folder, **changes):
    (folder / "mine.txt").write_text(SENTENCE * 30, encoding="utf-8")
    node = {
        **{"name": "mine", "kind": "language_model", "version": 1, "title": "Mine", "licence": "mine"},
        **{"level": "character", "metric": "bits_per_char", "direction": "minimise"},
        "sources": [{"kind": "local", "file": "mine.txt"}],
        "settings": {"train": {"batch_size": 32, "window": 100, "max_epochs": 5}, "optim": {"lr": 0.002}},
    }
    return {**node, **changes}


def test_a_task_of_ones_own_keeps_the_contract(tmp_path):
    tasks.check_task(own_text(tmp_path), str(tmp_path))
    tasks.check_task(own_text(tmp_path, tracks=3), str(tmp_path))


def test_music_of_ones_own_keeps_the_contract(tmp_path):
    music = {"train": [[[60, 64], [62]], [[21], [108], [60], []]], "validation": [[[55]]], "test": [[[], [], [99]]]}
    for split, sequences in music.items():
        write_table(tmp_path / f"{split}.json", {"notes": sequences})
    sources = [{"kind": "local", **{split: f"{split}.json" for split in TEXT}}]
    node = own_text(tmp_path, kind="piano_roll", metric="nll", sources=sources)
    del node["level"]
    tasks.check_task(node, str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": ""}, "`title` must say something"),
        ({"settings": {"train": {"batch_size": 0}}}, "`settings` cannot be set: .*batch_size"),
        ({"settings": {"hidden_size": 4}}, r"`settings` must be train, optim or embedding_size, got \['hidden_size'\]"),
        ({"published": {"vocabulary": 7}}, "there must be 7 outputs as published, got 29"),
        ({"published": {"unigram_nats": 7}}, "the unigram loss on test must be 7.0 nats to 0.01 as published, got 3.1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_task_that_says_what_is_not_so_is_told(tmp_path, changes, said):
    with pytest.raises(AssertionError, match=said):
        tasks.check_task(own_text(tmp_path, **changes), str(tmp_path))


def test_a_task_that_others_are_to_repeat_must_pin_its_splits(tmp_path):
    spec = tasks.task_spec(own_text(tmp_path, description="that"), "task.mine")
    with pytest.raises(AssertionError, match="`statistics` must be of"):
        tasks.check_pinned(spec)


@pytest.fixture
def opened(tmp_path):
    return tasks.open_task(tasks.task_spec(own_text(tmp_path), "task.mine"), str(tmp_path))


def test_a_family_that_reads_whatever_its_statistics_say_is_told(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "open_task", lambda spec, data_dir: opened)
    with pytest.raises(AssertionError, match="a training split with other units than `statistics` say must be refused"):
        tasks.check_statistics_are_enforced(opened, str(tmp_path))


def test_a_split_that_is_another_at_every_reading_is_told(opened, monkeypatch):
    read, digests = LanguageModel.read, iter("abcdefgh")
    fresh = lambda self, split: dataclasses.replace(read(self, split), digest=next(digests) * 64)  # noqa: E731
    monkeypatch.setattr(LanguageModel, "read", fresh)
    with pytest.raises(AssertionError, match="train has another digest when it is read again"):
        tasks.check_splits(opened, {"train": opened.read("train")})


@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
def test_a_loss_that_counts_padding_is_told(task, monkeypatch):
    family = type(task)
    nats = family.nats
    monkeypatch.setattr(family, "nats", lambda self, logits, targets, mask: nats(self, logits, targets, mask | True))
    with pytest.raises(AssertionError, match="the loss with other logits in the padding"):
        tasks.check_padding(task)


@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
def test_a_baseline_that_is_not_the_loss_of_the_marginals_is_told(task, monkeypatch):
    family = type(task)
    stated = family.baseline
    more = lambda self, split: {name: 1.01 * each for name, each in stated(self, split).items()}  # noqa: E731
    monkeypatch.setattr(family, "baseline", more)
    with pytest.raises(AssertionError, match="with batches of 0 and windows of 0, scores must be"):
        tasks.check_baseline(task, task.train)


def test_a_baseline_worse_than_to_know_nothing_is_told(monkeypatch):
    monkeypatch.setattr(PianoRoll, "baseline", lambda self, split: {"nats": 62.0, "nll": 62.0})
    with pytest.raises(AssertionError, match=r"the baseline on train must be at most 60\.99.* nats, got 62"):
        tasks.check_blind(music_task())


def test_a_task_that_keeps_its_training_split_is_told(monkeypatch):
    monkeypatch.setattr(PianoRoll, "with_train", lambda self, train: self)
    with pytest.raises(AssertionError, match="`with_train` must take the split that it is given"):
        tasks.check_epoch(music_task())


def test_a_sampler_that_draws_from_nowhere_is_told(monkeypatch):
    seeds = iter(range(10_000))
    monkeypatch.setattr(search.Search, "_drawn_seed", lambda self, number: next(seeds))
    with pytest.raises(AssertionError, match="9 trials must begin with those of a shorter study"):
        samplers.check_repeats(RandomSearch())
    with pytest.raises(AssertionError, match="a study rebuilt after 6 trials must go on with"):
        samplers.check_goes_on(RandomSearch())


def test_a_sampler_that_ignores_its_seed_or_repeats_itself_is_told(monkeypatch):
    monkeypatch.setattr(search.Search, "_drawn_seed", lambda self, number: 7)
    with pytest.raises(AssertionError, match="another seed must give other trials"):
        samplers.check_repeats(CmaEs(popsize=4))
    with pytest.raises(AssertionError, match="9 trials must be different, got 1"):
        samplers.check_space(RandomSearch())


def test_a_sampler_outside_the_space_is_told(monkeypatch):
    ask = search.Search.ask
    monkeypatch.setattr(search.Search, "ask", lambda self, params=None: ask(self, params) | {"hidden_size": 40})
    with pytest.raises(AssertionError, match=r"hidden_size must be int from 4 to 32, got 40"):
        samplers.check_space(RandomSearch())


def test_a_sampler_that_denies_that_it_learns_is_told(monkeypatch):
    monkeypatch.setattr(search, "LEARNING", ())
    with pytest.raises(AssertionError, match="it says that it does not learn, and trial 3 depends on scores"):
        samplers.check_learns(Tpe(n_startup_trials=3))


def test_a_sampler_that_learns_nothing_or_too_early_is_told(monkeypatch):
    monkeypatch.setattr(search.Search, "n_independent", 5)
    with pytest.raises(AssertionError, match="the first 5 trials must depend on no score; 3 does"):
        samplers.check_learns(Tpe(n_startup_trials=3))
    with pytest.raises(AssertionError, match="it says that it learns, and 21 trials depend on no score"):
        samplers.check_learns(Tpe(n_startup_trials=30))
