"""How often effect cards err where the whole procedure is simulated: trials, the choice of the best, its confirmation.

    python -m tests.programs.calibration_end_to_end [--n 2000] [--json]

A search draws 30 or 10 random rates or a shifted lattice of 10 over the range of the study, or a lattice of 6 over a
decade and a half around the cell's best rate. R = 10 is ten replications of the procedure, each confirmed by one seed;
R = 1 is one search whose winner ten seeds confirm. The surfaces are all studies of the rate alone in `chung2014` and
`claims_small`, the margin is 1 %. What `--n 2000` gave, in % (standard error of 5 %: 0.5), each cell with draws of its
own, in brackets with shared ones:

============================  ===========  ===========  ===========  ==============
identical cells, 69 surfaces    30 random    10 random   10 lattice  6, 1.5 decades
============================  ===========  ===========  ===========  ==============
told apart, R=10: mean                2.9          2.9          3.0             3.1
told apart, R=10: worst               4.8          4.8          4.9             5.0
told apart, R=1: mean         14.3 (10.7)  26.2 (10.3)  17.8 (11.3)     17.9 (11.2)
told apart, R=1: worst        39.8 (25.1)  72.9 (25.0)  57.6 (29.5)     55.8 (28.4)
alike, R=10: mean             31.3 (33.9)  22.9 (34.4)  30.5 (33.9)     30.5 (33.8)
============================  ===========  ===========  ===========  ==============

Two cells of one task, the right side moved by a constant so that the expected losses of the procedures differ by
nothing, the margin or two margins, whichever side is better; a family is wrong where even one of its outcomes is:

================================  ============  ==============  ===========  ==============
two cells, 114 pairs                 30 random       10 random   10 lattice  6, 1.5 decades
================================  ============  ==============  ===========  ==============
told apart at no effect: mean              3.3             3.9          3.4             3.4
told apart at no effect: worst             5.5            16.9          5.5             5.5
coverage: mean                            95.7            95.5         95.9            95.8
coverage: lowest                          81.3            83.1         94.5            94.3
coverage of R=1: mean                     79.9            66.8         75.8            74.9
alike at the edge: worst                  18.7             4.6          3.4             5.5
wholly better at the edge: worst          18.9            17.0          4.5             5.5
two margins found: mean                   64.4            54.0         63.1            62.8
pairs where it is 80 or more                46         37 (40)           45              45
family of 4, null / edge / mixed   3.2/3.6/1.1  13.7/14.9/11.2  4.0/4.2/1.3     3.7/3.9/1.1
family of 8, null / edge / mixed  5.7/12.5/1.3   18.3/19.2/1.8  5.0/5.1/1.5     5.0/5.1/1.6
================================  ============  ==============  ===========  ==============

Over 20,000 sets the worst of `chung2014` are, for the lattices: told apart 5.3, alike at the edge 4.9, wholly better at
the edge 5.0, families of 4 4.0, of 8 5.5. What does not hold:

- Random rates. Where good rates lie at one end of the range alone, as the LSTM's on MuseData (10 draws) and on
  Piano-midi (30), a few searches fail by far, and ten replications mostly lack them: coverage 81 to 84.
- Two margins in 80 %: in 45 of 114 pairs. By task, at the worse sign, with one confirming seed and with the mean of
  three for each replication (of `chung2014` both sizes). R is that of the worst pair, "+" where it is larger, and
  of `chung2014` from the lowest median of a size:

======================================  ===========  =========  ============  ==============  ==========
lattice of 6, shared draws, % of data   sd, margins      found    R for 80 %  found, 3 seeds  R, 3 seeds
======================================  ===========  =========  ============  ==============  ==========
chung2014 JSB                                   0.4        100             6             100           6
chung2014 MuseData                         1.8, 1.9     76, 77      12 to 15          74, 79    12 to 15
chung2014 Nottingham                       2.3, 2.5     52, 64      15 to 25          76, 87     8 to 15
chung2014 Piano-midi                       1.6, 2.3     58, 67      15 to 20          56, 63    15 to 20
claims_small JSB, 100 / 30 / 10         0.4/1.4/1.6  100/92/67       6/10/30       100/98/76     6/6/20
claims_small Nottingham, 100 / 30 / 10  1.7/2.8/2.9   84/49/43      12/25/25        97/81/75     8/12/15
claims_small KJV, 100 / 30 / 10         1.9/2.9/6.4   60/31/10  60/120+/120+        74/52/19  30/120/120
======================================  ===========  =========  ============  ==============  ==========

- Coverage of 93 to 97 where one side's noise alone is very skewed or bimodal (a fifth of the seeds worse by 5 standard
  deviations). Differences of two such sides are symmetric, and tuned cells of the lattice of 6 are in between:

=========================  ======  =======  ===========  =============  ===========  =======
coverage by noise, R=10    normal  t, 3 df  lognormal 1  lognormal 1/2  exponential  bimodal
=========================  ======  =======  ===========  =============  ===========  =======
differences of this noise    96.1     96.6         90.8           94.3         94.4     91.1
both sides of this noise     96.2     96.4         96.9           96.2         96.2     95.7
two tuned cells, mean        95.8     95.8         96.1           95.9         95.7     95.6
two tuned cells, lowest      94.2     94.2         94.3           94.5         94.8     94.3
=========================  ======  =======  ===========  =============  ===========  =======
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, groupby
from pathlib import Path

import numpy as np

from bench.stats.paired import bounds
from tests.programs.calibration import NOISES, markdown
from tests.programs.surfaces import Search, Surface, read_surfaces
from tests.programs.tuned_pairs import (
    BETTER,
    WHOLLY,
    R,
    TunedPair,
    expected_loss,
    share_of_families_wrong,
    tuned_pair,
)

RESULTS = Path(__file__).resolve().parents[2] / "results"
DIRECTORIES = ("chung2014", "claims_small")

SEARCHES = (Search(30), Search(10), Search(10, is_lattice=True), Search(6, is_lattice=True, decades=1.5))
LAST = SEARCHES[-1]

FAMILIES = {"all null": (0.0,) * 8, "all at the edge": (1.0,) * 8, "mixed": (0.0, 1.0, 2.0, 5.0) * 2}
"""Effects of the tasks of a family, in margins; of a family of four the first four."""

LADDER = (6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120)
"""Numbers of replications that are tried."""

CONFIRMED = 3
"""Seeds that confirm the winner of a replication, beside the one of the other tables."""

Row = dict[str, float | str]
Pairs = list[TunedPair]


def bimodal(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return noise of a cell that in a fifth of the seeds ends worse by five standard deviations of the others."""
    return (draw.normal(size=shape) + 5 * (draw.random(shape) < 0.2) - 1) / math.sqrt(5)


