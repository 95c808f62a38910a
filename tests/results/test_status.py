"""Status: every Run is counted once, in the state that it is in, and nothing is disturbed by looking."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from bench import results
from bench.cli.commands.status import describe
from bench.core.errors import UsageError
from bench.results.status import eta_seconds, status_of
from tests.cli.test_commands import said
from tests.cli.test_config import dispatch
from tests.report.fabricated import cost, failure, record, run

GROUP = ("made_up_music", "gru", 46, 1)


def states(directory):
    return {state: n for state, n in status_of(directory).counts.items() if n}


def files_in(directory):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def mixed(tmp_path):
    """A directory with one Run in every state; the one of seed 6 is held by this process."""
    runs = [run("gru", seed) for seed in range(9)]
    results.write_plan(tmp_path, runs)
    results.write(tmp_path, record(runs[0]))
    results.write(tmp_path, failure(runs[1], "pruned"))
    results.write(tmp_path, failure(runs[2], "diverged", "loss is not finite at update 3"))
    results.write(tmp_path, failure(runs[3], "timeout"))
    results.write(tmp_path, failure(runs[4]))
    results.folder_of(tmp_path, runs[5]).mkdir()
    results.write(tmp_path, record(runs[7])).write_text("torn")
    with results.held(tmp_path, runs[6]):
        yield tmp_path


def test_every_run_is_in_one_state_and_the_counts_add_up(mixed):
    status = status_of(mixed)
    assert status.counts == dict.fromkeys(status.counts, 1)
    assert len(status.runs) == 9
    assert status.groups == {GROUP: status.counts}


def test_a_smaller_repeat_forgets_nothing_of_the_larger_plan(tmp_path):
    runs = [run("gru", seed) for seed in range(4)]
    results.write_plan(tmp_path, runs)
    results.write_plan(tmp_path, runs[:2])
    assert states(tmp_path) == {"missing": 4}
    results.write_plan(tmp_path, [*runs, run("gru", 4)])
    assert states(tmp_path) == {"missing": 5}


def test_a_plan_of_other_runs_takes_the_place_of_the_one_before(tmp_path):
    results.write_plan(tmp_path, [run("gru", seed) for seed in range(4)])
    results.write_plan(tmp_path, [run("gru", 0), run("lstm", 0)])
    assert states(tmp_path) == {"missing": 2}


def test_looking_changes_no_file(mixed):
    before = files_in(mixed)
    status_of(mixed)
    assert files_in(mixed) == before


def test_a_failed_run_that_is_tried_again_is_running(tmp_path):
    results.write(tmp_path, failure(run()))
    assert states(tmp_path) == {"failed": 1}
    with results.held(tmp_path, run()):
        assert states(tmp_path) == {"running": 1}


def test_a_run_that_ends_while_it_is_looked_at_is_done_and_not_interrupted(tmp_path, monkeypatch):
    folder = results.folder_of(tmp_path, run())
    folder.mkdir(parents=True)
    monkeypatch.setattr(results, "holder", lambda folder: results.write(tmp_path, record(run())) and None)
    assert states(tmp_path) == {"done": 1}


def test_the_status_of_a_moved_directory_is_the_same(mixed):
    before = status_of(mixed).counts
    moved = mixed.rename(mixed.with_name("moved"))
    assert status_of(moved).counts == before
    moved.rename(mixed)


def test_without_a_plan_it_is_said_that_missing_runs_are_not_known(mixed):
    (mixed / "plan.json").unlink()
    assert "there is no plan.json, so it is not known which runs are missing" in describe(status_of(mixed))
    assert status_of(mixed).counts["missing"] == 0


def test_a_damaged_plan_is_named_and_not_fatal(mixed):
    (mixed / "plan.json").write_text("torn")
    assert f"bad data in {mixed / 'plan.json'}: not a plan" in describe(status_of(mixed))


def test_a_person_is_told_who_runs_what_failed_and_what_is_damaged(mixed):
    page = describe(status_of(mixed))
    holder = results.holder(results.folder_of(mixed, run("gru", 6)))
    assert "9 runs: 1 done, 1 pruned, 1 diverged, 1 timeout, 1 failed, 1 running, 1 interrupted" in page
    assert "1 damaged, 1 missing" in page
    assert f"{run('gru', 6).label}: {holder}" in page
    assert f"{run('gru', 4).label}: ValueError: made up" in page
    assert f"{run('gru', 2).label}: loss is not finite at update 3" in page
    assert f"bad data in {results.folder_of(mixed, run('gru', 7))}/record.json: not a run record" in page


def test_many_failures_are_told_by_their_reasons(tmp_path):
    for seed in range(30):
        results.write(tmp_path, failure(run("gru", seed), reason="out of memory" if seed else "killed"))
    page = describe(status_of(tmp_path))
    assert f"29 times, first {run('gru', 1).label}: out of memory" in page
    assert "1 time, first" in page
    for seed in range(30):
        results.write(tmp_path, failure(run("lstm", seed), reason=f"reason {seed}"))
    assert "and 12 more" in describe(status_of(tmp_path))


def test_a_damaged_file_set_aside_is_named(tmp_path):
    path = results.write(tmp_path, record(run()))
    path.write_text("torn")
    results.write(tmp_path, record(run()))
    assert f"set aside:\n  {path}.damaged-1" in describe(status_of(tmp_path))
    assert status_of(tmp_path).damaged == ()


def test_a_folder_that_is_no_runs_is_named(tmp_path):
    results.write(tmp_path, record(run()))
    (tmp_path / "runs" / "notes\x1b[2J").mkdir()
    status = status_of(tmp_path)
    assert len(status.damaged) == 1
    assert "not the directory of a run" in status.damaged[0]
    assert "\x1b" not in describe(status)


def test_the_time_left_is_the_mean_time_of_what_is_done_for_all_that_is_to_do(tmp_path):
    now = datetime(2030, 1, 1, tzinfo=UTC)
    runs = [run("gru", seed) for seed in range(6)]
    results.write_plan(tmp_path, runs)
    for each, seconds in zip(runs[:2], (50.0, 70.0), strict=True):
        ended = dataclasses.replace(record(each), cost=dataclasses.replace(cost(each), seconds=seconds))
        results.write(tmp_path, ended)
    assert eta_seconds(status_of(tmp_path).runs, now) is None
    with results.held(tmp_path, runs[2]), results.held(tmp_path, runs[3]):
        status = status_of(tmp_path)
        since = (now - timedelta(seconds=20)).isoformat()
        told = [
            each if each.holder is None else dataclasses.replace(each, holder=results.Holder("here", 1, since))
            for each in status.runs
        ]
        assert eta_seconds(told, now) == ((60 - 20) * 2 + 60 * 2) / 2
        assert "2 to do and 2 running" in describe(status)


def test_nothing_at_all_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no runs in .*; a sweep leaves them in results/NAME"):
        status_of(tmp_path)


def test_the_command_prints_the_status_as_json_and_needs_no_torch(tmp_path, capsys):
    results.write_plan(tmp_path, [run("gru", 0), run("gru", 1)])
    results.write(tmp_path, record(run("gru", 0)))
    found = json.loads(said(["status", str(tmp_path), "--json"], capsys))
    assert (found["counts"]["done"], found["counts"]["missing"]) == (1, 1)
    assert found["missing"] == [run("gru", 1).label]
    assert found["groups"][0]["hidden_size"] == 46
    assert (found["plan"], found["eta_seconds"]) == ("read", None)


def test_damage_is_in_the_exit_status(tmp_path, capsys):
    results.write(tmp_path, record(run())).write_text("torn")
    assert dispatch(["status", str(tmp_path)], capsys)[0] == 1
