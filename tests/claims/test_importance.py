"""Importance: what was planted is found, and what was not is no more than chance."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from bench.claims.fanova import main_effects
from bench.claims.importance import Share, importance, quiet
from bench.core.settings.search_space import Dimension

SPACE = {
    "optim.lr": Dimension(low=1e-5, high=1e-1, log=True),
    "hidden_size": Dimension(low=20, high=200, whole=True, log=True),
    "cell": Dimension(choices=("gru", "lstm")),
}
FIXED = {"direction": "minimise", "evaluator": "fanova", "seed": 1, "n_resamples": 20}
ONCE = {**FIXED, "n_resamples": 1}


def trials(n: int = 20, *, seed: int = 0, lr: float = 0.0, cell: float = 0.0, noise: float = 0.1):
    """The same n draws for two cells; the score is a bowl in the learning rate times `lr` plus `cell` for the LSTM."""
    draw = np.random.default_rng(seed)
    rates = (10 ** draw.uniform(-5, -1, n)).tolist() * 2
    sizes = np.exp(draw.uniform(math.log(20), math.log(200), n)).round().astype(int).tolist() * 2
    cells = ["gru"] * n + ["lstm"] * n
    scores = [
        lr * (math.log10(rate) + 2.5) ** 2 + cell * (name == "lstm") + noise * draw.normal()
        for rate, name in zip(rates, cells, strict=True)
    ]
    return {"optim.lr": rates, "hidden_size": sizes, "cell": cells}, scores, [*range(n), *range(n)]


def shares(found: dict[str, Share]) -> dict[str, float]:
    return {name: share.interval.mean for name, share in found.items()}


def test_a_learning_rate_that_decides_everything_has_nearly_all_of_the_variance():
    settings, scores, blocks = trials(lr=1.0)
    found = importance(settings, scores, SPACE, **FIXED, blocks=blocks)
    assert shares(found)["optim.lr"] > 0.9
    assert found["optim.lr"].interval.low > 0.8
    assert found["optim.lr"].is_above_chance
    assert (found["optim.lr"].interval.n, len(found["optim.lr"].resampled)) == (40, 20)


def test_a_cell_that_is_all_that_differs_has_nearly_all_of_the_variance():
    settings, scores, blocks = trials(cell=1.0)
    found = importance(settings, scores, SPACE, **FIXED, blocks=blocks)
    assert shares(found)["cell"] > 0.9
    assert [name for name, share in found.items() if share.is_above_chance] == ["cell"]


def test_the_best_quarter_is_told_by_what_was_planted():
    settings, scores, blocks = trials(lr=1.0)
    found = importance(settings, scores, SPACE, **{**FIXED, "evaluator": "ped_anova"}, blocks=blocks)
    assert max(shares(found), key=shares(found).get) == "optim.lr"
    assert sum(shares(found).values()) == pytest.approx(1.0, rel=1e-9)


def test_of_scores_that_are_noise_nothing_is_above_chance_more_often_than_it_says():
    n_above = 0
    for seed in range(6):
        settings, scores, blocks = trials(seed=seed)
        found = importance(settings, scores, SPACE, **ONCE, blocks=blocks)
        n_above += sum(share.is_above_chance for share in found.values())
    # of 18 shares at a level of 5 %, more than 5 are there less than once in 2,000 tries
    assert n_above <= 5


def test_a_share_of_noise_is_not_small_which_is_why_chance_is_told():
    settings, scores, blocks = trials(seed=5)
    found = importance(settings, scores, SPACE, **ONCE, blocks=blocks)
    assert max(shares(found).values()) > 0.1


def test_scores_that_are_better_when_higher_give_the_shares_of_their_negatives():
    settings, scores, _ = trials(lr=1.0)
    turned = [-score for score in scores]
    for evaluator in ("fanova", "ped_anova"):
        same = {"evaluator": evaluator, "seed": 1, "n_resamples": 2}
        low = importance(settings, scores, SPACE, direction="minimise", **same)
        assert importance(settings, turned, SPACE, direction="maximise", **same) == low
        if evaluator == "ped_anova":
            assert importance(settings, turned, SPACE, direction="minimise", **same) != low


def test_the_same_seed_gives_the_same_shares():
    settings, scores, blocks = trials(lr=1.0)
    first, again = (importance(settings, scores, SPACE, **{**FIXED, "n_resamples": 5}, blocks=blocks) for _ in range(2))
    assert first == again


def test_a_logarithmic_range_is_judged_by_what_was_drawn_and_not_by_its_upper_decade():
    draw = np.random.default_rng(0)
    rates = (10 ** draw.uniform(-5, -1, 60)).tolist()
    others = draw.uniform(size=60).tolist()
    scores = [float(rate < 1e-3) + 0.5 * other for rate, other in zip(rates, others, strict=True)]
    space = {"optim.lr": SPACE["optim.lr"], "train.dropout": Dimension(low=0.0, high=1.0)}
    found = importance({"optim.lr": rates, "train.dropout": others}, scores, space, **ONCE)
    # half of the draws are on either side: the variances are 1/4 and 1/48, and a share of the raw range would be tiny
    assert shares(found)["optim.lr"] == pytest.approx(12 / 13, abs=0.05)


def test_equal_scores_have_shares_of_nothing():
    settings, scores, _ = trials()
    found = importance(settings, [1.0] * len(scores), SPACE, **ONCE)
    assert set(shares(found).values()) == {0.0}
    assert not any(share.is_above_chance for share in found.values())


def test_scores_that_are_not_finite_are_refused():
    settings, scores, _ = trials()
    with pytest.raises(ValueError, match="all finite"):
        importance(settings, [math.nan, *scores[1:]], SPACE, **FIXED)


def test_it_needs_no_torch():
    code = (
        "import sys; from bench.claims.importance import importance;"
        "from bench.core.settings.search_space import Dimension;"
        "x = [i / 20 for i in range(20)];"
        "importance({'a': x}, x, {'a': Dimension(low=0.0, high=1.0)}, direction='minimise', evaluator='fanova', seed=0,"
        " n_resamples=1);"
        "print([name for name in ('torch', 'hydra') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(("n", "n_columns", "n_trees"), [(30, 2, 16), (60, 4, 8), (40, 3, 1)])
def test_the_shares_of_the_forest_are_optunas(n, n_columns, n_trees):
    draw = np.random.default_rng(n)
    columns = draw.random((n, n_columns))
    columns[:, -1] = (np.arange(n) % 2 + 0.5) / 2  # a choice of two
    losses = (columns[:, 0] - 0.5) ** 2 + 0.3 * columns[:, -1] + 0.1 * draw.normal(size=n)
    with quiet():
        study = optuna.create_study()
        distributions = {str(i): FloatDistribution(0.0, 1.0) for i in range(n_columns)}
        for row, loss in zip(columns.tolist(), losses.tolist(), strict=True):
            params = {str(i): place for i, place in enumerate(row)}
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=loss))
        judge = FanovaImportanceEvaluator(n_trees=n_trees, max_depth=6, seed=3)
        theirs = get_param_importances(study, evaluator=judge, normalize=False)
    ours = main_effects(columns, losses, n_trees=n_trees, max_depth=6, seed=3)
    assert ours.tolist() == pytest.approx([theirs[str(i)] for i in range(n_columns)], rel=1e-12)


def test_a_forest_of_equal_losses_has_shares_of_nothing():
    columns = np.random.default_rng(0).random((20, 2))
    assert main_effects(columns, np.ones(20), n_trees=4, max_depth=6, seed=1).tolist() == [0.0, 0.0]
