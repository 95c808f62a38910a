"""Extensions: an optimum outside the space is found, by the same draws for every cell, whatever comes in between."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import optuna
import pytest

from bench.core.errors import BenchError, UsageError
from bench.core.settings import QuasiRandom, RandomSearch
from bench.results import read_studies
from bench.results.status import status_of
from bench.tuning.stages import stages
from tests.tuning.simulated import N_EPOCHS, ToyTasks, command, run_trials

NARROW = {"optim": {"lr": {"low": 1e-5, "high": 1e-3, "log": True}}}
BEST = {"gru": 1.2e-3, "tanh": 1e-4}
"""The best rate of each cell: the GRU's lies outside, the tanh cell's in the middle."""

SAMPLERS = (RandomSearch(), QuasiRandom("qmc", "lattice"), QuasiRandom())


class Tasks(ToyTasks):
    """The same, where no hidden size comes from timing."""

    timed_sizes = SimpleNamespace(timed_size=lambda run: None)


def curve(run, best=BEST) -> list[float]:
    level = 8 + math.log10(run.optim.lr / best[run.cell_name]) ** 2
    return [level + 2 / epoch for epoch in range(1, N_EPOCHS + 1)]


def tuned(cell, *, name="toy", space=NARROW, **tune):
    return command(cell, space, **{"extend": True, "confirm_seeds": 1, **tune}, name=name)


def both(**changes):
    return [tuned(cell, **changes) for cell in ("gru", "tanh")]


def refuse(folder, stem):
    raise BenchError("no file")


def carry_out(commands, most=None, curve_of=curve, status_of=lambda run: "done") -> list:
    """Run the trials of a command and their extensions, in all so many at most, and die; return what was trained."""
    trained = []
    sweeps = stages(commands, Tasks(), refuse)
    for sweep in sweeps:
        if sweep.queue is None:
            break
        sweep.queue.begin(sweep.waiting)
        left = None if most is None else most - len(trained)
        trained += run_trials(sweep.queue, left, status_of, curve_of)
        if most is not None and len(trained) == most:
            sweep.queue._has_begun = False  # killed: nothing is written at the end
            sweep.queue._held.close()
            break
    sweeps.close()
    return trained


def studies(folder, name="toy"):
    return {study.label: study for study in read_studies(folder / "results" / name).records}


def rates(study) -> list[float]:
    return [trial.params["optim.lr"] for trial in study.trials]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["random", "lattice", "sobol"])
def test_an_optimum_outside_the_space_is_found_by_the_same_draws_for_every_cell(folder, sampler, capsys):
    carry_out(both(sampler=sampler))
    gru, tanh = studies(folder).values()
    assert (gru.cell, tanh.cell) == ("gru", "tanh")
    (extension,) = gru.extensions
    assert gru.extensions == tanh.extensions
    assert (extension.path, extension.end, extension.cells) == ("optim.lr", "upper", ("gru",))
    assert (extension.low, extension.first, extension.n_trials) == (1e-3, 8, 4)
    assert extension.high == pytest.approx(1e-2, rel=1e-9)
    assert rates(gru) == rates(tanh)
    assert all(1e-5 <= rate <= 1e-3 for rate in rates(gru)[:8])
    assert all(1e-3 <= rate <= 1e-2 for rate in rates(gru)[8:])
    assert gru.space["optim.lr"].bounds == (1e-5, extension.high)
    said = capsys.readouterr().err
    assert (
        "toy_music: optim.lr is searched from 0.001 to 0.01 too, for every cell, in 4 more trials of each study, "
        "as the best of gru lay at its upper end"
    ) in said
    assert "best of 12 trials" in said
    assert "may lie beyond the space" not in said


def test_without_extensions_the_same_is_said_and_nothing_is_done(folder, capsys):
    assert len(carry_out(both(extend=False))) == 16
    assert [study.extensions for study in studies(folder).values()] == [(), ()]
    said = capsys.readouterr().err
    assert "study toy_music gru h=7: the best optim.lr is the largest drawn: the optimum may lie beyond" in said
    assert "study toy_music tanh h=7: the best optim.lr" not in said


def test_best_trials_in_the_middle_leave_everything_as_it_was(folder):
    inside = {"gru": 1e-4, "tanh": 1e-4}
    for name, extend in (("with", True), ("without", False)):
        carry_out(both(extend=extend, name=name), curve_of=lambda run: curve(run, inside))
    assert studies(folder, "with") == studies(folder, "without")


def test_an_extension_changes_no_key_of_a_study_or_a_run(folder):
    first = carry_out(both(extend=False))
    later = carry_out(both())
    assert len(later) == 8  # only the new ones
    assert not {run.key for run in first} & {run.key for run in later}
    assert len(list((folder / "results/toy/studies").iterdir())) == 2
    known = studies(folder)
    assert carry_out(both()) == []
    assert studies(folder) == known


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["random", "lattice", "sobol"])
@pytest.mark.parametrize("most", [5, 15, 16, 17, 23])
def test_a_command_that_is_killed_and_given_again_makes_the_trials_of_one_that_is_not(folder, most, sampler):
    whole = carry_out(both(name="whole", sampler=sampler))
    parts = carry_out(both(name="parts", sampler=sampler), most)
    parts += carry_out(both(name="parts", sampler=sampler))
    assert sorted(run.key for run in parts) == sorted(run.key for run in whole)
    found, wanted = studies(folder, "parts"), studies(folder, "whole")
    assert {label: (each.trials, each.extensions) for label, each in found.items()} == {
        label: (each.trials, each.extensions) for label, each in wanted.items()
    }


def test_what_was_decided_stands_and_reaches_the_studies_that_were_not_written_any_more(folder):
    carry_out(both(extend=False))
    carry_out([tuned("gru")])  # as if killed between the files of the two studies
    assert [len(study.extensions) for study in studies(folder).values()] == [1, 0]
    assert {run.cell_name for run in carry_out(both())} == {"tanh"}
    gru, tanh = studies(folder).values()
    assert gru.extensions == tanh.extensions
    assert rates(gru) == rates(tanh)


def test_studies_that_were_widened_differently_cannot_go_on_together(folder):
    opposite = {"gru": 3e-3, "tanh": 3e-6}
    for cell in opposite:
        carry_out([tuned(cell)], curve_of=lambda run: curve(run, opposite))
    with pytest.raises(UsageError, match="were widened differently, by a command for each alone"):
        carry_out(both())


def test_a_range_is_widened_at_either_end_and_at_most_three_times_at_each(folder):
    away = {"gru": 1e9, "tanh": 1e-15}
    carry_out(both(n_trials=4), curve_of=lambda run: curve(run, away))
    gru, tanh = studies(folder).values()
    assert gru.extensions == tanh.extensions
    assert [(each.end, each.cells) for each in gru.extensions] == [("lower", ("tanh",)), ("upper", ("gru",))] * 3
    assert gru.space["optim.lr"].bounds == (pytest.approx(1e-8, rel=1e-9), pytest.approx(1.0, rel=1e-9))
    assert (len(gru.trials), gru.n_wanted) == (4 + 6 * 2, 16)


def test_every_replication_is_widened_where_most_of_a_cell_are_at_an_edge(folder):
    carry_out(both(n_trials=4, replications=3))
    found = studies(folder)
    assert len(found) == 6
    assert len({study.extensions for study in found.values()}) == 1
    assert {each.cells for study in found.values() for each in study.extensions} == {("gru",)}
    for replication in (1, 2, 3):
        gru, tanh = (found[f"toy_music {cell} h=7 replication {replication}"] for cell in ("gru", "tanh"))
        assert rates(gru) == rates(tanh)
    assert len({rate for study in found.values() for rate in rates(study)[4:]}) == 3 * 2


def test_a_larger_total_comes_first_and_the_best_are_judged_anew(folder):
    carry_out(both(n_trials=6))
    assert [study.extensions[0].first for study in studies(folder).values()] == [6, 6]
    assert len(carry_out(both(n_trials=8))) == 2 * (2 + 1)  # two more in the space as it was, one more beyond
    carry_out(both(n_trials=8, name="at_once"))
    for label, study in studies(folder).items():
        other = studies(folder, "at_once")[label]
        assert (rates(study), study.extensions, study.space) == (rates(other), other.extensions, other.space)
    for study in studies(folder).values():
        assert all(rate <= 1e-3 for rate in rates(study)[:8])
        assert all(rate >= 1e-3 for rate in rates(study)[8:])


def test_without_extensions_again_a_study_is_what_it_was(folder):
    carry_out(both(extend=False, name="never"))
    carry_out(both())
    carry_out(both(extend=False))
    assert studies(folder) == studies(folder, "never")


def test_whole_numbers_stay_whole_and_other_settings_are_drawn_as_ever(folder):
    space = {**NARROW, "hidden_size": {"low": 2, "high": 10, "whole": True}}
    size_matters = lambda run: [9 - run.hidden_size / 100 + 2 / epoch for epoch in range(1, N_EPOCHS + 1)]  # noqa: E731
    carry_out(both(space=space), curve_of=size_matters)
    gru, tanh = studies(folder).values()
    assert gru.trials[8].params == tanh.trials[8].params
    sizes = [each for each in gru.extensions if each.path == "hidden_size"]
    assert [(each.low, each.high) for each in sizes] == [(11, 14), (15, 18), (19, 22)]
    for each in sizes:
        drawn = [trial.params["hidden_size"] for trial in gru.trials[each.first : each.first + each.n_trials]]
        assert all(isinstance(size, int) and each.low <= size <= each.high for size in drawn)


def test_sizes_are_widened_together_and_other_conditions_by_themselves(folder):
    narrow, wide = tuned("gru"), replace(tuned("tanh"), hidden_size=9)
    deep = replace(tuned("gru"), num_layers=2)
    inside = {"gru": 1e-4, "tanh": 1e-4}
    carry_out([narrow, wide, deep], curve_of=lambda run: curve(run, inside if run.num_layers == 2 else BEST))
    found = {label: len(study.extensions) for label, study in studies(folder).items()}
    assert found == {"toy_music gru h=7": 1, "toy_music tanh h=9": 1, "toy_music gru h=7 x2": 0}


def test_trials_that_failed_are_judged_as_they_ended_and_tried_again_in_their_place(folder):
    fails = lambda run: "failed" if run.optim.lr > 1e-3 and run.cell_name == "gru" else "done"  # noqa: E731
    carry_out(both(), status_of=fails)
    before = studies(folder)
    assert len(carry_out(both())) == 4
    assert [study.extensions for study in before.values()] == [study.extensions for study in studies(folder).values()]


def test_a_plan_shows_the_extensions_that_were_decided_and_writes_nothing(folder):
    carry_out(both())
    carry_out([tuned("tanh", extend=False)])
    files = {path: path.read_bytes() for path in (folder / "results").rglob("study.json")}
    sweep = next(stages(both(), Tasks(), refuse))
    assert (len(sweep.runs), len(sweep.waiting)) == (24, 0)
    assert files == {path: path.read_bytes() for path in (folder / "results").rglob("study.json")}


def test_the_status_counts_the_trials_of_the_new_part(folder):
    carry_out(both(), 20)
    assert [(study.n_trials, study.n_over) for study in status_of(folder / "results/toy").studies] == [
        (12, 12),
        (12, 8),
    ]


def test_a_copy_in_a_storage_has_the_trials_of_the_new_part_too(folder):
    url = f"sqlite:///{folder}/copy.db"
    carry_out(both(storage=url))
    carry_out(both(storage=url))
    (name, *_) = [name for name in optuna.get_all_study_names(url) if "gru" in name]
    copied = [trial.params["optim.lr"] for trial in optuna.load_study(study_name=name, storage=url).trials]
    assert copied == rates(next(study for study in studies(folder).values() if study.cell == "gru"))
