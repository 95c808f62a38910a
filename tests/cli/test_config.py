"""Bad input gets one clear message that says where, what, got and allowed, exit code 2, and nothing on disk."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
import yaml
from hydra._internal.sources_registry import SourcesRegistry

from bench.__main__ import main
from bench.cli.config import GROUPS, command_of, conf_dir, legal_keys
from bench.core.schema import fields_of
from bench.core.settings import (
    Command,
    InitSettings,
    Limits,
    OptimSettings,
    Pruner,
    RaySettings,
    SamplerChoice,
    SizeSettings,
    SlurmSettings,
    TrainSettings,
    TuneSettings,
)
from tests.toys import write_text_task

GOOD = {
    "name": "mine",
    "kind": "language_model",
    "version": 1,
    "title": "Mine",
    "licence": "none",
    "metric": "bits_per_char",
    "direction": "minimise",
    "sources": [{"kind": "local", "file": "mine.txt"}],
    "settings": {"train": {"batch_size": 4, "window": 10, "max_epochs": 1}},
}


def dispatch(words, capsys):
    """Return the exit status and what was said on stderr."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, capsys.readouterr().err


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with one small task of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    write_text_task(tmp_path, GOOD)
    return tmp_path


BAD_SETTINGS = [
    ("train.batchsize=3", "bad config at `train.batchsize`: unknown key; did you mean `train.batch_size`?"),
    ("optm.lr=3", "bad config at `optm.lr`: unknown key; did you mean `optim.lr`?"),
    ("+x=1", "bad config at `x`: unknown key; legal: "),
    ("~train.window", "bad override `~train.window`: a key cannot be deleted; set it to null for its default"),
    ("train.batch_size=0", "bad config at `train.batch_size`: must be at least 1, got 0"),
    ("train.batch_size=2.5", "bad config at `train.batch_size`: must be an integer, got 2.5"),
    ("train.batch_size=true", "bad config at `train.batch_size`: must be an integer, got True"),
    ("train.batch_size=many", "bad config at `train.batch_size`: must be an integer, got 'many'"),
    (
        "task.first_step=given",
        "bad config at `task.first_step`: is for tasks of kind piano_roll, and this is a language_model",
    ),
    ("task.levle=word", "bad config at `task.levle`: unknown key; did you mean `task.level`?"),
    ("train.dropout=1.5", "bad config at `train.dropout`: must be at least 0 and at most 0.999999, got 1.5"),
    ("train.dropout=0.5", "bad config at `train.dropout`: acts between layers and needs num_layers >= 2"),
    ("train.max_epochs=0", "bad config at `train`: needs a budget"),
    ("train.input_noise=0.1", "bad config at `train.input_noise`: acts on frames; the inputs of `mine` are tokens"),
    ("train.batch_size=100000", "bad config at `train.batch_size`: must be at most"),
    ("train.fraction=0", "bad config at `train.fraction`: must be above 0 and at most 1, got 0"),
    ("train.fraction=1.5", "bad config at `train.fraction`: must be above 0 and at most 1, got 1.5"),
    (
        "train.fraction=0.01",
        "bad config at `train.fraction`: leaves 23 of 2,268 training tokens, got 0.01: "
        "a batch of train.batch_size 4 and train.window 10 takes 40",
    ),
    ("optim.lr=-1", "bad config at `optim.lr`: must be above 0, got -1"),
    ("optim.lr=nan", "bad config at `optim.lr`: must be a finite number, got nan"),
    ("optim.lr=inf", "bad config at `optim.lr`: must be a finite number, got inf"),
    ("optim.lr=1e999", "bad config at `optim.lr`: must be a finite number, got inf"),
    ("hidden_size=1000000", "bad config at `hidden_size`: 1,000,000 with num_layers 1: its model needs"),
    ("optim.name=adamm", "bad config at `optim.name`: must be one of sgd, rmsprop, adam, adamw, got 'adamm'"),
    ("optim.nesterov=true", "bad config at `optim.nesterov`: needs optim.name=sgd and optim.momentum above 0"),
    (
        "optim.momentum_scales_lr=true",
        "bad config at `optim.momentum_scales_lr`: needs optim.name=sgd or rmsprop; adam has no momentum",
    ),
    ("optim.eps_rule=max", "bad config at `optim.eps_rule`: is a rule of optim.name=rmsprop, got adam"),
    ("optim.clip_velocity=1", "bad config at `optim.clip_velocity`: is a rule of optim.name=rmsprop, got adam"),
    ("train.loss=total", "bad config at `train.loss`: must be one of mean, sum, got 'total'"),
    ("train.noisy_validation=true", "bad config at `train.noisy_validation`: needs train.weight_noise above 0"),
    ("hidden_size=-5", "bad config at `hidden_size`: must be at least 1 and at most 1,000,000, got -5"),
    ("num_layers=0", "bad config at `num_layers`: must be at least 1 and at most 16, got 0"),
    ("num_layers=17", "bad config at `num_layers`: must be at least 1 and at most 16, got 17"),
    ("seed=-1", "bad config at `seed`: must be at least 0, got -1"),
    ("cell=grru", "bad config at `cell`: unknown choice `grru`; did you mean `gru`?"),
    ("task=min", "bad config at `task`: unknown choice `min`; did you mean `mine`?"),
    ("cell.reset=sideways", "bad config at `cell.reset`: must be one of after, before, got 'sideways'"),
    (
        "cell.forget_bias=1",
        "bad config at `cell.forget_bias`: not a setting of the chosen cell; `python -m bench cells`",
    ),
    ("kernel=warp", "bad config at `kernel`: must be one of auto, reference, bptt, fused, got 'warp'"),
    ("scale=lite", "bad config at `scale`: `lite` is for experiments that have `let.lite`"),
    ("scale=huge", "bad config at `scale`: must be one of full, lite, got 'huge'"),
    ("name=../../etc", "bad config at `name`: must be letters, digits, _ and -"),
    ("name=", "bad config at `name`"),
    ("size=params size.num_params=0", "bad config at `size.num_params`: must be at least 1, got 0"),
    ("size=params size.num_params=3", "bad config at `size.num_params`: one unit already has"),
    (
        "size=params hidden_size=5",
        "bad config at `hidden_size`: 5 has 1,065 recurrent parameters, -95% of the budget of 20,000; allowed is 5%",
    ),
    ("size=params size.num_params=null", "bad config at `size.num_params`: is required with `size=params`"),
    ("size=flops size.num_flops=null", "bad config at `size.num_flops`: is required with `size=flops`; got none"),
    ("size=flops size.num_flops=9", "bad config at `size.num_flops`: one unit already takes"),
    ("size=flops hidden_size=5", "bad config at `hidden_size`: 5 takes 2,070 recurrent operations, -95% of the budget"),
    ("size=flops size.num_params=9", "bad config at `size.num_params`: is the budget of `size=params`, and this is"),
    ("size=seconds", "bad config at `size.us_per_unit`: is required with `size=seconds`; got none"),
    ("size=seconds size.us_per_unit=0", "bad config at `size.us_per_unit`: must be above 0, got 0"),
    ("size=seconds size.us_per_unit=9 hidden_size=5", "bad config at `hidden_size`: is solved for with `size=seconds`"),
    ("size.us_per_unit=9", "bad config at `size.us_per_unit`: is the budget of `size=seconds`, and this is"),
    ("seed=${no.key}", "bad config"),
    ("seed=range(", "bad override `seed=range(`"),
    ("seed=range(0,1,0)", "bad override `seed=range(0,1,0)`: is not as range is written: range(STOP)"),
    ("seed=interval(0,1)", "seed=interval(0,1)"),
    ("seed=range(5,0) -m", "bad override `seed=range(5,0)`: sweeps over no value"),
    ("cell=glob(*x*) -m", "bad override `cell=glob(*x*)`: sweeps over no value"),
    ("cell=null", "bad config at `cell`: unknown choice `null`; legal: "),
    ("cell={kind:gru}", "bad config at `cell`: unknown choice `{kind:gru}`"),
    ("optim=3", "bad config at `optim`: must be a mapping, got 3"),
    ("+optim={x:1}", "bad config at `optim.x`: unknown key; legal: "),
    ("++x=1", "bad config at `x`: unknown key; legal: "),
    ("optim.lr=${no.key}", "bad config at `optim.lr`: needs `no.key`, which does not exist"),
    ("optim.lr=${optim.lr}", "bad config: Recursive interpolation detected"),
    ("optim.lr=true", "bad config at `optim.lr`: must be a finite number, got True"),
    ("hydra.verbose=5", "bad config: "),
    ("--resolve", "bad config: The --resolve flag can only be used in conjunction with --cfg or --help"),
    ("task=mine,mine2 -m", "bad config at `task`: unknown choice `mine2`; did you mean `mine`?"),
]


