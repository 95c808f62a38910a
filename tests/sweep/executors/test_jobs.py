"""Jobs of an engine as such: what is told of Runs whose jobs answer, die, or never get to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench import results
from bench.core.errors import BenchError
from bench.core.process import Stop
from bench.core.settings import Limits, Site
from bench.sweep.executors import jobs
from bench.sweep.executors.base import Advanced, Ended, FixedQueue, Pack, Retried
from bench.sweep.executors.jobs import Answer, Engine
from bench.training.checkpoint import GENERATIONS
from tests.cli.test_config import dispatch
from tests.results.test_run import record

RECORDS = [replace(record(), key="", run=replace(record().run, seed=seed)) for seed in range(4)]
RECORDS = [replace(each, key=each.run.key) for each in RECORDS]
RUNS = [each.run for each in RECORDS]


class Script:
    """An engine whose jobs do what is written: each is a function of its Runs and the site that gives an answer."""

    def __init__(self, site, *acts):
        self.site, self.acts, self.handed, self.n_out, self.most_out = site, list(acts), [], 0, 0

    def submit(self, packs: Sequence[Pack]):
        self.handed.append([run.seed for pack in packs for run in pack])
        self.n_out += 1
        self.most_out = max(self.most_out, self.n_out)
        return Acted(self, [run for pack in packs for run in pack])


class Acted:
    def __init__(self, script, runs):
        self.script, self.runs, self.act = script, runs, script.acts.pop(0)

    def answer(self):
        answer = self.act(self.runs, self.script.site)
        self.script.n_out -= answer is not None
        return answer

    def stop(self):
        self.act = stopped

    def kill(self):
        self.act = stopped


def done(runs, site):
    for run in runs:
        results.write(site.directory, RECORDS[run.seed])
    return Answer([Ended(run, "recorded") for run in runs])


def mute(runs, site):
    done(runs, site)
    return Answer()


def begin(run, site, *, is_further=False):
    folder = results.folder_of(site.directory, run)
    with results.held(site.directory, run):
        if is_further:
            (folder / GENERATIONS[0]).unlink(missing_ok=True)
            (folder / GENERATIONS[0]).write_text(str(len(list(folder.iterdir()))))


def died(runs, site):
    begin(runs[0], site)
    return Answer(death="its job died")


def stopped(runs, site):
    begin(runs[0], site, is_further=True)
    return Answer([Ended(runs[0], "interrupted")])


def stuck(runs, site):
    begin(runs[0], site)
    return Answer()


def nothing(runs, site):
    return Answer(death="no such partition")


def running(runs, site):
    begin(runs[0], site)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 0.05)


@pytest.fixture
def stop():
    stop = Stop()
    yield stop
    stop.close()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, limits=Limits(retries=1))


def events(packs, site, stop, *acts, n_jobs=1, n_packs=1):
    script = Script(site, *acts)
    found = list(jobs.run_jobs(FixedQueue(packs), site, stop, Engine(script.submit, n_jobs, n_packs)))
    return [event for event in found if not isinstance(event, Advanced)], script


def test_every_run_ends_once_and_no_more_jobs_are_out_than_there_may_be(site, stop):
    told, script = events([(run,) for run in RUNS], site, stop, *[done] * 4, n_jobs=2)
    assert [event.run.seed for event in told] == [0, 1, 2, 3]
    assert {event.delivery for event in told} == {"recorded"}
    assert script.most_out == 2


def test_a_record_is_enough_whatever_the_job_says(site, stop):
    told, _ = events([tuple(RUNS)], site, stop, mute)
    assert told == [Ended(run, "recorded") for run in RUNS]


def test_packs_of_a_job_are_spread_when_few_are_left(site, stop):
    _, script = events([(run,) for run in RUNS], site, stop, done, done, n_jobs=2, n_packs=3)
    assert script.handed == [[0, 1], [2, 3]]


def test_a_run_under_which_jobs_die_is_lost_and_those_that_had_not_begun_are_not_blamed(site, stop):
    told, script = events([(RUNS[0],), (RUNS[1],)], site, stop, died, died, done, n_packs=2)
    assert told == [
        Retried(RUNS[0], "its job died"),
        Ended(RUNS[0], "lost", "its job died"),
        Ended(RUNS[1], "recorded"),
    ]
    assert script.handed == [[0, 1], [0, 1], [1]]


def test_a_run_that_comes_further_with_each_job_is_never_lost(site, stop):
    told, _ = events([(RUNS[0],)], site, stop, *[stopped] * 5, done)
    assert told == [Retried(RUNS[0], jobs.STOPPED)] * 5 + [Ended(RUNS[0], "recorded")]


def test_a_run_that_comes_no_further_in_the_time_of_a_job_is_lost(site, stop):
    told, _ = events([(RUNS[0],)], site, stop, stuck, stuck)
    assert told == [Retried(RUNS[0], jobs.STOPPED), Ended(RUNS[0], "lost", jobs.STOPPED)]


def test_what_a_job_says_of_runs_without_a_record_is_passed_on(site, stop):
    said = [Ended(RUNS[0], "held", "by another"), Ended(RUNS[1], "unsaved", "full"), Ended(RUNS[2], "lost", "killed")]
    told, _ = events([tuple(RUNS[:3])], site, stop, lambda runs, site: Answer(said))
    assert told == said


def test_an_engine_whose_jobs_begin_nothing_is_one_error_and_no_lost_runs(site, stop):
    with pytest.raises(BenchError, match="jobs end before they begin a run: no such partition"):
        events([(run,) for run in RUNS], site, stop, nothing, nothing)
    assert not (site.directory / "runs").exists()


def test_told_to_stop_what_has_begun_is_interrupted_and_the_rest_is_not_mentioned(site, stop):
    script = Script(site, running, running)
    sweep = jobs.run_jobs(FixedQueue((run,) for run in RUNS), site, stop, Engine(script.submit, 2, 1))
    assert isinstance(next(sweep), Advanced)
    stop.ask(15)
    told = [event for event in sweep if isinstance(event, Ended)]
    assert {event.run.seed for event in told} == {0, 1}
    assert {event.delivery for event in told} == {"interrupted"}


def test_a_record_from_before_is_not_taken_for_a_new_one(site, stop):
    failed = replace(RECORDS[0], outcome=replace(RECORDS[0].outcome, status="failed"))
    results.write(site.directory, failed)
    told, script = events([(RUNS[0],)], site, stop, stuck, done)
    assert told == [Retried(RUNS[0], jobs.STOPPED), Ended(RUNS[0], "recorded")]
    assert len(script.handed) == 2


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_missing_package_is_one_message_that_says_how_to_get_it(name, package, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bench.sweep.executors.find_spec", lambda package: None)
    monkeypatch.chdir(tmp_path)
    from tests.cli.test_config import GOOD
    from tests.toys import write_text_task

    write_text_task(tmp_path, GOOD)
    code, said = dispatch(["task=mine", f"executor={name}"], capsys)
    assert code == 2
    assert f"error: executor={name} needs the package {package}: pip install 'gatebench[{name}]'" in said
    assert not (tmp_path / "results").exists()
