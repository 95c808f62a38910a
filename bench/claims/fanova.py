"""Functional ANOVA over a random forest: the share of the variance that each column explains by itself.

The numbers are those of Optuna's `FanovaImportanceEvaluator`, which visits the tree anew for every cut of every column;
here all leaves are looked at together, which takes a tenth of its time.
Source: Hutter et al. 2014, ICML, An Efficient Approach for Assessing Hyperparameter Importance, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.typing import Float

Leaves = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lower and upper corners (n, D) of the boxes into which a tree cuts the unit cube, and its prediction (n,) in each."""


def main_effects(
    columns: Float[np.ndarray, "n D"], losses: Float[np.ndarray, "n"], *, n_trees: int, max_depth: int, seed: int
) -> Float[np.ndarray, "D"]:
    """Return the share of each column, of values in the unit interval: the mean over the trees that are not constant.

    Where all trees are, no column has a share.
    """
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(n_estimators=n_trees, max_depth=max_depth, random_state=seed).fit(columns, losses)
    shares = [_shares(*_leaves(estimator.tree_)) for estimator in forest.estimators_]
    known = [share for share in shares if share is not None]
    return np.asarray(np.mean(known, axis=0)) if known else np.zeros(columns.shape[1])


def _leaves(tree: Any) -> Leaves:
    """Return the leaves of a tree of scikit-learn; a node comes before its children."""
    low, high = np.zeros((tree.node_count, tree.n_features)), np.ones((tree.node_count, tree.n_features))
    features, thresholds = tree.feature.tolist(), tree.threshold.tolist()
    for node, (left, right) in enumerate(zip(tree.children_left.tolist(), tree.children_right.tolist(), strict=True)):
        if left < 0:
            continue
        low[[left, right]], high[[left, right]] = low[node], high[node]
        high[left, features[node]] = low[right, features[node]] = thresholds[node]
    is_leaf = tree.children_left < 0
    return low[is_leaf], high[is_leaf], tree.value[is_leaf, 0, 0]


def _shares(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """Return the variance of each column's marginal prediction, as a share of the variance; None if that is zero."""
    sizes = high - low
    volumes = sizes.prod(axis=1)
    mean = volumes @ values
    variance = volumes @ (values - mean) ** 2
    if not variance > 0:
        return None
    effects = []
    for column, size in enumerate(sizes.T):
        cuts = np.unique([*low[:, column], 1.0])
        middles = (cuts[:-1] + cuts[1:])[:, None] / 2
        is_within = (low[:, column] < middles) & (middles < high[:, column])  # (cuts, leaves)
        marginal = is_within @ (values * volumes / size)
        effects.append(np.diff(cuts) @ (marginal - mean) ** 2)
    return np.asarray(np.array(effects) / variance)