def pairs_of(
    surfaces: Sequence[Surface], search: Search, n_sets: int, *, is_shared: bool, n_confirm: int = 1
) -> tuple[Pairs, Pairs]:
    """Return the pairs of every cell with itself, and those of two cells of one task."""
    means = {surface: expected_loss(surface, search) for surface in surfaces}

    def pair(left: Surface, right: Surface, seed: int) -> TunedPair:
        both = (means[left], means[right])
        how = {"is_shared": is_shared, "n_confirm": n_confirm, "seed": seed}
        return tuned_pair((left, right), search, n_sets, means=both, **how)

    groups = [list(group) for _, group in groupby(surfaces, key=lambda surface: surface.task)]
    others = [both for group in groups for both in combinations(group, 2)]
    same = [pair(surface, surface, seed) for seed, surface in enumerate(surfaces)]
    return same, [pair(*both, seed) for seed, both in enumerate(others, start=len(same))]


def above(rates: Sequence[float], limit: float, n_sets: int) -> int:
    """Return how many rates exceed a limit by more than three standard errors."""
    return sum(rate > limit + 3 * math.sqrt(limit * (1 - limit) / n_sets) for rate in rates)


def identical_row(pairs: Pairs, n_sets: int) -> Row:
    """Return how often two cells of one surface are told apart."""
    rates = [pair.share(0, BETTER) for pair in pairs]
    once = [pair.share(0, BETTER, is_once=True) for pair in pairs]
    return {
        f"R={R}": statistics.mean(rates),
        "worst": max(rates),
        "above 5 %": f"{above(rates, 0.05, n_sets)} of {len(rates)}",
        "R=1": statistics.mean(once),
        "R=1 worst": max(once),
        "R=1 above 5 %": f"{above(once, 0.05, n_sets)} of {len(once)}",
        "alike": statistics.mean(pair.share(0, ["alike"]) for pair in pairs),
    }


