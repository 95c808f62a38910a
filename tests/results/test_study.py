"""Studies on disk: whole or refused, and what is told from them."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from bench.core.digest import with_digest
from bench.core.errors import DataError
from bench.core.settings.search_space import space_of
from bench.results.study import Asked, Extension, StudyRecord, TrialOutcome, TrialRecord, best_of

SPACE = space_of({"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "name": {"choices": ["adam", "sgd"]}}})


def study(**changes) -> StudyRecord:
    fields = dict(
        key="ab", label="toy gru", task="toy", cell="gru", metric="nll", space=SPACE, sampler={"name": "random"},
        pruner={"name": "none"}, seed=0, seeds_per_trial=1, n_trials=3, settings={},
        trials=tuple(TrialRecord(n, {"optim.lr": 0.1 / (n + 1), "optim.name": "adam"}, (f"k{n}",)) for n in range(3)),
        finished=(2, 0),
    )  # fmt: skip
    return StudyRecord(**{**fields, **changes})


def test_a_study_comes_back_as_it_was_written():
    assert StudyRecord.from_json(study().to_json(), "here") == study()
    asked = Asked(study().trials[2], (1,))
    assert Asked.from_json(asked.to_json(), "here") == asked


@pytest.mark.parametrize(
    "broken",
    [
        study(metric="colour"),
        study(trials=study().trials[1:]),
        study(space={"optim.lr": dataclasses.replace(SPACE["optim.lr"], low=None)}),
        study(format=99),
    ],
    ids=["metric", "numbers", "space", "format"],
)
def test_what_is_no_study_is_refused_by_name(broken):
    with pytest.raises(DataError, match="bad data in here"):
        StudyRecord.from_json(broken.to_json(), "here")


def test_the_best_trial_is_the_first_of_the_best_scores_and_one_without_a_score_never():
    scores = [math.nan, 8.5, 8.5]
    assert best_of(study(), [TrialOutcome("done", score) for score in scores]).number == 1
    assert best_of(study(), [TrialOutcome("diverged")] * 3) is None


WIDER = Extension("optim.lr", "upper", 0.1, 3.0, ("gru",), 3, 2)


def test_a_study_that_was_widened_comes_back_with_the_range_as_wide_as_it_became():
    wider = study().with_extension(WIDER)
    assert StudyRecord.from_json(wider.to_json(), "here") == wider
    assert wider.space["optim.lr"].bounds == (1e-4, 3.0)
    assert (wider.n_trials, wider.n_wanted) == (3, 5)


def test_a_study_of_before_there_were_extensions_is_read():
    node = json.loads(study().to_json())
    del node["extensions"], node["digest"]
    assert StudyRecord.from_json(with_digest(node), "here") == study()


def test_an_extension_of_what_was_not_searched_is_refused():
    broken = study(extensions=(dataclasses.replace(WIDER, path="optim.name"),))
    with pytest.raises(DataError, match="extensions"):
        StudyRecord.from_json(broken.to_json(), "here")
