"""How many epochs a sampler that learns, with a pruner, takes to reach what random search finds in 30 trials.

    python -m tests.programs.figures.pruning [--seeds 5] [--cell gru] [--json] [words of the command ...]

Each study seed has its own random search and its own search by TPE with the median pruner; printed are the epochs
that either has trained when it first has a finished trial as good as the best of random search.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import results
from bench.results.study import StudyRecord, outcome_of

COMMON = ("task=jsb_chorales", "size=params", "size.num_params=20000", "space=lr", "train.max_epochs=100")
SEARCHES = {
    "random": (),
    "learning": ("tune/sampler=tpe", "tune/pruner=median"),
}


@dataclass(frozen=True)
class Row:
    """One study seed: the best of random search, and the epochs until it is reached."""

    seed: int
    best_of_random: float
    epochs_of_random: float
    best_of_learning: float
    epochs_of_learning: float
    epochs_until_as_good: float

    @property
    def ratio(self) -> float:
        """Epochs until as good, over all epochs of random search; infinite where it never is."""
        return self.epochs_until_as_good / self.epochs_of_random


def measured(seed: int, cell: str, n_trials: int, words: list[str]) -> Row:
    """Carry out both searches, or take them from their results, and compare them."""
    found = {}
    for name, own in SEARCHES.items():
        directory = f"pruning_{cell}_{name}_{seed}"
        budget = (f"tune.n_trials={n_trials}", f"tune.seed={seed}", "tune.confirm_seeds=0", "train.patience=10")
        command = [sys.executable, "-m", "bench", "-m", f"cell={cell}", *COMMON, *budget, *own, f"name={directory}"]
        subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL)
        (study,) = results.read_studies(Path("results") / directory).records
        found[name] = _course(study, Path("results") / directory)
    best = min(score for _, score in found["random"])
    reached = [epochs for epochs, score in found["learning"] if score <= best]
    return Row(
        seed,
        best,
        found["random"][-1][0],
        min(score for _, score in found["learning"]),
        found["learning"][-1][0],
        reached[0] if reached else math.inf,
    )


def _course(study: StudyRecord, directory: Path) -> list[tuple[float, float]]:
    """Return the epochs trained and the best score so far after each trial, in the order in which they were over."""
    records = {record.key: record for record in results.read(directory, curves=False).records}
    course, epochs, best = [], 0.0, math.inf
    for number in study.finished:
        outcome = outcome_of(study.trials[number], study.metric, records)
        epochs += outcome.n_epochs
        best = min(best, outcome.score) if math.isfinite(outcome.score) else best
        course.append((epochs, best))
    return course


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs.figures.pruning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--json", action="store_true")
    asked, words = parser.parse_known_args()
    rows = [measured(seed, asked.cell, asked.trials, words) for seed in range(asked.seeds)]
    if asked.json:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1))
        return
    for row in rows:
        print(
            f"seed {row.seed}: random {row.best_of_random:.4f} in {row.epochs_of_random:.0f} epochs; "
            f"learning {row.best_of_learning:.4f} in {row.epochs_of_learning:.0f}, as good after "
            f"{row.epochs_until_as_good:.0f} ({row.ratio:.2f})"
        )
    print(f"median ratio {statistics.median(row.ratio for row in rows):.2f}")


if __name__ == "__main__":
    main()
