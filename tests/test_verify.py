"""Verify: records that hold are confirmed, records that do not are told, wherever they were made."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from bench import store
from tests.test_config import GOOD
from tests.test_sweep import bench, records
from tests.toys import write_text_task

SWEEP = ("-m", "task=mine", "cell=gru", "hidden_size=6", "seed=range(4)", "train.max_updates=40", "name=whole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    assert bench(path, *SWEEP).returncode == 0
    return path


def rewritten(folder, name, change) -> None:
    """Copy the results under another name with every record changed, digests made to match."""
    target = folder / "results" / name
    shutil.copytree(folder / "results" / "whole", target)
    for record in store.read(target).records:
        path = store.folder_of(target, record.run) / "record.json"
        path.write_text(change(record).to_json())


def with_score(record, factor):
    metric = record.run.task["metric"]
    test = {**record.outcome.scores["test"], metric: record.outcome.scores["test"][metric] * factor}
    outcome = dataclasses.replace(record.outcome, scores={**record.outcome.scores, "test": test})
    return dataclasses.replace(record, outcome=outcome)


def made_elsewhere(record):
    return dataclasses.replace(record, provenance=dataclasses.replace(record.provenance, cpu="Another CPU"))


def test_what_was_trained_here_is_confirmed_to_the_bit(folder):
    done = bench(folder, "verify", "results/whole", "--sample", "2")
    assert done.returncode == 0, done.stderr
    assert "4 whole records, 2 runs trained again" in done.stdout
    assert done.stdout.count("identical to the bit") == 2


def test_a_score_that_training_does_not_give_is_told(folder):
    rewritten(folder, "forged", lambda record: with_score(record, 0.9999))
    done = bench(folder, "verify", "results/forged", "--sample", "1")
    assert done.returncode == 1
    assert "DIFFERENT" in done.stdout


def test_records_of_another_machine_may_differ_by_the_spread_of_seeds_and_no_more(folder):
    rewritten(folder, "near", lambda record: made_elsewhere(with_score(record, 1.0001)))
    near = bench(folder, "verify", "results/near", "--sample", "1")
    assert near.returncode == 0, near.stdout
    assert "within the spread of seeds; made elsewhere (cpu Another CPU)" in near.stdout
    rewritten(folder, "far", lambda record: made_elsewhere(with_score(record, 1.5)))
    assert bench(folder, "verify", "results/far", "--sample", "1").returncode == 1


def test_a_damaged_record_is_named(folder):
    shutil.copytree(folder / "results" / "whole", folder / "results" / "damaged")
    path = sorted((folder / "results" / "damaged").glob("runs/*/record.json"))[0]
    path.write_text(path.read_text()[:-40])
    done = bench(folder, "verify", "results/damaged", "--sample", "0")
    assert done.returncode == 1
    assert str(path.relative_to(folder)) in done.stdout


def test_failed_runs_are_carried_out_once_more_from_their_records(folder):
    rewritten(folder, "failed", lambda record: dataclasses.replace(record, outcome=failure(record)))
    done = bench(folder, "status", "results/failed", "--retry-failed")
    assert done.returncode == 0, done.stderr
    mended, whole = ({record.key: record.outcome for record in records(folder, name)} for name in ("failed", "whole"))
    assert mended == whole


def failure(record):
    return dataclasses.replace(record.outcome, status="failed", reason="lightning", scores={}, curve=())
