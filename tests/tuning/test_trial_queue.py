"""Studies on their way: totals, restarts, trials that come to nothing, and Runs that studies share."""

from __future__ import annotations

import pytest

from bench import results
from bench.core.settings import GaussianProcess, MedianPruner, NoPruner, QuasiRandom, RandomSearch, Tpe, WilcoxonPruner
from tests.tuning.simulated import N_EPOCHS, command, curve, params, run_trials, states, trials, with_tune, write

TPE = Tpe(n_startup_trials=3)


@pytest.mark.parametrize("sampler", [RandomSearch(), QuasiRandom(), TPE, GaussianProcess(n_startup_trials=3)])
@pytest.mark.parametrize("pruner", [NoPruner(), MedianPruner(n_startup_trials=2)], ids=["to the end", "pruned"])
def test_a_study_that_is_stopped_again_and_again_has_the_trials_of_one_that_is_not(tmp_path, sampler, pruner):
    each = command(n_trials=10, sampler=sampler, pruner=pruner)
    whole = trials(tmp_path / "whole", each)
    run_trials(whole)
    for _ in range(5):
        made = trials(tmp_path / "parts", each)
        run_trials(made, 2)
        made.close()
    parts = trials(tmp_path / "parts", each)
    assert run_trials(parts) == []
    assert params(parts) == params(whole)
    assert states(parts) == states(whole)
    assert parts.runners[0].best == whole.runners[0].best
    assert ("pruned" in states(whole)) == (pruner != NoPruner())


def test_the_number_of_trials_is_a_total(tmp_path):
    for n_trials, n_new in ((4, 4), (4, 0), (9, 5)):
        made = trials(tmp_path, command(n_trials=n_trials, sampler=TPE))
        assert made.n_waiting == n_new
        assert len(run_trials(made)) == n_new
        made.close()
    assert states(made) == ["done"] * 9


def test_a_trial_that_was_asked_for_and_never_begun_is_not_forgotten(tmp_path):
    each = command(n_trials=8, sampler=TPE)
    first = trials(tmp_path, each)
    run_trials(first, 4)
    (run,) = first.next_pack()
    first._held.close()  # killed: nothing is written at the end
    again = trials(tmp_path, each)
    assert again.next_pack() == (run,)


@pytest.mark.parametrize("harm", ["removed", "damaged"])
def test_a_study_whose_file_is_lost_is_put_together_from_the_records_of_its_runs(tmp_path, harm, capsys):
    each = command(n_trials=9, sampler=TPE)
    whole = trials(tmp_path / "whole", each)
    run_trials(whole)
    made = trials(tmp_path / "parts", each)
    run_trials(made, 6)
    made.close()
    (path,) = (tmp_path / "parts").glob("studies/*/study.json")
    path.unlink() if harm == "removed" else path.write_text(path.read_text().replace("0", "1", 1))
    again = trials(tmp_path / "parts", each)
    run_trials(again)
    assert params(again) == params(whole)
    assert ("rebuilt from the records" in capsys.readouterr().err) == (harm == "damaged")


def test_only_one_process_tunes_a_study(tmp_path):
    made = trials(tmp_path, command())
    with pytest.raises(results.HeldError, match=r"study toy_music-gru-\w+ is being worked on by process"):
        trials(tmp_path, command())
    made.close()
    trials(tmp_path, command()).close()


def test_settings_that_cannot_be_trained_are_counted_and_not_tried(tmp_path):
    space = {"hidden_size": {"choices": [4, 900_000]}}
    made = trials(tmp_path, command(space=space, n_trials=12))
    trained = run_trials(made)
    n_infeasible = sum(trial["hidden_size"] == 900_000 for trial in params(made))
    assert 0 < n_infeasible < 12
    assert states(made).count("infeasible") == n_infeasible
    assert {run.hidden_size for run in trained} == {4}
    assert "this machine has" in next(trial.problem for trial in made.runners[0].record.trials if trial.problem)


def test_a_trial_that_diverged_is_over_and_never_the_best(tmp_path):
    made = trials(tmp_path, command(n_trials=6, sampler=TPE))
    trained = run_trials(made, status_of=lambda run: "diverged" if curve(run)[-1] < 8.5 else "done")
    assert states(made).count("diverged") == sum(curve(run)[-1] < 8.5 for run in trained) > 0
    assert made.runners[0].outcomes[made.runners[0].best.number].state == "done"