@pytest.mark.parametrize("sweep", [[], ["-m", "workers=1,2"]], ids=["alone", "in a sweep"])
@pytest.mark.parametrize(("words", "message"), BAD_SETTINGS, ids=[words for words, _ in BAD_SETTINGS])
def test_a_bad_setting_is_refused_before_anything_is_written(words, message, sweep, folder, capsys):
    before = sorted(folder.rglob("*"))
    status, said = dispatch(["task=mine", *sweep, *words.split()], capsys)
    assert status == 2
    assert message in said
    assert said.startswith("error: ")
    assert len(said.splitlines()) <= 3
    assert "Traceback" not in said
    assert sorted(folder.rglob("*")) == before


def test_one_bad_point_refuses_the_whole_sweep(folder, capsys):
    status, said = dispatch(["-m", "task=mine", "hidden_size=8,16,-1"], capsys)
    assert (status, "`hidden_size`: must be at least 1 and at most 1,000,000, got -1" in said) == (2, True)
    assert not (folder / "results").exists()


SCALARS = sorted(
    key
    for key in legal_keys()
    if key not in GROUPS
    and not any(other.startswith(f"{key}.") for other in legal_keys())
    and key not in ("task", "let")
)


def test_no_folder_takes_the_place_of_a_setting(folder, capsys):
    for key in SCALARS:
        for place in (folder, folder / "received"):
            (place / key).mkdir(parents=True)
            (place / key.replace(".", "/")).mkdir(parents=True, exist_ok=True)
    words = ["report=false", "seed=3", "hidden_size=4", "optim.lr=0.5", "name=folders", "dry_run=true", "num_layers=1"]
    for more in ([], ["--config-dir", "received"], ["-m"]):
        status, said = dispatch([*more, "task=mine", *words], capsys)
        assert (status, "mine-gru-h4x1-s3" in said) == (0, True), said
    reader = SourcesRegistry.instance().resolve("file")("here", f"file://{folder}")
    assert not [key for key in SCALARS if reader.is_group(key)]


