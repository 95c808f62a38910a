"""The settings of a training and their legal ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.core.schema import BelowOne, Count, CountOrOff, Fraction, NonNegative, Positive, Share

Regulariser = Literal[
    "train.weight_noise",
    "train.input_noise",
    "train.dropout",
    "train.input_dropout",
    "train.output_dropout",
    "optim.weight_decay",
]
"""The settings that regularise, each off at 0."""

SIZE_BUDGETS = {"params": "num_params", "flops": "num_flops", "seconds": "us_per_unit"}
"""The setting that holds the budget of each mode in which the hidden size is solved for."""


@dataclass(frozen=True)
class SizeSettings:
    """How the hidden size is chosen.

    By `mode` it is given (`hidden`), or solved for a budget of `params`, `flops` or `seconds` that each cell gets.
    A hidden size that is given beside a budget of parameters or operations, as a paper prints it, is kept where its
    count is within 5 % of the budget, and refused elsewhere.

    `num_params` parameters; `num_flops` floating-point operations of one unit's forward pass (see `Shape.num_flops`);
    `us_per_unit` microseconds of training for a unit (frame, word or character), forward, backward and update, as the
    machine takes them where the command is given; on a GPU, those of a Run trained alone. `count` is for the first two:
    the recurrent layers alone, or the whole model.
    """

    mode: Literal["hidden", "params", "flops", "seconds"] = "hidden"
    num_params: Count | None = None
    count: Literal["recurrent", "total"] = "recurrent"
    num_flops: Count | None = None
    us_per_unit: Positive | None = None

    @property
    def budget(self) -> float | None:
        """The budget that the hidden size is solved for, None if the size is given."""
        budgets = {"params": self.num_params, "flops": self.num_flops, "seconds": self.us_per_unit}
        return budgets.get(self.mode)


@dataclass(frozen=True)
class InitSettings:
    """Initialisation of the weights: one declared scheme for every cell, so that cells are compared, not defaults.

    Sources: `orthogonal` U(-scale, scale) input weights and orthogonal recurrent blocks (the released code of Chung
    et al. 2014, arXiv 1412.3555); `torch` U(-1/sqrt(H), 1/sqrt(H)) everywhere (torch.nn); `zaremba2014`
    U(-scale, scale) everywhere (arXiv 1409.2329); `greff2017` N(0, scale) weights (arXiv 1503.04069).
    """

    scheme: Literal["orthogonal", "torch", "zaremba2014", "greff2017"] = "orthogonal"
    scale: Positive = 0.1
    output_bias: Literal["marginals", "zero"] = "marginals"


@dataclass(frozen=True)
class OptimSettings:
    """The optimiser and the course of its learning rate.

    `schedule`: `constant`; `linear` to `final_fraction` of lr at the end of the budget; `linear_by_epoch` the same in
    one step an epoch, the first of them before the first epoch; `plateau` multiplies by `factor` after
    `plateau_patience` evaluations without improvement; `zaremba` multiplies by `factor` at every epoch after
    `constant_epochs` (Zaremba et al. 2014, section 4.1). `momentum_scales_lr` multiplies the rate by (1 - momentum), so
    that a step stays as long as it is without momentum (Greff et al. 2017, arXiv 1503.04069).

    RMSProp divides by the root mean square of the gradient with `eps` added, or, with `eps_rule: max`, by the larger
    of the two. With `clip_velocity` above 0 its velocity holds the rates that past gradients met, v = momentum v +
    lr g / rms, and a step is v scaled to at most this norm, v itself left as it is. Both rules are those of the code
    that Chung et al. 2014 released (librnn, training_algorithms/learning_rule.py), and `linear_by_epoch` is its
    schedule (pylearn2, LinearDecayOverEpoch with start 1).
    """

    name: Literal["sgd", "rmsprop", "adam", "adamw"] = "adam"
    lr: Positive = 1e-3
    momentum: BelowOne = 0.0
    momentum_scales_lr: bool = False
    nesterov: bool = False
    beta1: BelowOne = 0.9
    beta2: BelowOne = 0.999
    alpha: BelowOne = 0.99
    eps: Positive = 1e-8
    eps_rule: Literal["add", "max"] = "add"
    clip_velocity: NonNegative = 0.0
    weight_decay: NonNegative = 0.0
    schedule: Literal["constant", "linear", "linear_by_epoch", "plateau", "zaremba"] = "constant"
    final_fraction: Fraction = 0.0
    factor: Fraction = 0.5
    plateau_patience: Count = 3
    constant_epochs: CountOrOff = 4


@dataclass(frozen=True)
class TrainSettings:
    """One training: its budget, its batches and its regularisation; 0 turns a limit or a noise off.

    `window` is the length of truncated backpropagation for text. `evaluate_every` counts updates; 0 evaluates
    after each epoch. `patience` counts evaluations without improvement. `dropout` acts between layers,
    `input_dropout` before the first and `output_dropout` after the last. `score_train` measures the best weights on
    all that they were trained on too, which is slow for long texts. `fraction` is the share of the training split that
    is trained on, drawn for each seed (see `bench.tasks.subset`); an epoch is one of that share.

    The gradient is that of a batch's loss, its `mean` over frames, words or characters or its `sum`; with a sum the
    clipping norm and `optim.eps` are of another size. With `noisy_validation` the validation loss by which the best
    weights are chosen is measured with weight noise on, a draw for each sequence and one for a text, as in the code
    that Chung et al. 2014 released; the scores of the chosen weights are measured without.
    """

    max_epochs: CountOrOff = 20
    max_updates: CountOrOff = 0
    max_seconds: NonNegative = 0.0
    batch_size: Count = 16
    window: Count = 50
    evaluate_every: CountOrOff = 0
    patience: CountOrOff = 0
    loss: Literal["mean", "sum"] = "mean"
    clip_norm: NonNegative = 1.0
    weight_noise: NonNegative = 0.0
    input_noise: NonNegative = 0.0
    dropout: BelowOne = 0.0
    input_dropout: BelowOne = 0.0
    output_dropout: BelowOne = 0.0
    noisy_validation: bool = False
    score_train: bool = True
    fraction: Share = 1.0