def effects_row(pairs: Pairs, n_sets: int) -> Row:
    """Return how often pairs of two cells that are moved to no effect, the edge and two margins are judged how."""
    apart = [pair.share(0, BETTER) for pair in pairs]
    edge = [max(pair.share(sign, ["alike"]) for sign in (-1, 1)) for pair in pairs]
    beyond = [max(pair.share(sign, WHOLLY) for sign in (-1, 1)) for pair in pairs]
    found = [pair.share_found() for pair in pairs]
    held = [pair.share_covered() for pair in pairs]
    return {
        "told apart at 0": statistics.mean(apart),
        "worst": max(apart),
        "above 5 %": f"{above(apart, 0.05, n_sets)} of {len(apart)}",
        "coverage": statistics.mean(held),
        "lowest": min(held),
        "R=1 coverage": statistics.mean(pair.share_covered(is_once=True) for pair in pairs),
        "alike at the edge": max(edge),
        "alike above 5 %": f"{above(edge, 0.05, n_sets)} of {len(edge)}",
        "wholly better at the edge": max(beyond),
        "two margins found": statistics.mean(found),
        "in 80 % or more": f"{sum(rate >= 0.8 for rate in found)} of {len(found)}",
    }


def power_rows(pairs: Pairs, confirmed: Pairs) -> list[Row]:
    """Return by task how often two margins are found, with one seed that confirms and with three, and by which R."""
    rows: list[Row] = []
    of_confirmed = {(pair.task, pair.cells): pair for pair in confirmed}
    for task, group in groupby(pairs, key=lambda pair: pair.task):
        of_task = list(group)
        thrice = [of_confirmed[task, pair.cells] for pair in of_task]
        found = [pair.share_found() for pair in of_task]
        spread = f"{statistics.median(pair.sd / pair.margin for pair in of_task):.1f}"
        row: Row = {"task": task, "pairs": str(len(of_task)), "sd in margins": spread}
        row |= {"found": statistics.mean(found), "lowest": min(found)}
        row |= {"wholly": statistics.mean(pair.share(2, WHOLLY) for pair in of_task), "R for 80 %": needed(of_task)}
        row |= {f"found, {CONFIRMED} seeds": statistics.mean(pair.share_found() for pair in thrice)}
        rows.append(row | {f"R for 80 %, {CONFIRMED} seeds": needed(thrice)})
    return rows


def needed(pairs: Pairs) -> str:
    """Return the median and the largest of the first R of a ladder at which two margins are found in 80 %."""
    found = [next((r for r in LADDER if pair.share_found(r) >= 0.8), math.inf) for pair in pairs]
    words = [f"above {LADDER[-1]}" if r == math.inf else f"{r:g}" for r in (statistics.median_high(found), max(found))]
    return " to ".join(dict.fromkeys(words))


