"""The methods in sentences: what the records and the studies say, and nothing for what they do not."""

from __future__ import annotations

import dataclasses

from bench.claims.claim import TIMED, read_claims
from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from tests.report.fabricated import PROVENANCE, failure, record, run, sweep, task
from tests.report.made import compose
from tests.report.tuned import study, together

STATISTICS = {
    "train": {"sequences": 2, "units": 1234, "digest": "train-digest"},
    "validation": {"sequences": 1, "units": 99, "digest": "other"},
}


def prose(records, **parts):
    return " ".join(compose(records, **parts).methods)


def test_methods_are_a_section_of_the_last_chapter():
    document = compose(sweep(2))
    (section,) = [part for part in document.chapters[-1].sections if part.heading == "Methods"]
    assert section.text == document.methods


def test_an_untuned_sweep_says_what_ran():
    text = prose(sweep(6))
    assert "GRU, LSTM and tanh were compared on Made-up Music (task made_up_music, version 1)." in text
    assert "The optimiser was Adam (β1 0.9, β2 0.999, ε 1e-08). The learning rate was 0.001 throughout." in text
    assert "Each update took 16 sequences of similar length, each whole." in text
    assert "Training lasted 20 epochs. The validation loss was measured after each epoch." in text
    assert "clipped at 1. Training used neither dropout nor noise." in text
    assert "No setting was tuned" in text
    assert "has a score from 6 seeds" in text
    assert "GRU 46 × 1 (18,630 recurrent and 22,724 parameters in all)" in text
    assert PROVENANCE.cpu in text


def test_the_rules_of_chungs_released_code_are_told():
    optim = OptimSettings("rmsprop", momentum=0.9, alpha=0.95, eps=0.01, eps_rule="max", clip_velocity=1.0)
    optim = dataclasses.replace(optim, schedule="linear_by_epoch", final_fraction=0.01)
    train = TrainSettings(clip_norm=0.0, weight_noise=0.075, loss="sum", noisy_validation=True)
    text = prose(sweep(2, optim=optim, train=train))
    rule = "RMSProp (α 0.95, root mean square of at least 0.01, momentum 0.9, steps of norm at most 1)"
    assert f"The optimiser was {rule}." in text
    assert "0.001 at the start, falling before each epoch by as much to 1 % of that in the last." in text
    assert "not clipped, the gradient being that of the loss summed over the batch." in text
    assert "The validation loss was measured after each epoch, with the weight noise of training on." in text


def test_split_sizes_are_told_only_of_data_that_the_runs_saw():
    text = prose(sweep(2, task=task(statistics=STATISTICS)))
    assert "frames: 1,234 in 2 sequences for training)" in text
    assert "99 in 1 sequence" not in text


def test_the_score_of_music_whose_first_steps_are_given_says_so():
    given = sweep(2, task=task(first_step="given"))
    wanted = "but the first of each sequence, which is given as an input and neither trained on nor scored, divided by"
    assert wanted in prose(given)
    assert wanted not in prose(sweep(2))
    both = prose([*given, *sweep(2, task=task("others", title="Others"))])
    assert "The score on Made-up Music, first step given is " in both
    assert "The score on Others is the negative log-likelihood in nats per frame: its sum over all frames of " in both
    assert "a split, the first of a sequence predicted from nothing" in both


def test_a_setting_that_differs_by_cell_or_by_task_is_told_with_its_place():
    by_cell = [*sweep(2, ("gru",)), *sweep(2, ("lstm",), optim=OptimSettings(lr=0.01))]
    assert "The learning rate was 0.001 throughout (GRU); 0.01 throughout (LSTM)." in prose(by_cell)
    text = task("words", kind="language_model", metric="perplexity", level="word", title="Words")
    mixed = [*sweep(2), *sweep(2, task=text, embedding_size=64, train=TrainSettings(dropout=0.5, clip_norm=0.0))]
    found = prose(mixed)
    assert "dropout of 0.5 between layers (Words)" in found
    assert "clipped at 1 (Made-up Music); not clipped (Words)." in found
    assert "the next 50 words at 16 places of the text" in found
    assert "a learned embedding of 64 dimensions (Words)." in found
    assert "perplexity per word" in found


def test_a_swept_setting_is_told_by_its_values():
    rates = [made for lr in (0.1, 0.2) for made in sweep(2, ("gru",), optim=OptimSettings(lr=lr))]
    assert "0.1 throughout; or 0.2 throughout (the summary says which group" in prose(rates)


def test_a_solved_size_names_its_budget():
    assert "Hidden sizes were chosen for a budget of 20,000 parameters in the recurrent layers." in prose(
        sweep(2, size=SizeSettings(mode="params", num_params=20_000))
    )


def test_tuned_settings_are_told_as_tuned_with_how_and_confirmed_on_what():
    studies, trials = together(study("gru", 5), study("lstm", 5))
    best = {made.cell: _best(made, trials) for made in studies}
    confirmed = [
        record(run(cell, 100 + seed, task=won.task, optim=won.optim, train=won.train))
        for cell, won in best.items()
        for seed in range(6)
    ]
    text = prose([*trials, *confirmed], studies=studies)
    assert "The learning rate was as tuned throughout." in text
    assert (
        "GRU and LSTM were each tuned by random search over optim.lr 1e-05 to 0.1 (log), in 5 trials of 1 seed" in text
    )
    assert "no trial being pruned" in text
    assert "Trials of one number had the same settings in each study. Of 10 trials 10 are done." in text
    assert "then trained again on 6 seeds" in text
    assert "No setting was tuned" not in text


def test_what_is_alike_on_several_tasks_is_told_once():
    places = [together(*(study(cell, 5, task_name=name) for cell in ("gru", "lstm"))) for name in ("here", "there")]
    text = prose([*places[0][1], *places[1][1]], studies=[*places[0][0], *places[1][0]])
    assert text.count("by random search over") == 1
    assert text.count("In each of the 2 cases below, GRU and LSTM were each tuned") == 1
    assert "Of 20 trials 20 are done. On here, the best trial had optim.lr" in text


def _best(made, trials):
    by_key = {each.key: each for each in trials}
    runs = [by_key[trial.runs[0]] for trial in made.trials]
    return min(runs, key=lambda each: each.outcome.scores["validation"]["nll"]).run


def test_unconfirmed_studies_say_so():
    made, trials = study("gru", 5)
    text = prose(trials, studies=[made])
    assert "were not trained again on other seeds" in text
    assert "the test split was not scored" in text


def test_trials_without_their_study_are_counted_and_no_search_is_invented():
    text = prose([record(run("gru", 0, phase="tune")), *sweep(2, ("gru",))])
    assert "1 run served to choose settings; how they were searched is not on record." in text


def test_runs_that_did_not_end_as_done_are_counted():
    assert "Of 7 runs 1 ended as diverged; these are counted and enter no mean." in prose(
        [*sweep(2), failure(run("gru", 9), "diverged")]
    )


def test_where_times_are_compared_the_methods_say_that_runs_took_turns():
    records = sweep(8, ("gru", "lstm"), size=SizeSettings(mode="params", num_params=20_000))
    timed, scored = (
        [claim for claim in read_claims() if (claim.metric in TIMED) is is_timed] for is_timed in (True, False)
    )
    assert "of one kernel on one machine that took turns, seed by seed" in prose(records, claims=timed)
    assert "took turns" not in prose(records, claims=scored)


def test_any_records_have_methods():
    assert prose([]) == "There are no runs."
    assert "Scores are on" not in prose([failure(run("gru", 0))])
