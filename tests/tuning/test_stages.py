"""Tuning: equal draws for every cell, the best trial confirmed on fresh seeds, nothing lost when interrupted."""

from __future__ import annotations

import re
import warnings

import optuna
import pytest
import yaml

from bench.core.errors import ConfigError
from bench.core.settings.search_space import space_of
from bench.results import read_studies
from tests.cli.test_config import GOOD, dispatch
from tests.sweep.test_plan import bench, records
from tests.toys import write_text_task

SPACE = {"optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}}
TUNED = ("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "train.max_updates=20", "space=lr", "tune.n_trials=4")
CONFIRMED = (*TUNED, "tune.confirm_seeds=3")
UNREPORTED = "report=false"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    done = bench(path, *CONFIRMED, "name=tuned", UNREPORTED)
    assert done.returncode == 0, done.stderr
    (path / "said.txt").write_text(done.stderr)
    return path


def by_phase(folder, name):
    found = records(folder, name)
    return [[record for record in found if record.run.phase == phase] for phase in ("tune", "confirm")]


def test_every_cell_gets_the_same_trials_and_no_trial_sees_the_test_split(folder):
    trials, _ = by_phase(folder, "tuned")
    rates = {cell: {r.run.optim.lr for r in trials if r.run.cell_name == cell} for cell in ("gru", "tanh")}
    assert len(rates["gru"]) == 4
    assert rates["gru"] == rates["tanh"]
    assert not any("test" in record.outcome.scores for record in trials)


def test_the_best_trial_by_validation_is_confirmed_on_fresh_seeds_that_the_cells_share(folder):
    trials, confirmed = by_phase(folder, "tuned")
    seeds = {}
    for cell in ("gru", "tanh"):
        best = min(
            (r for r in trials if r.run.cell_name == cell),
            key=lambda r: r.outcome.scores["validation"]["bits_per_char"],
        )
        of_cell = [record for record in confirmed if record.run.cell_name == cell]
        assert {record.run.optim.lr for record in of_cell} == {best.run.optim.lr}
        assert all("test" in record.outcome.scores for record in of_cell)
        seeds[cell] = {record.run.seed for record in of_cell}
    assert seeds["gru"] == seeds["tanh"] == {1000, 1001, 1002}
    assert not seeds["gru"] & {record.run.seed for record in trials}


def test_the_winner_and_its_score_are_said(folder):
    said = (folder / "said.txt").read_text()
    assert "study mine gru h=6: best of 4 trials: optim.lr " in said
    assert "8 runs, 0 already done" in said
    assert "6 runs, 0 already done, 6 to do" in said


def test_the_same_command_again_trains_nothing_and_more_trials_only_the_new_ones(folder):
    again = bench(folder, *CONFIRMED, "name=tuned", UNREPORTED)
    assert "8 runs, 8 already done, 0 to do" in again.stderr
    assert "6 runs, 6 already done, 0 to do" in again.stderr
    longer = bench(folder, *CONFIRMED, "name=tuned", "tune.n_trials=5", "dry_run=true")
    assert "10 runs, 8 already done, 2 to do" in longer.stderr


BAD_SPACES = [
    ({"optim": {"lr": 3}}, "must be a mapping with low and high, or with choices, got 3"),
    ({"optim": {"lr": {"low": 1.0}}}, "needs low below high"),
    ({"optim": {"lr": {"low": 1.0, "high": 0.5}}}, "needs low below high, got 1.0 and 0.5"),
    ({"optim": {"lr": {"low": 0, "high": 0.5, "log": True}}}, "must be above 0 where log is true"),
    ({"optim": {"lr": {"low": 1, "high": 2, "choices": [1]}}}, "either low and high, or choices"),
    ({"optim": {"lr": {"low": 1, "high": 2, "colour": 1}}}, "unknown key"),
    ({"hidden_size": {"low": 1.5, "high": 2, "whole": True}}, "whole numbers need whole bounds"),
]


@pytest.mark.parametrize(("node", "message"), BAD_SPACES, ids=[message for _, message in BAD_SPACES])
def test_a_bad_space_is_refused_by_name(node, message):
    with pytest.raises(ConfigError, match=message):
        space_of(node)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tune.n_trials=3",), "`space`: is empty with tune.n_trials=3"),
        (("space=lr",), "`space`: is searched only with tune.n_trials above 0"),
        (("tune.n_trials=3", "+space.optim.colour.choices=[1]"), "`space.optim.colour`: is no setting"),
        (("tune.n_trials=3", "+space.hidden_size.choices=[0]"), "`space.hidden_size`: must be at least 1"),
        (
            ("tune.n_trials=3", "space=lr", "tune/sampler=oracle"),
            "unknown choice `oracle`; legal: auto, cmaes, gp, grid, qmc, random, tpe",
        ),
        (("tune.n_trials=3", "space=lr", "tune.sampler=tpe"), "write tune/sampler=tpe"),
        (("tune.n_trials=3", "space=lr", "tune.sampler.popsize=9"), "not a setting of the chosen tune"),
        (("tune.n_trials=3", "space=lr", "tune/sampler=cmaes"), "cmaes needs two numbers"),
        (("tune.n_trials=3", "space=lr", "tune/pruner=wilcoxon"), "needs tune.seeds_per_trial above 1"),
        (("tune.n_trials=3", "space=lr", "tune/pruner=none,median"), "must be the same for all studies"),
        (("tune.n_trials=3", "space=lr", "tune.extend=1"), "`tune.extend`: must be true or false, got 1"),
        (
            ("tune.n_trials=3", "space=lr", "tune.extend=true", "tune/sampler=tpe"),
            "`tune.extend`: needs trials that depend on no score, of tune/sampler=auto, random or qmc, got tpe",
        ),
        (
            ("tune.n_trials=3", "space=lr", "tune.extend=true", "tune/pruner=median"),
            "`tune.extend`: needs trials trained to their end, tune/pruner=none, got median",
        ),
        (("tune.n_trials=3", "space=lr", "tune.storage=sqlite:///no/such/folder/x.db"), "tune.storage: no storage at"),
        (("optim.lr=interval(0.1,1)",), "is searched only with tune.n_trials above 0"),
        (("tune.n_trials=3", "optim.lr=tag(lag,interval(0.1,1))"), "the only tag is log"),
    ],
    ids=str,
)
def test_bad_tuning_is_refused_before_anything_is_written(folder, words, message, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    status, said = dispatch(["-m", "task=mine", "cell=gru", "name=bad", *words], capsys)
    assert (status, message in said) == (2, True), said
    assert not (folder / "results" / "bad").exists()


def test_settings_are_searched_from_the_command_line_as_from_a_space_file(folder):
    words = ["-m", "task=mine", "cell=gru,tanh", "train.max_updates=2", "tune.n_trials=5", "name=line", "dry_run=true"]
    searched = [
        "optim.lr=tag(log,interval(1e-4,1e-1))",
        "hidden_size=int(interval(4,9))",
        "optim.name=choice(adam,sgd)",
    ]
    done = bench(folder, *words, *searched)
    assert done.returncode == 0, done.stderr
    assert "10 runs, 0 already done, 10 to do" in done.stderr
    sizes = {int(size) for size in re.findall(r"mine-gru-h(\d+)x1", done.stderr)}
    assert len(sizes) > 1
    assert sizes <= set(range(4, 10))
    assert not (folder / "results" / "line").exists()


def test_the_best_settings_are_a_config_that_runs(folder):
    written = folder / "results" / "tuned" / "tuned" / "mine-gru.yaml"
    said = (folder / "said.txt").read_text()
    command = "python -m bench -m --config-dir results/tuned +tuned=mine-gru,mine-tanh name=tuned_again"
    assert f"tuned settings: {command}" in said
    both = bench(folder, *command.split()[3:], "dry_run=true")
    assert (both.returncode, "2 runs, 0 already done" in both.stderr) == (0, True), both.stderr
    done = bench(folder, "--config-dir", "results/tuned", "+tuned=mine-gru", "name=again", "seed=1000", UNREPORTED)
    assert done.returncode == 0, done.stderr
    (again,) = records(folder, "again")
    best = {record.run.optim.lr for record in by_phase(folder, "tuned")[1] if record.run.cell_name == "gru"}
    assert {again.run.optim.lr} == best
    assert yaml.safe_load(written.read_text())["optim"]["lr"] == again.run.optim.lr
    (same,) = (r for r in by_phase(folder, "tuned")[1] if r.run.cell_name == "gru" and r.run.seed == 1000)
    assert again.key == same.key
    assert again.outcome == same.outcome


ONE_TRIAL = ("task=mine", "cell=gru", "train.max_updates=2", "space=lr", "tune.n_trials=1", "tune.confirm_seeds=1")


def test_a_size_that_was_given_beside_a_budget_is_exported_with_it(folder):
    # 50 units take 8,850 parameters; 51 take 9,180, which is nearer to the budget
    words = ["size=params", "size.num_params=9115", "size.count=recurrent", "hidden_size=50", "embedding_size=7"]
    done = bench(folder, "-m", *ONE_TRIAL, *words, "name=given", UNREPORTED)
    assert done.returncode == 0, done.stderr
    (confirmed,) = by_phase(folder, "given")[1]
    again = bench(folder, "--config-dir", "results/given", "+tuned=mine-gru", "seed=1000", "name=given", "dry_run=true")
    assert "1 run, 1 already done" in again.stderr
    assert confirmed.run.label in again.stderr


def test_a_file_that_would_give_another_run_is_not_written_and_that_is_said(folder):
    done = bench(folder, "-m", *ONE_TRIAL, "task.version=7", "hidden_size=6", "name=other", UNREPORTED)
    assert done.returncode == 0, done.stderr
    told = (
        "tuned settings of study mine gru h=6: not written, for its file gives another run: task would not be the same"
    )
    assert told in done.stderr
    assert not list((folder / "results" / "other").rglob("*.yaml"))


def test_trials_that_fall_behind_are_given_up_while_they_train_and_the_others_are_not_touched(folder):
    words = ["-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "train.max_epochs=0", "train.max_updates=60"]
    words += [
        "train.evaluate_every=5",
        "train.score_train=false",
        "space=lr",
        "tune.n_trials=12",
        "tune.confirm_seeds=1",
        "workers=2",
        UNREPORTED,
    ]
    pruned = [*words, "tune/sampler=tpe", "tune.sampler.n_startup_trials=4", "tune/pruner=median"]
    done = bench(folder, *pruned, "tune.pruner.n_startup_trials=3", "name=pruned")
    assert done.returncode == 0, done.stderr
    trials, confirmed = by_phase(folder, "pruned")
    given_up = [record for record in trials if record.outcome.status == "pruned"]
    assert len(trials) == 24
    assert given_up
    assert all(record.outcome.n_updates < 60 and len(record.outcome.curve) < 12 for record in given_up)
    assert all(record.outcome.n_updates % 5 == 0 for record in given_up)
    assert all(record.outcome.n_updates == 60 for record in trials if record.outcome.status == "done")
    assert {record.outcome.status for record in confirmed} == {"done"}
    again = bench(folder, *pruned, "tune.pruner.n_startup_trials=3", "name=pruned")
    assert "24 runs, 24 already done, 0 to do" in again.stderr


@pytest.mark.long
def test_a_copy_of_the_studies_is_kept_in_a_storage_and_its_url_is_not(folder):
    words = [*CONFIRMED, "name=stored", "tune.storage=sqlite:///hush.db"]
    for n_trials in (4, 6):
        done = bench(folder, *words, f"tune.n_trials={n_trials}", f"report={str(n_trials == 6).lower()}")
        assert done.returncode == 0, done.stderr
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.get_all_study_summaries(f"sqlite:///{folder}/hush.db")
        assert sorted(summary.n_trials for summary in found) == [n_trials, n_trials]
        assert all(re.fullmatch(r"stored: mine \w+ h=6 \[\w{16}\]", summary.study_name) for summary in found)
    trials, _ = by_phase(folder, "stored")
    best = min(r.outcome.scores["validation"]["bits_per_char"] for r in trials)
    assert min(summary.best_trial.value for summary in found) == best
    assert (folder / "results" / "stored" / "report" / "report.html").exists()
    for path in (folder / "results" / "stored").rglob("*"):
        assert path.is_dir() or b"hush.db" not in path.read_bytes(), path
    (folder / "hush.db").unlink()


def test_a_study_without_a_single_score_is_a_failure_and_is_said(folder):
    done = bench(folder, *CONFIRMED, "space=none", "++space.optim.lr.choices=[1e38]", "optim.name=sgd", "name=lost")
    assert done.returncode == 1, done.stderr
    assert "study mine gru h=6: none of 4 trials has a score; 4 diverged; nothing to confirm" in done.stderr
    assert "failed: study mine tanh h=6: no trial has a score" in done.stderr


@pytest.fixture(scope="module")
def replicated(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    done = bench(path, *TUNED[:-1], "tune.n_trials=3", "tune.replications=2", "name=often", UNREPORTED)
    assert done.returncode == 0, done.stderr
    (path / "said.txt").write_text(done.stderr)
    return path


def test_each_replication_draws_trains_chooses_and_confirms_anew_the_same_for_every_cell(replicated):
    trials, confirmed = by_phase(replicated, "often")
    rates = {}
    for cell in ("gru", "tanh"):
        of_cell = [record for record in trials if record.run.cell_name == cell]
        rates[cell] = [sorted(r.run.optim.lr for r in of_cell if r.run.seed == seed) for seed in (0, 1)]
        assert [len(drawn) for drawn in rates[cell]] == [3, 3]
        assert not set(rates[cell][0]) & set(rates[cell][1])
        for replication, seed in ((0, 1000), (1, 1001)):
            (last,) = [r for r in confirmed if r.run.cell_name == cell and r.run.seed == seed]
            best = min(
                (r for r in of_cell if r.run.seed == replication),
                key=lambda r: r.outcome.scores["validation"]["bits_per_char"],
            )
            assert last.run.optim.lr == best.run.optim.lr
            assert "test" in last.outcome.scores
    assert rates["gru"] == rates["tanh"]
    assert len(confirmed) == 4


def test_lines_of_progress_say_the_replication_the_trial_and_what_was_drawn(replicated):
    lines = [line for line in (replicated / "said.txt").read_text().splitlines() if "trial " in line and "] " in line]
    assert len(lines) == 12
    told = [re.search(r"\] (\w+) seed=\d  replication (\d), trial (\d): optim\.lr \S+  ", line) for line in lines]
    assert len({found.groups() for found in told}) == 12


def test_replications_draw_from_the_lattice_unless_another_sampler_is_asked_for(replicated):
    lattice = {"name": "qmc", "sequence": "lattice", "scramble": True}
    studies = read_studies(replicated / "results/often").records
    assert [study.sampler for study in studies] == [lattice] * 4
    assert len({(study.cell, study.search_key) for study in studies}) == 2
    words = (*TUNED[:-1], "tune.n_trials=1", "tune.replications=2", "tune/sampler=random", "name=asked", UNREPORTED)
    assert bench(replicated, *words).returncode == 0
    assert {study.sampler["name"] for study in read_studies(replicated / "results/asked").records} == {"random"}


def test_a_replicated_search_leaves_one_file_of_settings_for_each_cell(replicated):
    trials, _ = by_phase(replicated, "often")
    files = sorted((replicated / "results/often/tuned").glob("*.yaml"))
    assert [file.stem for file in files] == ["mine-gru", "mine-tanh"]
    best = min(
        (r for r in trials if r.run.cell_name == "gru"), key=lambda r: r.outcome.scores["validation"]["bits_per_char"]
    )
    assert yaml.safe_load(files[0].read_text())["optim"]["lr"] == best.run.optim.lr


def test_more_replications_go_on_from_those_that_are_done(replicated):
    words = (*TUNED[:-1], "tune.n_trials=3", "tune.replications=3", "name=often", "dry_run=true")
    assert "18 runs, 12 already done, 6 to do" in bench(replicated, *words).stderr


def test_a_space_that_ends_too_early_is_widened_and_the_page_says_so(folder):
    words = [*CONFIRMED[:-2], "tune.n_trials=3", "tune.confirm_seeds=2", "tune.extend=true", "name=wider"]
    words += ["space.optim.lr.low=1e-6", "space.optim.lr.high=1e-5", "space=lr"]
    done = bench(folder, *words)
    assert done.returncode == 0, done.stderr
    gru, tanh = read_studies(folder / "results/wider").records
    assert len(gru.trials) == gru.n_wanted > 3
    assert [trial.params for trial in gru.trials] == [trial.params for trial in tanh.trials]
    _, confirmed = by_phase(folder, "wider")
    assert len(confirmed) == 4
    assert max(record.run.optim.lr for record in confirmed) > 1e-5
    page = (folder / "results/wider/report/report.md").read_text()
    assert "optim.lr was widened to" in page
    again = bench(folder, *words)
    assert "0 to do" in again.stderr
    assert "4 runs, 4 already done, 0 to do" in again.stderr