def test_a_glob_sweeps_over_the_choices_that_match(folder, capsys):
    status, said = dispatch(["-m", "task=mine", "cell=glob(*,exclude=t*)", "dry_run=true"], capsys)
    assert status == 0
    assert [name in said for name in ("mine-gru-", "mine-lstm-", "mine-tanh-")] == [True, True, False]


BAD_TASKS = [
    ({"kind": "speech"}, "bad config at `task.kind`: unknown kind of task 'speech'"),
    ({"versoin": 2}, "bad config at `task.versoin`: unknown key; did you mean `version`?"),
    ({"version": "two"}, "bad config at `task.version`: must be an integer, got 'two'"),
    ({"metric": "elo"}, "bad config at `task.metric`: must be one of nll, bits_per_char, perplexity, got 'elo'"),
    ({"direction": "maximise"}, "bad config at `task.direction`: must be minimise for bits_per_char, got maximise"),
    (
        {"metric": "perplexity"},
        "bad config at `task.metric`: must be bits_per_char where a character is predicted, got perplexity",
    ),
    ({"level": "word"}, "bad config at `task.metric`: must be perplexity where a word is predicted, got bits_per_char"),
    ({"kind": "piano_roll"}, "bad config at `task.metric`: must be nll where a frame is predicted, got bits_per_char"),
    ({"_target_": "os.system"}, "key `_target_` is not allowed"),
    ({"hydra": {"run": {"dir": "/"}}}, "key `hydra` is not allowed"),
    ({"defaults": ["override hydra/launcher: basic"]}, "key `defaults` is not allowed"),
    ({"title": "${oc.env:HOME}"}, "interpolation is not allowed, got '${oc.env:HOME}'"),
    ({"sources": [{"kind": "magic"}]}, "bad config at `task.sources[0].kind`: unknown kind of source 'magic'"),
    ({"settings": {"trian": {}}}, "bad config at `task.mine.settings.trian`: unknown key; did you mean `train`?"),
    (
        {"settings": {"train": {"window": 0}}},
        "bad config at `task.mine.settings.train.window`: must be at least 1, got 0",
    ),
]


