"""What differs between a published number and Runs, from what both declare."""

from __future__ import annotations

from dataclasses import replace

from bench.claims.published import Facts, Here, comparable, differences, facts_of, here, numbers
from bench.core.cell_words import cell_words


def printed(**fields):
    (number,) = (n for n in numbers() if all(getattr(n, name) == value for name, value in fields.items()))
    return number


def chung(cell="GRU", split="test"):
    return printed(paper="Chung2014", dataset="JSB Chorales", cell=cell, split=split)


SETTINGS = {
    "cell.kind": "gru",
    "cell.reset": "before",
    "hidden_size": "46",
    "num_layers": "1",
    "optim.name": "rmsprop",
    "train.weight_noise": "0.075",
    "train.clip_norm": "1.0",
    "train.batch_size": "16",
}

OURS = Here(
    settings=SETTINGS,
    ways=here("jsb_chorales", "piano_roll"),
    num_params={"recurrent": 18768, "total": 22904},
    split="test",
    n_trials=10,
    n_runs=1,
    words=cell_words({"name": "gru"}),
)


def ours(n_trials=10, n_runs=1, split="test", **settings):
    changed = {name.replace("__", "."): value for name, value in settings.items()}
    return replace(OURS, settings={**SETTINGS, **changed}, n_trials=n_trials, n_runs=n_runs, split=split)


def found(number, runs):
    return differences(number, facts_of(number), runs)


def test_a_run_after_chung_differs_in_its_outputs_alone():
    assert [str(difference) for difference in found(chung(), OURS)] == ["outputs 96 (here 88)"]
    assert comparable(found(chung(), OURS)) == "partly"


def test_an_adam_run_with_64_units_has_its_differences_named():
    runs = ours(hidden_size="64", optim__name="adam", train__weight_noise="0.0", n_trials=0, n_runs=10)
    assert [str(difference) for difference in found(chung(), runs)] == [
        "hidden units 46 (here 64)",
        "outputs 96 (here 88)",
        "optimiser rmsprop (here adam)",
        "weight noise 0.075 (here 0)",
        "settings tried 10 (here 0)",
        "runs 1 (here 10)",
    ]


def test_reset_place_and_peepholes_are_named():
    assert "reset gate before (here after)" in map(str, found(chung(), ours(cell__reset="after")))
    lstm = ours(hidden_size="36", cell__peepholes="false")
    assert "peepholes with (here without)" in map(str, found(chung("LSTM"), lstm))


def test_a_setting_that_the_cell_does_not_have_is_off():
    number = printed(paper="Greff2017", variant="NP", metric="mean negative log-likelihood", num_params="68100")
    assert "peepholes" not in {difference.aspect for difference in found(number, ours())}


def test_another_split_is_another_measure():
    assert comparable(found(chung(), ours(split="validation"))) == "no"
    assert "split test (here validation)" in map(str, found(chung(), ours(split="validation")))
    assert comparable(found(chung(split="train"), ours(split="train"))) == "partly"


def test_an_unscored_first_step_is_another_measure():
    number = printed(paper="Bai2018", dataset="JSB Chorales", cell="GRU")
    assert "first step not scored (here scored)" in map(str, found(number, OURS))
    assert comparable(found(number, OURS)) == "no"


def test_sizes_are_compared_in_the_count_that_the_paper_gives():
    number = printed(paper="Bai2018", dataset="JSB Chorales", cell="GRU")
    assert "parameters in all 300,000 (here 22,904)" in map(str, found(number, OURS))
    near = replace(OURS, num_params={"recurrent": 1.0, "total": 310_000})
    assert "parameters in all" not in {difference.aspect for difference in found(number, near)}


def test_a_number_from_memory_is_never_comparable():
    number = printed(paper="BoulangerLewandowski2012", dataset="JSB Chorales", cell="RNN")
    assert comparable(found(number, OURS)) == "no"
    assert "number quoted from memory (here measured)" in map(str, found(number, OURS))


def test_a_distribution_over_trials_is_no_mean_over_seeds():
    number = printed(paper="Greff2017", variant="V", metric="mean negative log-likelihood", num_params="68700")
    aspects = [difference.aspect for difference in found(number, OURS)]
    assert "statistic" in aspects
    assert "runs" not in aspects


def test_what_a_paper_does_not_state_is_no_difference():
    assert differences(chung(), Facts(), OURS) == ()
    assert comparable(()) == "yes"


def test_the_number_of_runs_alone_leaves_two_numbers_comparable():
    runs = replace(OURS, ways={**OURS.ways, "outputs": "96"}, n_runs=10)
    assert [difference.kind for difference in found(chung(), runs)] == ["runs"]
    assert comparable(found(chung(), runs)) == "yes"