def family_rows(same: Pairs, others: Pairs) -> list[Row]:
    """Return how often a family of the tasks of `chung2014` has a wrong outcome, at the worst pair of cells."""
    rows: list[Row] = []
    for name, pairs in (("identical cells", same), ("two cells", others)):
        chung = sorted((pair for pair in pairs if pair.task.startswith("chung2014")), key=lambda pair: pair.cells)
        families = [list(group) for _, group in groupby(chung, key=lambda pair: pair.cells)]
        for m in (4, 8):
            row: Row = {"pairs": name, "m": str(m)}
            for effects, each in FAMILIES.items():
                row[effects] = max(
                    share_of_families_wrong(family[:: len(family) // m], [sign * effect for effect in each[:m]])
                    for family in families
                    for sign in (-1, 1)
                )
            rows.append(row)
    return rows


def coverage_rows(surfaces: Sequence[Surface], n_sets: int) -> list[Row]:
    """Return by noise how often the interval holds the mean: of one side's noise, of both sides', of tuned cells."""
    rows: list[Row] = []
    noises: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {**NOISES, "bimodal": bimodal}
    pairs = [both for _, group in groupby(surfaces, key=lambda each: each.task) for both in [tuple(group)[:2]]]
    for name, noise in noises.items():
        if name == "two lognormal runs":
            continue  # the column of both sides has it
        draw = np.random.default_rng(3)
        one, other = noise(draw, (10 * n_sets, R)), noise(draw, (10 * n_sets, R))
        row: Row = {"noise": name, "one side's": covered(one), "both sides'": covered(one - other)}
        tuned = []
        for seed, (left, right) in enumerate(pairs):
            means = (expected_loss(left, LAST, noise=noise), expected_loss(right, LAST, noise=noise))
            both = (left, right)
            tuned.append(tuned_pair(both, LAST, n_sets, means=means, is_shared=False, noise=noise, seed=seed))
        rates = [pair.share_covered() for pair in tuned]
        row |= {"two tuned cells": statistics.mean(rates), "lowest": min(rates)}
        rows.append(row)
    return rows


def covered(samples: np.ndarray) -> float:
    """Return the share of sets of mean 0 whose 95 % interval holds 0."""
    low, high = bounds(samples, confidence=0.95)
    return float(((low <= 0) & (high >= 0)).mean())


def calibration(surfaces: Sequence[Surface], n_sets: int) -> Iterator[tuple[str, list[Row]]]:
    """Yield the tables, each a title and rows."""
    identical, effects, families = [], [], []
    for search in SEARCHES:
        for is_shared in (False, True):
            print(f"{search}, {'shared' if is_shared else 'own'} draws", file=sys.stderr, flush=True)
            same, others = pairs_of(surfaces, search, n_sets, is_shared=is_shared)
            row: Row = {"search": str(search), "draws": "shared" if is_shared else "own"}
            identical.append(row | identical_row(same, n_sets))
            effects.append(row | effects_row(others, n_sets))
            families += [row | each for each in family_rows(same, others)]
    yield f"Identical cells told apart, {len(same)} surfaces", identical
    yield f"Two cells moved to a known effect, {len(others)} pairs", effects
    print(f"{CONFIRMED} seeds that confirm", file=sys.stderr, flush=True)
    confirmed = pairs_of(surfaces, search, n_sets, is_shared=True, n_confirm=CONFIRMED)[1]
    yield f"A difference of two margins by task: {search}, shared draws", power_rows(others, confirmed)
    yield "Families with a wrong outcome, worst pair of cells", families
    print("coverage", file=sys.stderr, flush=True)
    yield f"Coverage at R={R} by noise; tuned cells: {LAST}, own draws", coverage_rows(surfaces, n_sets)


def main() -> None:
    """Print the calibration."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=2000, help="simulated sets per rate")
    parser.add_argument("--json", action="store_true", help="rows instead of tables")
    arguments = parser.parse_args()
    surfaces = [surface for name in DIRECTORIES for surface in read_surfaces(RESULTS / name)]
    tables = {}
    for title, rows in calibration(surfaces, arguments.n):
        tables[title] = rows
        if not arguments.json:
            print(f"## {title}\n\n{markdown(rows)}\n")
    if arguments.json:
        print(json.dumps({"n_sets": arguments.n, "tables": tables}, indent=1))


if __name__ == "__main__":
    main()
