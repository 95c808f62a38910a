"""How each cell is tuned: its budget, and the sampler and the pruner with every argument that Optuna gives them.

The arguments are written out here and in `conf/tune`, so that no release of Optuna changes a study by its defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from bench.core.schema import Count, CountOrOff, Matching, Positive, Range

Rate = Annotated[int, Range(low=2)]


@dataclass(frozen=True)
class AutoSampler:
    """A quasi-random sequence where there are replications, random search otherwise."""

    name: Literal["auto"] = "auto"


@dataclass(frozen=True)
class RandomSearch:
    """Independent draws; what the reproductions use, because what k trials would have given can be told afterwards."""

    name: Literal["random"] = "random"


@dataclass(frozen=True)
class QuasiRandom:
    """A sequence that fills the space evenly; without `sequence` it is the lattice where there are replications.

    The lattice is evenly spread from its first trials on, whatever their number, and is shifted by the study's seed.
    Optuna's sequences, of which `scramble` is, begin with a random draw and are even over a power of two of trials.
    """

    name: Literal["qmc"] = "qmc"
    sequence: Literal["lattice", "sobol", "halton"] | None = None
    scramble: bool = True


@dataclass(frozen=True)
class Grid:
    """Every combination of the values of a space whose dimensions have steps."""

    name: Literal["grid"] = "grid"


@dataclass(frozen=True)
class Tpe:
    """Tree-structured Parzen estimator (Bergstra et al. 2011), all dimensions together."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: CountOrOff = 10
    n_ei_candidates: Count = 24
    multivariate: bool = True
    group: bool = False
    constant_liar: bool = True


@dataclass(frozen=True)
class GaussianProcess:
    """Bayesian optimisation with a Gaussian process; for some hundred trials at most."""

    name: Literal["gp"] = "gp"
    n_startup_trials: CountOrOff = 10
    deterministic_objective: bool = False


@dataclass(frozen=True)
class CmaEs:
    """Covariance matrix adaptation (Hansen 2016), for numbers; choices are drawn at random."""

    name: Literal["cmaes"] = "cmaes"
    n_startup_trials: CountOrOff = 1
    sigma0: Positive | None = None
    popsize: Annotated[int, Range(low=4)] | None = None
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False
    consider_pruned_trials: bool = False


@dataclass(frozen=True)
class NoPruner:
    """Every trial is trained to its end, as in the papers."""

    name: Literal["none"] = "none"


@dataclass(frozen=True)
class MedianPruner:
    """Ends a trial whose best validation loss so far is above the median of the others at the same evaluation."""

    name: Literal["median"] = "median"
    n_startup_trials: CountOrOff = 5
    n_warmup_steps: CountOrOff = 0
    interval_steps: Count = 1
    n_min_trials: Count = 1


@dataclass(frozen=True)
class HalvingPruner:
    """Asynchronous successive halving (Li et al. 2018); without `min_resource` it is taken from the first trial."""

    name: Literal["halving"] = "halving"
    min_resource: Count | None = 1
    reduction_factor: Rate = 4
    min_early_stopping_rate: CountOrOff = 0
    bootstrap_count: CountOrOff = 0


@dataclass(frozen=True)
class HyperbandPruner:
    """Several brackets of successive halving (Li et al. 2018); without `max_resource` it is a Run's evaluations."""

    name: Literal["hyperband"] = "hyperband"
    min_resource: Count = 1
    max_resource: Count | None = None
    reduction_factor: Rate = 3
    bootstrap_count: CountOrOff = 0


@dataclass(frozen=True)
class WilcoxonPruner:
    """Ends a trial over its seeds, when a signed-rank test against the best trial says that it is worse."""

    name: Literal["wilcoxon"] = "wilcoxon"
    p_threshold: Annotated[float, Range(low=0, high=1)] = 0.1
    n_startup_steps: CountOrOff = 2


MOST_EXTENSIONS = 3
"""How often the range of a setting is widened at one end."""

Sampler = RandomSearch | QuasiRandom | Grid | Tpe | GaussianProcess | CmaEs
SamplerChoice = AutoSampler | Sampler
Pruner = NoPruner | MedianPruner | HalvingPruner | HyperbandPruner | WilcoxonPruner


@dataclass(frozen=True)
class TuneSettings:
    """How each cell is tuned before it is compared: all cells with the same number of trials.

    `n_trials` is the total of a study, 0 for no tuning; a trial is trained on `seeds_per_trial` seeds from `seed` on
    and judged by the mean of their best validation losses. The best trial is then trained on `confirm_seeds` fresh
    seeds, the same for every cell, and only these see the test split. `storage` is the URL of an Optuna storage that
    the studies are copied to while they run, for a dashboard; it is not read again and never written down.

    With `replications` above 1 the whole procedure is carried out that often, for every cell on the same draws: each
    replication is a study of `n_trials` with draws and seeds of its own, and its best trial is trained once more, on
    one fresh seed. What is compared then holds for the procedure, and not for the settings that one search found.
    Trials of a shifted lattice leave less to luck than random draws, so they are the default then.
    Source: Bouthillier et al. 2021, arXiv 2103.03098.

    With `extend` a number's range is widened by half of itself at an end where the best of any cell lies, for every
    cell of the task and by the same draws, with half as many trials more; then the best are judged anew, and so on up
    to `MOST_EXTENSIONS` times at each end.
    """

    n_trials: CountOrOff = 0
    sampler: SamplerChoice = field(default_factory=AutoSampler)
    pruner: Pruner = field(default_factory=NoPruner)
    seed: CountOrOff = 0
    seeds_per_trial: Count = 1
    replications: Count = 1
    confirm_seeds: CountOrOff = 10
    extend: bool = False
    storage: Annotated[str, Matching(r"[A-Za-z][\w+.-]*:\S+", "a URL")] | None = None

    @property
    def resolved_sampler(self) -> Sampler:
        """The sampler with what it leaves open decided by whether there are replications."""
        is_replicated = self.replications > 1
        match self.sampler:
            case AutoSampler():
                return QuasiRandom("qmc", "lattice") if is_replicated else RandomSearch()
            case QuasiRandom(sequence=None):
                return replace(self.sampler, sequence="lattice" if is_replicated else "sobol")
        return self.sampler
