"""Members computed at once have the numbers, the endings and the checkpoints that they have alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.core.errors import ConfigError
from bench.kernels import BPTT, Fused, Reference
from bench.training import checkpoint, evaluation, loop
from bench.training.batches import evaluation_batches
from bench.training.evaluation import evaluate
from bench.training.joint import Joint
from bench.training.joint.recorder import Eager
from bench.training.loop import member_of
from tests.toys import cell_node, changed, machine, music_task, noisy, rolls, run, shape, text_task, trained
from tests.training.joint.tape import Noted, Tape
from tests.training.test_loop import UNBIASED

TASKS = {"toy_music": music_task(), "toy_text": text_task(2)}
VALIDATION = {"toy_music": rolls(4, seed=9), "toy_text": TASKS["toy_text"].train}
CELLS = [
    *(cell_node(kind) for kind in ("gru", "lstm", "tanh")),
    cell_node("lstm", peepholes=True),
    cell_node("gru", reset="before"),
]
OPTIMS = [{"name": name} for name in ("sgd", "rmsprop", "adam", "adamw")]
CLOSE = {"rtol": 1e-10, "atol": 1e-10}
ALONE = dataclasses.replace(machine(), kernel=BPTT())
JOINT = dataclasses.replace(ALONE, is_joint=True)


def members_of(runs):
    task = TASKS[runs[0].task_name]
    return [member_of(each, shape(each, task), task, JOINT) for each in runs]


def train(runs, on=JOINT, **options):
    name = runs[0].task_name
    return trained(runs, TASKS[name], VALIDATION[name], on, **options)


def assert_close(found, expected):
    for left, right in zip(found, expected, strict=True):
        assert (left.status, left.reason, left.n_updates) == (right.status, right.reason, right.n_updates)
        assert left.best_update == right.best_update
        assert left.clock.units == right.clock.units
        torch.testing.assert_close(left.row, right.row, **CLOSE)
        torch.testing.assert_close(left.best_row, right.best_row, **CLOSE)
        for mine, theirs in zip(left.curve, right.curve, strict=True):
            assert dataclasses.asdict(mine) == pytest.approx(dataclasses.asdict(theirs), rel=1e-10)


def varied(task: str, **changes):
    """Return four Runs that differ in all that members of one shape may differ in but the window."""
    settings = [
        ({"name": "adam", "lr": 0.02}, {"batch_size": 4, "clip_norm": 0.1}),
        ({"name": "adam", "lr": 0.01, "beta1": 0.5, "schedule": "linear"}, {"batch_size": 3, "max_epochs": 3}),
        ({"name": "sgd", "lr": 0.3, "momentum": 0.9}, {"batch_size": 4, "patience": 1}),
        ({"name": "rmsprop", "lr": 0.003}, {"batch_size": 5, "max_epochs": 0, "max_updates": 7, "evaluate_every": 2}),
    ]
    return [
        changed(changed(run(task=task, seed=seed, **changes), "optim", **optim), "train", **train)
        for seed, (optim, train) in enumerate(settings)
    ]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("cell", [*CELLS, UNBIASED[0]], ids=str)
def test_members_with_settings_of_their_own_agree_with_members_alone(cell, task):
    runs = varied(task, cell=cell, num_layers=2)
    assert_close(train(runs), train(runs, ALONE))


@pytest.mark.parametrize("kernel", [BPTT(), Reference()], ids=lambda kernel: kernel.name)
def test_noise_and_dropout_are_those_of_a_member_alone(kernel):
    calm = run("gru", num_layers=2, seed=7)
    runs = [noisy(0), calm, changed(noisy(1), "train", dropout=0.0, input_noise=0.0, batch_size=3)]
    runs = [dataclasses.replace(each, num_layers=3) for each in runs]
    on = dataclasses.replace(JOINT, kernel=kernel)
    assert_close(train(runs, on), train(runs, dataclasses.replace(on, is_joint=False)))


def test_windows_of_unequal_length_are_computed_apart():
    runs = [
        changed(run("lstm", task="toy_text", seed=seed), "train", window=window) for seed, window in enumerate((9, 14))
    ]
    assert len(Joint(members_of(runs), shape(runs[0], TASKS["toy_text"]), TASKS["toy_text"], JOINT).groups) == 2
    assert_close(train(runs), train(runs, ALONE))


def joint_of(runs, recorder):
    task = TASKS[runs[0].task_name]
    return Joint(members_of(runs), shape(runs[0], task), task, JOINT, recorder)


@pytest.mark.parametrize("optim", OPTIMS, ids=str)
@pytest.mark.parametrize("task", TASKS)
def test_a_recorded_step_repeats_to_the_bit_in_the_same_memory(task, optim):
    dropped = {"dropout": 0.3, "weight_noise": 0.1, "input_noise": 0.1 if task == "toy_music" else 0.0}
    runs = [changed(run("lstm", task=task, seed=seed, num_layers=2), "optim", **optim) for seed in range(3)]
    runs = [changed(runs[0], "train", **dropped), *runs[1:]]
    tape = Tape()
    played, eager = joint_of(runs, tape), joint_of(runs, Eager())
    for _ in range(2 * 11):
        for one, other in zip(played.advance(), eager.advance(), strict=True):
            for mine, theirs in zip(one, other, strict=True):
                assert torch.equal(mine.row, theirs.row)
                assert mine.recent_nats == theirs.recent_nats
                assert all(torch.equal(*pair) for pair in zip(flat(mine.state), flat(theirs.state), strict=True))
    assert 1 <= tape.n_recorded <= 2


def flat(state):
    return [part for layer in state for part in layer]


def operations_of(group, length):
    with Noted() as noted:
        group._step(length)
    return [
        (func.name(), [arg for arg in [*args, *kwargs.values()] if not isinstance(arg, torch.Tensor)])
        for func, args, kwargs, _ in noted.operations
        if not any(isinstance(arg, (list, tuple)) and any(isinstance(x, torch.Tensor) for x in arg) for arg in args)
    ]


def test_a_step_has_the_same_operations_and_numbers_at_every_update():
    runs = [changed(run(seed=seed), "optim", schedule="linear") for seed in range(2)]
    joint = joint_of(runs, Eager())
    (group,) = joint.groups
    first = operations_of(group, 12)
    for _ in range(4):
        list(joint.advance())
    assert operations_of(group, 12) == first


def test_a_diverging_member_leaves_its_neighbours_numbers_alone():
    wild = changed(changed(run(seed=1), "optim", name="sgd", lr=1e308), "train", clip_norm=0.0)
    sane = [changed(run(seed=seed), "optim", name="sgd", lr=0.05) for seed in (0, 2)]
    found = train([sane[0], wild, sane[1]])
    (lost,) = train([wild], ALONE)
    assert (found[1].status, found[1].reason) == (lost.status, lost.reason)
    assert lost.status == "diverged"
    assert_close([found[0], found[2]], train(sane, ALONE))


def test_who_has_ended_leaves_and_half_empty_groups_are_put_together_anew():
    runs = [changed(run(seed=seed), "train", max_epochs=0, max_updates=1 + seed) for seed in range(8)]
    task = TASKS["toy_music"]
    members = members_of(runs)
    joint, sizes = Joint(members, shape(runs[0], task), task, JOINT), []
    while joint.groups:
        for together in joint.advance():
            sizes.append((len(together), joint.groups[0].n_seats))
            for member in together:
                if member.progress >= 1:
                    member.status = "done"
    assert sizes == [(8, 8), (7, 8), (6, 8), (5, 8), (4, 4), (3, 4), (2, 2), (1, 1)]
    for member in members:
        alone = member.row.untyped_storage().nbytes() == member.row.nbytes
        assert alone
        assert all(part.untyped_storage().nbytes() == part.nbytes for part in member.optimiser.state().values())


def test_who_is_pruned_between_two_updates_is_not_trained_further(monkeypatch):
    monkeypatch.setattr(loop, "SLICE_SECONDS", 0.0)
    runs = [run(seed=seed) for seed in range(3)]

    def watch(members):
        for member in members:
            if member.run.seed == 1 and member.n_updates == 2:
                member.status, member.reason = "pruned", "for a test"

    found = train(runs, watch=watch)
    assert [member.n_updates for member in found] == [6, 2, 6]
    expected = train([runs[1]], ALONE, watch=watch)[0]
    torch.testing.assert_close(found[1].row, expected.row, **CLOSE)


class KilledError(Exception):
    """Stands for the end of the process."""


def killed_after(n_updates, runs):
    """Return the members' checkpoints, as read from what was written, after so many updates."""
    taken = {}

    def watch(members):
        if members[0].n_updates == n_updates:
            for member in members:
                found = checkpoint.snapshot(member, {"cpu": "this one"})
                taken[member.run.key] = checkpoint._from_bytes(checkpoint._to_bytes(found), "here", member.run.key)
            raise KilledError

    with pytest.raises(KilledError):
        train(runs, watch=watch)
    return taken


