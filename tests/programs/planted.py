"""Planted cells through the whole procedure: one cell under two names, a worse one, and rates that miss the optimum.

    python -m tests.programs.planted [--replications 8] [--trials 4] [--updates 150]

Each is trained for real on JSB Chorales, with replications of the whole search, and the report's cards are printed.

- `twin` is the GRU with its gates written in another order: the same cell, with other initial weights. It must not be
  told apart from the GRU in more than one of twenty repetitions of this program.
- `deaf` is the GRU without a reset gate, whose update gate hears the input alone: worse, and it is printed by how many
  margins.
- `low` searches rates below the optimum of either cell: its best ones lie at the upper edge, and the card says so;
  `extended` goes on beyond it (`tune.extend`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.claims.cards import Compared
from bench.claims.claim import Comparison
from bench.report.inputs import prepared, read_inputs

HEAD = "name: {name}\ntitle: {name}\nsource: planted\nstates: [h]\nequations: |\n"
TWIN = """  z = sigmoid(x.z + U.z(h))
  r = sigmoid(x.r + U.r(h))
  n = tanh(x.n + r * U.n(h))
  h = n + z * (h - n)
"""
DEAF = """  z = sigmoid(x.z)
  n = tanh(x.n + U.n(h))
  h = n + z * (h - n)
"""
CELLS = {"twin": TWIN, "deaf": DEAF}
SPACES = {"planted": (8e-3, 2.5e-1), "low": (1e-3, 3e-2), "extended": (1e-3, 3e-2)}


def train(folder: Path, name: str, *, replications: int, trials: int, updates: int) -> None:
    """Carry out the whole procedure in a folder. Raises CalledProcessError."""
    low, high = SPACES[name]
    (folder / "cell").mkdir(exist_ok=True)
    for cell, equations in CELLS.items():
        text = HEAD.format(name=cell) + equations
        (folder / "cell" / f"{cell}.yaml").write_text(text, encoding="utf-8")
    (folder / "space").mkdir(exist_ok=True)
    space = f"optim:\n  lr: {{low: {low}, high: {high}, log: true}}\n"
    (folder / "space" / f"{name}_rates.yaml").write_text(space, encoding="utf-8")
    words = [
        *("-m", f"name={name}", "task=jsb_chorales", f"cell=gru,{','.join(CELLS)}", "hidden_size=24"),
        *(f"tune.n_trials={trials}", f"tune.replications={replications}"),
        *("optim.name=adam", "train.batch_size=16", f"train.max_updates={updates}", "train.max_epochs=0"),
        *("train.evaluate_every=25", "report=false"),
        f"space={name}_rates",
        f"tune.extend={str(name == 'extended').lower()}",
    ]
    subprocess.run([sys.executable, "-m", "bench", *words], cwd=folder, check=True, env=dict(os.environ))


def cards(folder: Path) -> dict[str, Compared | str]:
    """Return the card of each planted cell against the GRU."""
    found = prepared(read_inputs(folder))
    (label,) = set(found.summary["task_label"])
    return {cell: found.cards(Comparison((cell, "gru"), "loss", "hidden"))[label] for cell in CELLS}


def main() -> None:
    """Train, and print the cards."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replications", type=int, default=8)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--updates", type=int, default=150)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in SPACES:
            train(folder, name, **vars(arguments))
            for cell, found in cards(folder / "results" / name).items():
                if isinstance(found, str):
                    print(f"{name}, {cell}: {found}")
                    continue
                card = found.card
                margins = card.in_margins()
                print(
                    f"{name}, {cell} against the GRU: {card.word}; {margins.mean:.2f} margins "
                    f"[{margins.low:.2f}, {margins.high:.2f}] over {card.interval.n} replications. {found.edges}"
                )


if __name__ == "__main__":
    main()
