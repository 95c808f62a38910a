"""What a program reads of a results directory: `gatebench.load("results/NAME")`; needs no torch."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.errors import BenchError, DataError
from bench.core.wording import plain, quantity

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.inputs import ReportData

__all__ = ["BenchError", "ResultFrames", "load"]


def load(directory: str | os.PathLike[str], *, skip_damaged: bool = False) -> ResultFrames:
    """Return the frames of a results directory, plain or archived.

    Raises BenchError, whose message is one line: a UsageError where no run is recorded, a DataError where a file is
    damaged, unless `skip_damaged` leaves out what cannot be read, as a report does, and a ConfigError where a file in
    `./claim` is no claim.
    """
    from bench.report.inputs import prepared, read_inputs

    path = Path(directory)
    inputs = read_inputs(path)
    if inputs.damaged and not skip_damaged:
        n = len(inputs.damaged)
        told = f"{quantity(n, 'damaged file')}{', the first' * (n > 1)}: {plain(inputs.damaged[0], 400)}"
        raise DataError(str(path), f"{told}; skip_damaged=True leaves out what cannot be read")
    return ResultFrames(path, prepared(inputs))


class ResultFrames:
    """The frames of a results directory, each computed when it is first asked for, and then kept.

    Every frame has a column for each setting that was varied, by its name on the command line (`optim.lr`,
    `train.dropout`, `cell.forget_bias`), those of a cell where Runs of one cell differ in them; `cards` and `claims`
    have none. nan, or "" in a column of texts, stands where there is nothing. `runs.csv`, `trials.csv`, `curves.csv`
    and `claims.csv` of a report are these frames, with ten digits.
    """

    def __init__(self, directory: Path, data: ReportData) -> None:
        self.directory, self._data = directory, data

    def __repr__(self) -> str:
        counts = (
            quantity(len(self._data.records), "run"),
            quantity(len(self._data.inputs.studies), "study", "studies"),
        )
        return f"<{self.directory}: {', '.join(counts)}>"

    @property
    def runs(self) -> pd.DataFrame:
        """One row for each Run.

        What it is: `key`; `task`, `task_version`, `data` (which of several data of a task), `title`, `task_label`,
        `kind`, `level`; `cell`, `cell_node` (its YAML as JSON), `hidden_size`, `num_layers`, `num_params_recurrent`,
        `num_params_total`; `size_mode`, `size_budget`, `size_count`; `train_fraction`, `regularisers`, `seed`, `phase`
        (`tune` of trials, otherwise `confirm`).

        What it belongs to: `group` (equal in all but the seed), `settings` (in which groups of one shape differ),
        `repeat` (what the Runs of a group are: seeds or replications); `study`, `study_key`, `replication` (0 where the
        search is carried out once) and `trial`, the number of the trial that it trains or confirms.

        How it ended: `status` (`done`, `pruned`, `diverged`, `timeout`, `failed`), `reason`, `n_updates`,
        `n_epochs`, `best_update`.

        Scores, of the best weights on validation: `validation`, `test` (of confirmed Runs alone), `train`, in the
        task's `metric` (nll: nats per frame), of which `direction` says what is better and `margin` how large a
        difference does not matter; `accuracy`, a share, on test or else validation; `baseline_test` and
        `baseline_validation`, those of the unigram model.

        What it cost: `seconds` in all, of which `train_seconds` and `evaluation_seconds`; `data_seconds`;
        `units_per_second`, in training, of what `unit` names; `peak_memory_mb` in 10**6 bytes.

        Where: `kernel`, `cpu`, `device`, `threads`, `platform`, `versions`, `git_commit`, `git_dirty`, `started`,
        `resumed`. Last the settings that were varied.
        """
        return self._data.run_table

    @property
    def trials(self) -> pd.DataFrame:
        """One row for each trial of a study; no rows where nothing was tuned.

        `study` (its name, that of all replications of a search), `study_key`, `replication` (from 1; 0 where the search
        is carried out once), `task`, `task_version`, `data`, `task_label`, `family` (studies of one budget), `cell`,
        `number` (from 0); `state` (`done`, `pruned`, `diverged`, `failed`, `infeasible`, `waiting`); `score`, the mean
        best validation score in the task's metric over the seeds of a trial that is done; `counted`, what it counts for
        among others: of a pruned trial the best it had reached, of a diverged one the worst of its task; `is_best` of
        its study; `n_epochs` trained and `epochs_saved` by pruning; `runs`, the keys of its Runs; `seconds` of all of
        them; `hidden_size`, `num_layers`, `num_params_recurrent`, `num_params_total`. Last the settings that were
        searched or varied.
        """
        return self._data.trial_table

    @property
    def curves(self) -> pd.DataFrame:
        """One row for each evaluation of a Run.

        `key`, `task`, `cell`, `seed`, `hidden_size`, `num_layers`, `train_fraction`, `group`; `update` and `epoch` so
        far; `seconds` of training so far, evaluation excluded; `train` (mean since the evaluation before, measured
        while training) and `validation`, in the task's metric; `lr`, the learning rate then; `phase`, `study`,
        `study_key`, `replication`, `trial` as in `runs`. Last the settings that were varied.
        """
        return self._data.curve_table

    @cached_property
    def cards(self) -> pd.DataFrame:
        """One row for each effect card: a comparison of two sides on one data set, which one or more claims read.

        `task`, `task_label`; `left`, `right`; `metric` (`loss`, `seconds_per_update`, ...), and as in the file of a
        claim by which rule: `size_mode`, `size_count`, `budget_low`, `budget_high`, `over`, `data`, `pairs`,
        `threshold`; `what` the effect is of, its `unit`, what is `better` (`lower`, `higher`), and `is_ratio`: left
        over right, otherwise left minus right.

        `card`, the word in the names of the sides, and `outcome` (`alike`, `undecided`, `left better`, `right better`,
        or these with `, open`, by how much); `left_mean`, `right_mean` (where it is `over` a change, after it);
        `effect`, what minus or over what; its `mean` and its interval, `low` to `high`, at `confidence` (those of one
        comparison hold together over all data sets); `no_effect` and, around it, what does not matter, `margin_low` to
        `margin_high`; the kind of `interval`, over `n` pairs; `left_wins`, a share of pairs, `left_wins_low` to
        `left_wins_high`.

        `scope`, `tuning`, `edges`, `compared`: for which settings it speaks, and of which runs; `groups` and `claims`,
        joined by blanks.

        Claims are those of `conf/claim` and of `./claim`. Those on the importance of settings can take a minute.
        """
        from bench.claims.rows import cards_frame

        return cards_frame(self._data.findings, self._data.cards)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row for each claim on each data set, and one for a claim that could be tested on none.

        `claim`, `task` ("" where it was not tested), `direction`, `verdict` (`supported`, `contradicted`, `equivalent`,
        `inconclusive`, `not tested`) and its `reason`; `sentence`, `source`, `note`. Of the card that it is read off,
        its sides as the claim has them, as in `cards`: `card`, `effect`, `what`, `better`, `mean`, `low`, `high`,
        `confidence`, `margin_low`, `margin_high`, `interval`, `n`, `left_wins`, `scope`, `tuning`, `edges`, `compared`,
        `groups`.
        """
        from bench.claims.rows import claims_frame

        return claims_frame(self._data.findings)
