"""Verdicts by files: a job's Run tells its losses, whoever sent it judges, and nothing is left behind."""

from __future__ import annotations

import pytest

from bench import results
from bench.core.process import Stop
from bench.core.settings import Site
from bench.sweep.executors import jobs, prune_files
from bench.sweep.executors.base import Ended, FixedQueue
from bench.sweep.executors.jobs import Answer, Engine
from tests.toys import run

RUN = run(phase="tune")


class Strict(FixedQueue):
    """A queue that gives up a Run whose last loss is above 5."""

    def __init__(self, packs):
        super().__init__(packs)
        self.seen = []

    def should_prune(self, run, nats):
        self.seen.append(tuple(nats))
        return nats[-1] > 5


@pytest.fixture
def site(tmp_path):
    (tmp_path / "runs" / RUN.label).mkdir(parents=True)
    return Site(tmp_path, is_pruning=True)


def test_a_run_goes_on_until_it_is_judged_and_is_given_up_at_its_next_evaluation(site):
    job, desk = prune_files.JobQueue([], site), Strict([])
    assert not job.should_prune(RUN, [4.0])
    prune_files.judge([RUN], site, desk)
    assert not job.should_prune(RUN, [4.0, 6.0])
    prune_files.judge([RUN], site, desk)
    assert job.should_prune(RUN, [4.0, 6.0, 3.0])
    assert desk.seen == [(4.0,), (4.0, 6.0)]


def test_a_run_that_has_told_nothing_is_not_judged(site):
    desk = Strict([])
    prune_files.judge([RUN], site, desk)
    assert desk.seen == []


@pytest.mark.parametrize("text", ["", "{}", "[1", '["a"]', "[null]", "3"])
def test_losses_that_are_none_are_not_taken_for_any(site, text):
    (results.folder_of(site.directory, RUN) / prune_files.LOSSES).write_text(text)
    desk = Strict([])
    prune_files.judge([RUN], site, desk)
    assert desk.seen == []


def test_jobs_are_judged_while_they_are_out_and_leave_nothing_behind(site, monkeypatch):
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    folder, packs = results.folder_of(site.directory, RUN), prune_files.JobQueue([], site)
    (folder / prune_files.PRUNED).write_text("")  # of an earlier attempt

    class Trains:
        nats = ()

        def answer(self):
            self.nats = (*self.nats, 4.0 + len(self.nats))
            if not packs.should_prune(RUN, self.nats):
                return None
            return Answer([Ended(RUN, "lost", f"given up after {len(self.nats)}")])

        def stop(self): ...

        kill = stop

    stop = Stop()
    desk = Strict([(RUN,)])
    told = list(jobs.run_jobs(desk, site, stop, Engine(lambda packs: Trains(), 1, 1)))
    stop.close()
    assert told[-1] == Ended(RUN, "lost", "given up after 4")
    assert desk.seen[-1] == (4.0, 5.0, 6.0)
    prune_files.remove(folder)
    assert list(folder.iterdir()) == []