@pytest.mark.parametrize(("changes", "message"), BAD_TASKS, ids=[str(changes) for changes, _ in BAD_TASKS])
def test_a_bad_task_file_is_refused(changes, message, folder, capsys):
    write_text_task(folder, {**GOOD, **changes})
    status, said = dispatch(["task=mine"], capsys)
    assert (status, message in said) == (2, True), said
    assert not (folder / "results").exists()


@pytest.mark.parametrize("words", [["task=copy"], ["-m", "task=mine,copy"], ["validate", "task=copy"]], ids=" ".join)
def test_a_task_of_another_name_than_its_file_is_refused(words, folder, capsys):
    (folder / "task" / "copy.yaml").write_text(yaml.safe_dump(GOOD))
    problem = "must be that of its file, copy, got mine"
    status, said = dispatch(words, capsys)
    assert (status, said.endswith(f"task/copy.yaml: name`: {problem}\n")) == (2, True), said
    assert not (folder / "results").exists()


def test_two_tasks_of_one_name_refuse_the_sweep(folder, capsys):
    status, said = dispatch(["-m", "task=mine,kjv_char", "task.name=mine"], capsys)
    problem = "two tasks of one sweep are called `mine`, and differ in `closed_vocabulary`"
    assert (status, said) == (2, f"error: bad config at `task.name`: {problem}\n")
    assert not (folder / "results").exists()


def test_an_alias_bomb_is_refused_at_once(folder, capsys):
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)
    )
    (folder / "task" / "mine.yaml").write_text(bomb)
    status, said = dispatch(["task=mine"], capsys)
    assert (status, "more than 16 aliases" in said) == (2, True)


def test_a_file_too_large_for_a_task_is_refused(folder, capsys):
    (folder / "task" / "mine.yaml").write_text("title: " + "x" * 300_000)
    status, said = dispatch(["task=mine"], capsys)
    assert (status, "must be at most 262144 bytes" in said) == (2, True)


def test_an_unknown_command_names_the_nearest(capsys):
    assert dispatch(["reprot"], capsys) == (2, "error: unknown command `reprot`; did you mean `report`?\n")


def node(**changes):
    base = yaml.safe_load((conf_dir() / "config.yaml").read_text())
    base.pop("defaults")
    base.pop("hydra")
    cell = yaml.safe_load((conf_dir() / "cell" / "gru.yaml").read_text())
    size = yaml.safe_load((conf_dir() / "size" / "hidden.yaml").read_text())
    chosen = {"sampler": choice("sampler", "auto"), "pruner": choice("pruner", "none")}
    return {**base, "task": GOOD, "cell": cell, "size": size, "tune": {**base["tune"], **chosen}, **changes}


def choice(kind, name):
    return yaml.safe_load((conf_dir() / "tune" / kind / f"{name}.yaml").read_text())


def test_a_setting_comes_from_the_command_then_the_task_then_the_default():
    command = command_of(node(train={"window": 7}))
    assert command.train.window == 7
    assert command.train.batch_size == 4
    assert command.train.clip_norm == TrainSettings().clip_norm


def test_the_config_file_names_every_setting_and_no_other():
    base = node()
    for name, kind in {
        "init": InitSettings,
        "optim": OptimSettings,
        "train": TrainSettings,
        "size": SizeSettings,
        "tune": TuneSettings,
        "limits": Limits,
        "slurm": SlurmSettings,
        "ray": RaySettings,
    }.items():
        assert set(base[name]) == set(fields_of(kind)), name
    assert set(base) == set(fields_of(Command))


@pytest.mark.parametrize(("kind", "settings"), [("sampler", SamplerChoice), ("pruner", Pruner)])
def test_every_sampler_and_pruner_has_a_file_with_every_argument_at_its_default(kind, settings):
    classes = get_args(settings)
    names = {each().name: each for each in classes}
    assert {path.stem for path in (conf_dir() / "tune" / kind).glob("*.yaml")} == set(names)
    for name, each in names.items():
        assert choice(kind, name) == dataclasses.asdict(each())