@pytest.mark.parametrize("optim", OPTIMS, ids=str)
@pytest.mark.parametrize("task", TASKS)
def test_a_resumed_population_ends_at_the_same_bits(task, optim):
    runs = [changed(run("lstm", task=task, seed=seed), "optim", **optim, momentum=0.5) for seed in range(3)]
    expected = train(runs)
    for n_updates in (1, 4):
        taken = killed_after(n_updates, runs)
        resumed = train(runs, prepare=lambda member, taken=taken: checkpoint.restore(member, taken[member.run.key]))
        for left, right in zip(resumed, expected, strict=True):
            assert torch.equal(left.row, right.row)
            assert left.curve == right.curve


@pytest.mark.parametrize("task", TASKS)
def test_members_resumed_at_different_updates_agree_with_members_alone(task):
    runs = [noisy(seed) if task == "toy_music" else run("gru", task=task, seed=seed) for seed in range(3)]
    early, late = killed_after(1, runs), killed_after(4, runs)
    taken = {runs[0].key: early[runs[0].key], runs[1].key: late[runs[1].key]}

    def prepare(member):
        if member.run.key in taken:
            checkpoint.restore(member, taken[member.run.key])

    assert_close(train(runs, prepare=prepare), train(runs, ALONE))


def test_the_kernel_that_takes_members_one_by_one_is_refused():
    on = dataclasses.replace(JOINT, kernel=Fused())
    with pytest.raises(ConfigError, match="bad config at `kernel`: `fused` computes each member alone"):
        train([run()], on)


def test_scores_do_not_depend_on_how_many_members_are_evaluated_at_once(monkeypatch):
    task = TASKS["toy_text"]
    members = members_of([run("lstm", task="toy_text", seed=seed) for seed in range(5)])
    rows, shape_ = torch.stack([member.row for member in members]), shape(members[0].run, task)
    batches = list(evaluation_batches(task.train, tracks=2, dtype=torch.float64, window=20))
    expected = evaluate(rows, shape_, task, batches, JOINT)
    largest = max(batch.mask.numel() for batch in batches) * task.n_outputs
    for n_members in (0, 2):
        monkeypatch.setattr(evaluation, "LOGITS_AT_ONCE", n_members * largest)
        found = evaluate(rows, shape_, task, batches, JOINT)
        assert [pytest.approx(each, rel=1e-12) for each in found] == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("task", TASKS)
def test_members_on_a_device_agree_with_members_alone_on_the_cpu(task):
    runs = varied(task, cell="lstm", num_layers=2)
    found = train(runs, dataclasses.replace(JOINT, device=torch.device("cuda")))
    for member in found:
        member.row, member.best_row = member.row.cpu(), member.best_row.cpu()
    assert_close(found, train(runs, ALONE))
