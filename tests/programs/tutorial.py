"""A tutorial: curves and tuning trials of a results folder, by pandas and seaborn.

`python -m tests.programs.tutorial` reads results that are committed; `... results/NAME curves.png` reads yours.
`gatebench` is there wherever gatebench is installed, by `make venv` or by pip; `help(gatebench.ResultFrames)` has every
column.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gatebench
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parents[2] / "results" / "jozefowicz2015_dropout"


def curves(results: gatebench.ResultFrames) -> Figure:
    """The validation loss of the confirmed runs by epoch, mean and range over replications, a panel for each task.

    Each row of `curves` has the settings of its run. Past the epoch at which a run stopped, the mean is of the others.
    """
    confirmed = results.curves[results.curves["phase"] == "confirm"]
    grid = sns.relplot(
        confirmed,
        x="epoch",
        y="validation",
        hue="cell",
        style="train.output_dropout" if "train.output_dropout" in confirmed else None,
        col="task",
        kind="line",
        errorbar=("pi", 100),
        facet_kws={"sharex": False, "sharey": False},
    )
    return grid.figure


def chosen(results: gatebench.ResultFrames) -> pd.DataFrame:
    """What the search of each cell chose: the learning rates of the best trials of its replications, and the scores."""
    best = results.trials[results.trials["is_best"]]
    by_study = best.groupby(["task", "study"])
    return by_study.agg(
        replications=("replication", "size"),
        smallest_lr=("optim.lr", "min"),
        median_lr=("optim.lr", "median"),
        largest_lr=("optim.lr", "max"),
        mean_validation=("score", "mean"),
    ).reset_index()


def tested(results: gatebench.ResultFrames) -> pd.DataFrame:
    """What is decided: each comparison of losses with its interval and its word; `over` what the difference changes."""
    losses = results.cards[results.cards["metric"] == "loss"]
    return losses[["task", "effect", "over", "mean", "low", "high", "n", "card"]].drop_duplicates()


def main(folder: Path = FOLDER, picture: Path = Path("curves.png")) -> None:
    """Draw the curves and print the tables of a results folder."""
    results = gatebench.load(folder)
    print(results)

    # One row for each run: group, filter and join them as any frame. Runs that diverged have no score.
    runs = results.runs[results.runs["phase"] == "confirm"]
    print(runs.groupby(["task", "cell", "status"])["test"].agg(["size", "mean", "std"]), end="\n\n")

    # One row for each trial of a search, with the settings that it tried.
    print(chosen(results).to_string(index=False, float_format="%.4g"), end="\n\n")

    # One row for each effect card: what the page of a report is read off.
    print(tested(results).to_string(index=False, float_format="%.3g"))

    curves(results).savefig(picture, dpi=150)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
