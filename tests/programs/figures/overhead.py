"""What asking and telling cost: a study of many trials without any training, against trials of one second.

    python -m tests.programs.figures.overhead [--trials 1000] [--workers 2]

Printed for each sampler: seconds that asking, judging and telling took in all (writing to disk included), per trial,
and as a share of the time that the workers would train.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.core.settings import MedianPruner, RandomSearch, Sampler, Tpe
from tests.tuning.simulated import N_EPOCHS, command, curve, trials, write

SPACE = {
    "optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}, "alpha": {"low": 0.5, "high": 0.99}},
    "train": {"clip_norm": {"low": 0.1, "high": 10.0, "log": True}},
}
SAMPLERS: tuple[Sampler, ...] = (RandomSearch(), Tpe())


def overhead(sampler: Sampler, n_trials: int, directory: Path) -> float:
    """Return the seconds that a study takes besides its training."""
    each = command(n_trials=n_trials, sampler=sampler, space=SPACE, pruner=MedianPruner())
    seconds, started = 0.0, time.perf_counter()
    made = trials(directory, each)
    while pack := made.next_pack():
        (run,) = pack
        nats = curve(run)
        n_epochs = next((n for n in range(1, N_EPOCHS) if made.should_prune(run, nats[:n])), N_EPOCHS)
        seconds += time.perf_counter() - started
        write(directory, run, "done" if n_epochs == N_EPOCHS else "pruned", nats[:n_epochs])
        started = time.perf_counter()
        made.tell(run)
    made.close()
    return seconds + time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs.figures.overhead", description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    for sampler in SAMPLERS:
        with tempfile.TemporaryDirectory() as folder:
            seconds = overhead(sampler, asked.trials, Path(folder))
        share = seconds / (asked.trials / asked.workers)
        per_trial = 1000 * seconds / asked.trials
        print(f"{sampler.name}: {seconds:.1f} s for {asked.trials} trials, {per_trial:.1f} ms each, {share:.1%}")


if __name__ == "__main__":
    main()
