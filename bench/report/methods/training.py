"""Methods: the optimiser, its learning rate, the batches, the regularisation and the end of training."""

from __future__ import annotations

from collections.abc import Sequence

from bench.core.wording import listed, quantity
from bench.report.methods.subject import Subject, spread

OPTIMISERS = {"sgd": "stochastic gradient descent", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW"}

NOISES = {
    "weight_noise": "normal noise of standard deviation {} on the input and recurrent weights",
    "input_noise": "normal noise of standard deviation {} on the input frames",
    "dropout": "dropout of {} between layers",
    "input_dropout": "dropout of {} before the first layer",
    "output_dropout": "dropout of {} after the last layer",
}


def training(subjects: Sequence[Subject]) -> list[str]:
    """Return how a Run was trained."""
    return [
        f"The optimiser was {spread(subjects, _optimiser)}.",
        f"The learning rate was {spread(subjects, _rate)}.",
        f"Each update took {spread(subjects, _batch)}.",
        f"The Euclidean norm of the gradient was {spread(subjects, _clip)}.",
        f"Training used {spread(subjects, _noise)}.",
        *_fractions(subjects),
        f"Training lasted {spread(subjects, _budget)}.",
        f"The validation loss was measured {spread(subjects, _evaluation)}.",
    ]


def _optimiser(subject: Subject) -> str:
    optim = subject.run.optim
    arguments = {
        "sgd": {"momentum": optim.momentum},
        "rmsprop": {"alpha": optim.alpha, "eps": optim.eps, "momentum": optim.momentum, **_velocity(subject)},
        "adam": {"beta1": optim.beta1, "beta2": optim.beta2, "eps": optim.eps},
        "adamw": {"beta1": optim.beta1, "beta2": optim.beta2, "eps": optim.eps},
    }[optim.name]
    arguments |= {"weight_decay": optim.weight_decay} if optim.weight_decay else {}
    letters = {"beta1": "β1", "beta2": "β2", "eps": "ε", "alpha": "α", "weight_decay": "weight decay"}
    letters |= {"clip_velocity": "steps of norm at most"}
    letters |= {"eps": "root mean square of at least"} if optim.eps_rule == "max" else {}
    words = [f"{letters.get(name, name)} {_value(subject, name, value)}" for name, value in arguments.items()]
    if subject.is_searched("optim.name"):
        return "chosen by tuning"
    nesterov = ", Nesterov's form" if optim.name == "sgd" and optim.nesterov and optim.momentum else ""
    return f"{OPTIMISERS[optim.name]} ({', '.join(words)}{nesterov})"


def _velocity(subject: Subject) -> dict[str, float]:
    clip = subject.run.optim.clip_velocity
    return {"clip_velocity": clip} if clip else {}


def _value(subject: Subject, name: str, value: float) -> str:
    return subject.value(f"optim.{name}", value)


def _rate(subject: Subject) -> str:
    optim = subject.run.optim
    first = _value(subject, "lr", optim.lr) + " times one minus the momentum" * optim.momentum_scales_lr
    end = "to 0" if optim.final_fraction == 0 else f"to {100 * optim.final_fraction:g} % of that"
    course = {
        "constant": "throughout",
        "linear": f"at the start, falling linearly {end} at the end of the budget",
        "linear_by_epoch": f"at the start, falling before each epoch by as much {end} in the last",
        "plateau": f"at the start, multiplied by {_value(subject, 'factor', optim.factor)} after each "
        f"{quantity(optim.plateau_patience, 'evaluation')} without improvement",
        "zaremba": f"for {quantity(optim.constant_epochs, 'epoch')}, then multiplied by "
        f"{_value(subject, 'factor', optim.factor)} at every epoch",
    }[optim.schedule]
    return f"{first} {course}"


def _batch(subject: Subject) -> str:
    train = subject.run.train
    size = subject.value("train.batch_size", train.batch_size)
    is_searched = subject.is_searched("train.batch_size")
    if subject.kind == "piano_roll":
        how_many = f"sequences, their number {size}," if is_searched else quantity(train.batch_size, "sequence")
        return f"{how_many} of similar length, each whole" if train.batch_size > 1 else "one whole sequence"
    level = str(subject.run.task.get("level", ""))
    unit = level if level in ("character", "word") else "step"
    window = subject.value("train.window", train.window)
    places = f"places, their number {size}," if is_searched else quantity(train.batch_size, "place")
    return (
        f"the next {window} {unit}s at {places} of the text, with gradients within this window and the state carried on"
    )


def _clip(subject: Subject) -> str:
    train = subject.run.train
    of_sum = ", the gradient being that of the loss summed over the batch" if train.loss == "sum" else ""
    told = f"clipped at {subject.value('train.clip_norm', train.clip_norm)}" if train.clip_norm else "not clipped"
    return told + of_sum


def _noise(subject: Subject) -> str:
    train = subject.run.train
    found = []
    for name, words in NOISES.items():
        value = float(getattr(train, name))
        if value or subject.is_searched(f"train.{name}"):
            found.append(words.format(subject.value(f"train.{name}", value)))
    return listed(found) if found else "neither dropout nor noise"


def _fractions(subjects: Sequence[Subject]) -> list[str]:
    """Return the fractions of the training split that were used, none if all of it always was."""
    if all(subject.run.train.fraction == 1 for subject in subjects):
        return []
    shares = spread(subjects, lambda subject: f"{100 * subject.run.train.fraction:g} %")
    return [f"Of the training split it took {shares}, drawn for each seed and the same for every cell."]


def _budget(subject: Subject) -> str:
    train = subject.run.train
    limits = [
        quantity(train.max_epochs, "epoch") if train.max_epochs else "",
        quantity(train.max_updates, "update") if train.max_updates else "",
        f"{train.max_seconds:g} seconds" if train.max_seconds else "",
    ]
    told = " or ".join(limit for limit in limits if limit) or "without a limit"
    if not train.patience:
        return told
    patience = quantity(train.patience, "evaluation")
    return f"at most {told}, and ended after {patience} without a lower validation loss"


def _evaluation(subject: Subject) -> str:
    train, every = subject.run.train, subject.run.train.evaluate_every
    how_often = (
        f"every {quantity(every, 'update')}" if every > 1 else "after each update" if every else "after each epoch"
    )
    return how_often + ", with the weight noise of training on" * train.noisy_validation
