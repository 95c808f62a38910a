"""Keys name settings; records are whole or refused."""

from __future__ import annotations

import dataclasses

import pytest

from bench.cells import shipped_cell
from bench.core.digest import checked_node, with_digest
from bench.core.errors import DataError
from bench.core.settings.added_later import LATER
from bench.results.run import Cost, CurvePoint, Outcome, Pieces, Provenance, RunRecord, differing_parts, slug
from tests.toys import cell_node, changed, music_spec, run


def record() -> RunRecord:
    each = run()
    outcome = Outcome(
        status="done",
        reason="budget spent",
        kernel="reference",
        n_updates=3,
        n_epochs=1.5,
        best_update=2,
        curve=(CurvePoint(1.0, 2, 0.1 + 0.2, 1 / 3, 0.01),),
        scores={"test": {"nll": 8.55}},
        baseline={"test": {"nll": 11.06}},
        num_params={"recurrent": 5, "total": 9},
        data_digests={"train": "ab"},
        weights_digest="cd",
        pieces={"test": Pieces.of([85.5, 2 / 3 * 1e3], [10, 78])},
    )
    cost = Cost(3.0, 0.1, 2.0, 0.5, (1.0,), 100, "frame", 1 << 20)
    origin = Provenance("2026-01-01T00:00:00+00:00", "abc", False, {"torch": "2"}, "Linux", "cpu", "cpu", 1)
    return RunRecord(each.key, each, outcome, cost, origin)


def test_a_record_comes_back_as_it_was_written_to_the_last_bit():
    assert RunRecord.from_json(record().to_json(), "here") == record()


def test_a_piece_keeps_eight_digits_of_its_loss():
    assert record().outcome.pieces["test"].nats == (85.5, 666.66667)


def test_a_record_from_before_pieces_were_kept_is_read_and_differs_from_the_same_run_in_nothing():
    node = checked_node(record().to_json(), "here", 2, "run record")
    del node["outcome"]["pieces"]
    old = RunRecord.from_json(with_digest(node), "here")
    assert old.outcome == dataclasses.replace(record().outcome, pieces={})
    assert differing_parts(old.outcome, record().outcome) == ()


def test_pieces_that_both_outcomes_have_are_compared_to_the_bit():
    ours = record().outcome
    theirs = dataclasses.replace(
        ours, pieces={"test": Pieces((85.5, 666.66668), (10, 78))}, scores={"test": {"nll": 1}}
    )
    assert differing_parts(ours, ours) == ()
    assert differing_parts(ours, theirs) == ("scores", "pieces")


def test_any_flipped_byte_is_noticed():
    text = record().to_json()
    for position in range(0, len(text), 7):
        flipped = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        try:
            read = RunRecord.from_json(flipped, "here")
        except DataError:
            continue
        assert read == record(), f"byte {position} changed the record unseen"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"digest": 1}', '{"format": 99}'])
def test_what_is_no_record_is_refused_by_name(text):
    with pytest.raises(DataError, match="bad data in here"):
        RunRecord.from_json(text, "here")


def test_a_record_of_another_format_is_refused_by_its_number():
    other = dataclasses.replace(record(), format=99)
    with pytest.raises(DataError, match="record format 99, this version reads 2"):
        RunRecord.from_json(other.to_json(), "here")


@pytest.mark.parametrize(
    "other",
    [
        run(seed=1),
        run(hidden_size=8),
        run("lstm"),
        changed(run(), "optim", lr=0.02),
        changed(run(), "train", max_epochs=3),
        changed(run(), "train", fraction=0.5),
        run(phase="tune"),
    ],
)
def test_every_setting_is_part_of_the_key(other):
    assert other.key != run().key


def test_a_tasks_version_is_part_of_the_key_and_its_description_is_not():
    task = dict(run().task)
    assert run().key != dataclasses.replace(run(), task={**task, "version": 2}).key
    assert run().key == dataclasses.replace(run(), task={**task, "description": "other words"}).key


def test_a_run_at_the_default_of_a_later_setting_has_the_key_that_it_had_before_there_was_one():
    assert run().key == "4a433c3d8b40567a"
    assert run("lstm", task="toy_text").key == "d287f57e7d475dfb"
    assert changed(run(), "train", fraction=0.5).key != run().key


def test_a_later_field_of_a_cell_changes_the_key_where_it_does_something():
    keys = [
        run(cell_node("lstm", **fields)).key for fields in ({}, {"chrono": 0.0, "output_bias": 0.0}, {"chrono": 9.0})
    ]
    assert keys[0] == keys[1] != keys[2]


def test_a_given_first_step_makes_another_run_and_a_predicted_one_does_not():
    task = run().task
    keys = [dataclasses.replace(run(), task={**task, "first_step": way}).key for way in ("predicted", "given")]
    assert run().key == keys[0] != keys[1]


def test_what_stood_for_a_later_setting_is_its_default():
    for path, before in LATER.items():
        section, name = path.split(".")
        match section:
            case "cell":
                known = dict(shipped_cell("lstm").fields)
            case "task":
                known = vars(music_spec())
            case _:
                known = vars(getattr(run(), section))
        assert known[name] == before


def test_a_record_from_before_a_later_setting_reads_as_its_default():
    node = checked_node(record().to_json(), "here", 2, "run record")
    for path in LATER:
        section, name = path.split(".")
        node["run"][section].pop(name, None)
    read = RunRecord.from_json(with_digest(node), "here")
    assert read == record()
    assert read.run.key == read.key


@pytest.mark.parametrize("name", ["../../etc", "-rf", "a b", "ü", "", "x" * 300, "a\x00b", "~", ".."])
def test_a_slug_is_a_plain_file_name(name):
    cleaned = slug(name)
    assert cleaned.isascii()
    assert 0 < len(cleaned) <= 40
    assert cleaned.replace("_", "").isalnum()
