"""Endings: one vocabulary for Runs, trials, samplers and executors."""

from __future__ import annotations

from typing import get_args

from bench.core.endings import FINAL, RUN_ENDINGS, RUN_STATUSES, TRIAL_STATUSES, TrialEnding, trial_ending
from bench.results.status import RUN_STATES
from bench.sweep.executors.base import Delivery
from bench.tuning.search import OPTUNA_STATES


def test_a_run_has_six_endings_and_all_but_interrupted_are_recorded():
    assert RUN_ENDINGS == ("done", "pruned", "diverged", "timeout", "failed", "interrupted")
    assert RUN_ENDINGS[:5] == RUN_STATUSES
    assert RUN_ENDINGS[:3] == FINAL


def test_what_is_not_an_ending_of_a_run_has_a_word_of_its_own():
    assert set(TRIAL_STATUSES) - {*RUN_ENDINGS} == {"infeasible", "waiting"}
    assert set(get_args(Delivery)) & {*RUN_ENDINGS} == {"interrupted"}
    assert {*RUN_ENDINGS} < {*RUN_STATES}


def test_a_sampler_is_told_of_every_ending_in_words_that_optuna_has():
    assert {trial_ending(status) for status in TRIAL_STATUSES} == {*get_args(TrialEnding)} == OPTUNA_STATES.keys()
