"""`keep=best` as a user gives it: on a new sweep, on a finished one, and what the commands say of the weights."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from bench import results
from bench.results.paths import WEIGHTS
from bench.results.weights import digest_of_row, row_of
from bench.training.trained import model_of
from tests.cli.test_config import GOOD
from tests.sweep.test_plan import bench, records
from tests.toys import SENTENCE, write_text_task

SWEEP = ("-m", "task=mine", "cell=gru", "hidden_size=6", "seed=0,1", "workers=1", "report=false")
AGAIN = "2 finished runs lack weights: trained again for these alone, as keep=best asks; the records stay as they are"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a finished sweep, `first`, whose weights were asked for when it was finished."""
    folder = tmp_path_factory.mktemp("work")
    write_text_task(folder, GOOD)
    assert bench(folder, *SWEEP, "name=first").returncode == 0
    before = stamps(folder)
    planned = bench(folder, *SWEEP, "name=first", "keep=best", "dry_run=true")
    assert (planned.returncode, planned.stderr.count("weights   ")) == (0, 2)
    done = bench(folder, *SWEEP, "name=first", "keep=best")
    assert done.returncode == 0, done.stderr
    assert AGAIN in planned.stderr
    assert AGAIN in done.stderr
    assert stamps(folder) == before
    return folder


def stamps(folder):
    paths = (folder / "results" / "first").glob("runs/*/record.json")
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def kept(folder, name):
    directory = folder / "results" / name
    return results.kept_weights(directory, records(folder, name))


def test_a_finished_sweep_gets_its_weights_once_and_its_records_stay(folder):
    assert (kept(folder, "first").n, kept(folder, "first").damaged) == (2, ())
    again = bench(folder, *SWEEP, "name=first", "keep=best")
    assert "2 runs, 2 already done, 0 to do" in again.stderr
    assert "lack" not in again.stderr
    assert not list((folder / "results" / "first").rglob("checkpoint*"))


def test_a_new_sweep_keeps_the_same_bytes_and_a_setting_of_the_command_is_none_of_the_run(folder):
    assert bench(folder, *SWEEP, "name=second", "keep=best").returncode == 0
    for one, other in zip(records(folder, "first"), records(folder, "second"), strict=True):
        assert (one.key, one.outcome) == (other.key, other.outcome)
        paths = (results.folder_of(folder / "results" / name, one.run) / WEIGHTS for name in ("first", "second"))
        assert len({path.read_bytes() for path in paths}) == 1


def test_only_what_none_and_best_mean_can_be_kept(folder):
    done = bench(folder, "task=mine", "keep=last")
    assert (done.returncode, "bad config at `keep`: must be" in done.stderr) == (2, True)


def test_the_weights_of_trials_are_not_kept_and_those_of_confirmations_are(folder):
    words = ["task=mine", "cell=gru", "hidden_size=6", "space=lr", "tune.n_trials=2", "tune.confirm_seeds=2"]
    done = bench(folder, *words, "keep=best", "name=tuned", "workers=1", "report=false")
    assert done.returncode == 0, done.stderr
    found = {each.run.phase: [] for each in records(folder, "tuned")}
    for each in records(folder, "tuned"):
        path = results.folder_of(folder / "results" / "tuned", each.run) / WEIGHTS
        found[each.run.phase].append(path.is_file())
    assert found == {"tune": [False, False], "confirm": [True, True]}


def copied(folder, name):
    directory = folder / "results" / name
    shutil.copytree(folder / "results" / "first", directory)
    return directory


def test_verify_and_diff_count_kept_weights_and_name_those_that_are_damaged(folder):
    whole = bench(folder, "verify", "results/first", "--sample", "0")
    assert "read: 2 whole records, 0 studies, 0 probes, the weights of 2 runs, each by its digest; 0" in whole.stdout
    path = sorted(copied(folder, "damaged").rglob(WEIGHTS))[0]
    path.write_bytes(path.read_bytes()[:-1])
    found = bench(folder, "verify", "results/damaged", "--sample", "0")
    assert found.returncode == 1
    assert f"damaged: bad data in {path.relative_to(folder)}: " in found.stdout
    compared = bench(folder, "diff", "results/first", "results/damaged")
    assert compared.returncode == 1
    assert "weights kept: of 2 runs in A, 1 in B" in compared.stdout
    assert WEIGHTS in compared.stderr
    as_rows = json.loads(bench(folder, "diff", "results/first", "results/damaged", "--json").stdout)
    assert as_rows["kept_weights"] == {"a": 2, "b": 1}


def test_a_damaged_file_is_said_to_be_so_and_replaced_where_weights_are_to_be_kept(folder):
    path = sorted(copied(folder, "repaired").rglob(WEIGHTS))[0]
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    silent = bench(folder, *SWEEP, "name=repaired")
    assert (silent.returncode, "damaged" in silent.stderr) == (0, False)
    done = bench(folder, *SWEEP, "name=repaired", "keep=best")
    assert done.returncode == 0, done.stderr
    assert "; the run is trained again for its weights" in done.stderr
    assert "1 finished run lacks weights" in done.stderr
    assert path.read_bytes() == content