def test_a_trial_that_failed_is_tried_again_by_the_next_command(tmp_path):
    made = trials(tmp_path, command(n_trials=5))
    failing = run_trials(made, status_of=lambda run: "failed" if run.optim.lr > 0.01 else "done")
    n_failed = states(made).count("failed")
    made.close()
    again = trials(tmp_path, command(n_trials=5))
    assert len(run_trials(again)) == n_failed > 0
    assert states(again) == ["done"] * len(failing)


def test_every_cell_gets_the_same_draws_and_no_cell_is_ahead_of_the_others(tmp_path):
    made = trials(tmp_path, command("gru", sampler=TPE), command("tanh", sampler=TPE))
    asked = [run.cell_name for run in run_trials(made)]
    assert params(made, 0)[:3] == params(made, 1)[:3]
    assert all(abs(asked[:n].count("gru") - asked[:n].count("tanh")) <= 3 for n in range(len(asked)))


def test_studies_share_the_runs_that_they_have_in_common(tmp_path):
    made = trials(tmp_path, command(sampler=RandomSearch()), command(sampler=TPE))
    trained = run_trials(made)
    assert params(made, 0)[:3] == params(made, 1)[:3]
    assert len({run.key for run in trained}) == len(trained) == 8 + 8 - 3
    assert states(made, 0) == states(made, 1) == ["done"] * 8


def test_on_a_device_that_trains_many_together_many_are_asked_for_at_once(tmp_path):
    made = trials(tmp_path, command(n_trials=10, sampler=TPE), population=4)
    assert [len(pack) for pack in iter(made.next_pack, None)] == [3, 4, 3]


def test_a_pruned_trial_stands_only_where_runs_are_judged(tmp_path):
    judged = trials(tmp_path, command(n_trials=12, pruner=MedianPruner(n_startup_trials=2)))
    run_trials(judged)
    n_pruned = states(judged).count("pruned")
    judged.close()
    to_the_end = trials(tmp_path, command(n_trials=12))
    assert len(run_trials(to_the_end)) == n_pruned > 0
    assert states(to_the_end) == ["done"] * 12


def test_the_later_seeds_of_a_trial_that_is_worse_on_each_are_left_out(tmp_path):
    each = command(n_trials=4, seeds_per_trial=8, pruner=WilcoxonPruner(n_startup_steps=2))
    made = trials(tmp_path, each)
    trained = run_trials(made)
    assert len(trained) < 4 * 8
    assert "pruned" in states(made)
    assert made.runners[0].outcomes[made.runners[0].best.number].score == min(
        outcome.score for outcome in made.runners[0].outcomes if outcome.state == "done"
    )
    made.close()
    assert run_trials(trials(tmp_path, each)) == []


def test_a_pruned_trial_saves_epochs_and_says_so(tmp_path):
    made = trials(tmp_path, command(n_trials=12, pruner=MedianPruner(n_startup_trials=2)))
    run_trials(made)
    for outcome in made.runners[0].outcomes:
        assert (outcome.state == "pruned") == (outcome.n_epochs < N_EPOCHS)


def test_another_budget_is_the_same_study_and_another_pruner_is_not(tmp_path):
    keys = [
        trials(tmp_path / name, each).runners[0].record.key
        for name, each in (
            ("a", command()),
            ("b", with_tune(command(), n_trials=3, confirm_seeds=2, storage="sqlite://")),
            ("c", with_tune(command(), pruner=MedianPruner())),
            ("d", with_tune(command(), seed=1)),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_record_that_is_written_by_somebody_else_is_found(tmp_path):
    made = trials(tmp_path, command(n_trials=6, sampler=TPE))
    run = made._queue[0][0]
    made.close()
    write(tmp_path, run, "done", curve(run))
    again = trials(tmp_path, command(n_trials=6, sampler=TPE))
    assert run not in run_trials(again)
    assert states(again) == ["done"] * 6


@pytest.mark.parametrize("harm", [b"", b"{}", b"\x00", None], ids=["empty", "another", "bytes", "removed"])
def test_a_trial_that_was_asked_for_and_whose_file_is_damaged_is_told_from_its_run(tmp_path, harm):
    each = command(n_trials=8, sampler=TPE)
    first = trials(tmp_path, each)
    run_trials(first, 6)
    first._held.close()  # killed
    (path,) = tmp_path.glob("studies/*/trial-000004.json")
    path.unlink() if harm is None else path.write_bytes(harm)
    again = trials(tmp_path, each)
    assert len(run_trials(again)) in (2, 3)  # what came after the damage may not follow from what is left
    assert params(again)[:4] == params(first)[:4]
    assert states(again) == ["done"] * 8