def other_digest(folder, name):
    """Copy the results without weights, every record with the digest of others, and return the paths of records."""
    directory = copied(folder, name)
    for path in directory.rglob(WEIGHTS):
        path.unlink()
    for each in results.read(directory).records:
        outcome = dataclasses.replace(each.outcome, weights_digest="0" * 64)
        path = results.folder_of(directory, each.run) / "record.json"
        path.write_text(dataclasses.replace(each, outcome=outcome).to_json(), encoding="utf-8")
    return sorted(directory.rglob("record.json"))


def test_training_again_that_gives_other_weights_fails_and_leaves_the_records(folder):
    paths = other_digest(folder, "foreign")
    before = [path.read_bytes() for path in paths]
    done = bench(folder, *SWEEP, "name=foreign", "keep=best")
    assert done.returncode == 1
    said = "it gave others than those of its record: none are kept"
    assert done.stderr.count(said) == 2 * 2  # as each ends, and once more
    assert [path.read_bytes() for path in paths] == before
    assert not list((folder / "results" / "foreign").rglob(WEIGHTS))


def test_verify_says_of_kept_weights_that_training_gives_others(folder):
    directory = copied(folder, "elsewhere")
    for each in results.read(directory).records:
        kept = results.look_for_weights(directory, each).weights
        weights = {name: weight + np.float32(0.001) for name, weight in kept.items()}
        outcome = dataclasses.replace(each.outcome, weights_digest=digest_of_row(row_of(weights)))
        record = dataclasses.replace(each, outcome=outcome)
        results.folder_of(directory, each.run).joinpath("record.json").write_text(record.to_json(), encoding="utf-8")
        results.write_weights(directory, record, weights)
    done = bench(folder, "verify", "results/elsewhere", "--sample", "1")
    assert (done.returncode, "the weights of 2 runs" in done.stdout) == (1, True)
    said = "differ: weights digest (its kept weights are those of the record, and training it here gives others)"
    assert said in done.stdout


def sample(folder, *words):
    (record, *_) = records(folder, "first")
    done = bench(folder, "sample", f"results/first/{record.key}", *words)
    assert done.returncode == 0, done.stderr
    return done


def test_a_sample_is_the_same_for_the_same_seed_and_of_the_vocabulary(folder):
    first, again, other = (sample(folder, "--n", "60", "--seed", seed) for seed in "001")
    assert first.stdout == again.stdout != other.stdout
    assert len(first.stdout) == 61  # a new line ends it
    assert set(first.stdout) <= set(SENTENCE)
    assert first.stderr == ""
    (record, *_) = records(folder, "first")
    by_folder = bench(folder, "sample", f"results/first/runs/{record.run.label}", "--n", "60")
    assert by_folder.stdout == first.stdout


def test_a_text_begins_as_it_is_told_and_a_low_temperature_draws_the_probable(folder):
    assert sample(folder, "--prime", "the quick", "--n", "5").stdout.startswith("the quick")
    cold = {sample(folder, "--n", "12", "--seed", seed, "--temperature", "0.01").stdout for seed in "012"}
    assert len(cold) == 1


def test_a_sample_of_a_run_without_weights_trains_it_again_and_says_so(folder):
    directory = copied(folder, "bare")
    for path in directory.rglob(WEIGHTS):
        path.unlink()
    (record, *_) = records(folder, "bare")
    done = bench(folder, "sample", f"results/bare/{record.key}", "--n", "60")
    assert done.returncode == 0, done.stderr
    assert f"no weights of {record.run.label} are kept; it is trained again" in done.stderr
    assert done.stdout == sample(folder, "--n", "60").stdout
    assert not list(directory.rglob(WEIGHTS))


def test_a_sample_by_other_weights_than_those_of_the_record_says_so(folder):
    other_digest(folder, "strange")
    (record, *_) = records(folder, "strange")
    done = bench(folder, "sample", f"results/strange/{record.key}", "--n", "60")
    assert (done.returncode, "OTHER weights" in done.stderr) == (1, True)


BAD = {
    "nowhere": (["results/first/nothing"], "no run at results/first/nothing: must be results/NAME/runs/LABEL"),
    "a directory": (["results/first"], "no run at results/first: must be results/NAME/runs/LABEL"),
    "none": (["RUN", "--n", "0"], "--n: must be at least 1, got 0"),
    "cold": (["RUN", "--temperature", "0"], "--temperature: must be from 0.01 to 100, got 0"),
    "no number": (["RUN", "--temperature", "nan"], "--temperature: must be from 0.01 to 100, got nan"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_sampled_is_refused_in_one_message(folder, words, message):
    (record, *_) = records(folder, "first")
    done = bench(folder, "sample", *[word.replace("RUN", f"results/first/{record.key}") for word in words])
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_a_model_needs_no_data(folder, monkeypatch):
    (record, *_) = records(folder, "first")
    monkeypatch.chdir("/")
    model = model_of(record, folder / "results" / "first")
    assert model.shape.hidden_size == 6
