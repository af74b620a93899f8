"""Settings: where they come from, which wins, and what is said of wrong ones."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from tfner.config.pretrain import PretrainConfig
from tfner.config.sections import Section
from tfner.config.train import (
    PRESETS,
    DataConfig,
    OptimizerConfig,
    SpanConfig,
    TokenConfig,
    TrainConfig,
    read_settings,
)
from tfner.errors import ConfigError

NEEDED = {"train": "a.conll", "encoder": "e", "output": "o"}


def settings_of(text: str, folder: Path, *assignments: str, **flags: object) -> dict:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, assignments, flags)


def failure(*assignments: str, **flags: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings(None, assignments, flags)
    return str(caught.value)


def test_all_that_is_needed_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig().check_needed()
    assert all(f"--{name}" in str(caught.value) for name in NEEDED)
    assert "3 problems" in str(caught.value)


def test_a_setting_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run.toml: `prefilter` is gone: all quer"):
        settings_of("[data]\nprefilter = 0.99\n", tmp_path)


def test_toml_gives_the_same_settings_again(tmp_path: Path) -> None:
    config = TrainConfig(
        **NEEDED,
        labels=("B", "A"),
        dev_fraction=0.25,
        lower_case=False,
        limit=7,
        jit_compile=False,
    )
    assert TrainConfig(**settings_of(config.to_toml(), tmp_path)) == config


def test_defaults_survive_toml(tmp_path: Path) -> None:
    config = TrainConfig(**NEEDED)
    assert TrainConfig(**settings_of(config.to_toml(), tmp_path)) == config


def test_lists_of_flags_become_tuples() -> None:
    assert read_settings(None, [], {"labels": ["A", "B"]}) == {"labels": ("A", "B")}


def test_flags_and_assignments_win_over_the_file(tmp_path: Path) -> None:
    text = "[optimizer]\nepochs = 1\nseed = 1\nbatch_size = 1\n"
    found = settings_of(text, tmp_path, "training.seed=2", batch_size=3)
    assert found == {"epochs": 1, "seed": 2, "batch_size": 3}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("optimizer.epochs=4", 4),
        ("epochs=4", 4),
        ("optimizer.learning_rate=1", 1),
        ("devices.jit_compile=false", False),
        ("model.encoder=dir/with=sign", "dir/with=sign"),
        ('model.encoder="quoted"', "quoted"),
        ("saving.output=2024", "2024"),
        ("saving.output=2024-01-01", "2024-01-01"),
        ('task.labels=["PER", "LOC"]', ("PER", "LOC")),
    ],
)
def test_assignments_read_values_as_toml_or_as_text(assignment: str, value) -> None:
    name = assignment.partition("=")[0].rpartition(".")[2]
    assert read_settings(None, [assignment], {}) == {name: value}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("optimizer.epoch=1", ["unknown setting 'epoch'", "did you mean 'epochs'"]),
        ("data.epochs=1", ["`epochs` belongs to section [optimizer]"]),
        ("optimizer.epochs=many", ["`epochs` must be an integer", "'many'"]),
        ("optimizer.epochs=2.5", ["`epochs` must be an integer"]),
        ("optimizer.epochs=true", ["`epochs` must be an integer"]),
        ("optimizer.seed=-1", ["`seed` must be at least 0"]),
        ("data.dev_fraction=1", ["at most 0.9"]),
        ("optimizer.learning_rate=nan", ["`learning_rate` must be at least 0"]),
        ("optimizer.layout=paked", ["'paked'", "did you mean 'packed'"]),
        ("task.labels=PER", ["`labels` must be a list of strings"]),
        ("task.labels=[1]", ["`labels` must be a list of strings"]),
        ("tokenizer.lower_case=1", ["`lower_case` must be a boolean"]),
        ("data.train=a\udcff.bio", ["`train` is no UTF-8", r"'a\udcff.bio'"]),
        ("task.labels=['\udcff']", ["`labels` is no UTF-8"]),
        ("saving.overwrite", ["section.key=value", "saving.overwrite"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(assignment, words) -> None:
    message = failure(assignment)
    assert all(word in message for word in words), message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = 'seed = 1\n[optimizer]\nepoch = 1\nbatch_size = 0\n[model]\ndropout = "x"\n'
    with pytest.raises(ConfigError) as caught:
        settings_of(text, tmp_path, "optimizer.layout=no")
    message = str(caught.value)
    assert message.startswith("5 problems in the settings:")
    for word in ("`seed` belongs", "'epoch'", "batch_size=0", "`dropout`", "'no'"):
        assert word in message


def test_contradicting_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        TrainConfig(**NEEDED, overwrite=True, resume=True)


def test_a_toml_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.toml is no valid TOML.*line 2"):
        settings_of("[optimizer]\nepochs = = 3\n", tmp_path)


def test_a_byte_order_mark_in_a_file_is_skipped(tmp_path: Path) -> None:
    assert settings_of("\ufeff[optimizer]\nepochs = 3\n", tmp_path) == {"epochs": 3}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml cannot be read: No such file"):
        read_settings(tmp_path / "no.toml", [], {})


def test_paths_and_lists_are_stored_as_text_and_tuples() -> None:
    config = TrainConfig(train=Path("a"), encoder="e", output=Path("o"), labels=["A"])
    assert (config.data.train, config.saving.output, config.task.labels) == (
        "a",
        "o",
        ("A",),
    )


def test_replace_checks_again() -> None:
    with pytest.raises(ConfigError, match="epochs=0"):
        TrainConfig(**NEEDED).replace(epochs=0)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_made_of_settings(name: str) -> None:
    config = TrainConfig(**NEEDED, **PRESETS[name])
    assert config.to_json() | PRESETS[name] == config.to_json()


def test_a_preset_yields_to_what_is_given_anywhere(tmp_path: Path) -> None:
    text = 'preset = "electra-base"\n[optimizer]\nwarmup_ratio = 0.5\n'
    text += "learning_rate = 5e-5\n"
    found = settings_of(text, tmp_path, "optimizer.adam_epsilon=1e-3", weight_decay=0.0)
    given = {"learning_rate": 5e-5, "warmup_ratio": 0.5, "adam_epsilon": 1e-3}
    assert found == {**PRESETS["electra-base"], **given, "weight_decay": 0.0}


def test_an_unknown_preset_is_told_with_its_neighbours() -> None:
    message = failure(preset="electra-bass")
    assert "did you mean 'electra-base'" in message


def test_sections_are_given_by_setting_or_whole() -> None:
    config = TrainConfig(**NEEDED, epochs=5, lower_case=True)
    assert (config.data.train, config.optimizer.epochs) == ("a.conll", 5)
    assert config.tokenizer.lower_case is True
    data = DataConfig(train="a.conll")
    whole = TrainConfig(
        data=data, optimizer=OptimizerConfig(epochs=5), encoder="e", output="o"
    )
    assert whole.replace(lower_case=True) == config
    assert whole.replace(data=DataConfig(train="b")).data.train == "b"
    assert TrainConfig(data=data, train="c").data.train == "c"


def test_every_setting_is_documented_once_and_has_a_name_of_its_own() -> None:
    for kind in (TrainConfig, PretrainConfig):
        sections = [k for kinds in kind.kinds().values() for k in kinds.values()]
        names = [(leaf.owner, n) for s in sections for n, leaf in s.leaves().items()]
        assert len({name for _, name in names}) == len(set(names))
        for leaf in kind.leaves().values():
            assert leaf.help[0].isupper(), leaf.name
            assert leaf.help.endswith("."), leaf.name
    assert "epochs: passes over the training corpus;" in (OptimizerConfig.__doc__ or "")
    assert "learning_rate: highest" in (OptimizerConfig.__doc__ or "")


@pytest.mark.parametrize("kind", [TrainConfig, PretrainConfig])
def test_help_and_editors_of_a_prompt_show_all_settings(kind) -> None:
    shown = inspect.signature(kind).parameters
    assert list(shown) == list(kind.leaves())
    assert shown["learning_rate"].default == kind().optimizer.learning_rate
    for name, leaf in kind.leaves().items():
        assert f"    {name}: {leaf.help[0].lower()}{leaf.help[1:]}" in kind.__doc__


def test_a_section_stands_in_its_own_place_alone() -> None:
    with pytest.raises(ConfigError, match=r"`data` must be a DataConfig\. Received"):
        TrainConfig(data=OptimizerConfig())


def test_the_task_decides_which_settings_there_are() -> None:
    assert isinstance(TrainConfig().task, TokenConfig)
    span = TrainConfig(task="span", queries="q.json", max_length=64)
    assert span.task == SpanConfig(queries="q.json", max_length=64)
    assert TrainConfig(task=SpanConfig(queries="q.json", max_length=64)) == span
    assert "head" not in span.to_json()
    assert span.replace(queries=None, task="token").task == TokenConfig(max_length=64)


@pytest.mark.parametrize(
    ("task", "settings", "words"),
    [
        ("token", {"nested": False, "queries": "q"}, "`nested`, `queries`: settings"),
        ("span", {"head": "crf", "loss": "focal"}, "`head`, `loss`: settings of --tas"),
    ],
)
def test_settings_of_another_task_are_refused(task, settings, words) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig(task=task, **settings)
    message = str(caught.value)
    other = "span" if task == "token" else "token"
    assert message.startswith(words)
    assert f"of --task {other} alone. Received: task={task}. Leave" in message
    made = TrainConfig(task=other, **settings)
    with pytest.raises(ConfigError, match="alone"):
        made.replace(task=task)


def test_settings_of_another_task_at_their_defaults_do_no_harm() -> None:
    TrainConfig(task="token", nested=True, span_loss="bce")


def test_warm_up_is_a_share_or_a_number_of_steps() -> None:
    share, number = (
        OptimizerConfig(warmup_ratio=0.1),
        OptimizerConfig(warmup_steps=30),
    )
    assert (share.rising_steps(1000), number.rising_steps(1000)) == (100, 30)
    assert number.rising_steps(20) == 20
    assert number.warmup_ratio is None
    with pytest.raises(ConfigError, match="`warmup_ratio` and `warmup_steps` exclude"):
        OptimizerConfig(warmup_ratio=0.5, warmup_steps=30)
    config = TrainConfig(warmup_ratio=0.5).replace(warmup_steps=30)
    assert config.to_json()["warmup_ratio"] is None
    pretraining = PretrainConfig(warmup_ratio=0.25, steps=40)
    assert pretraining.optimizer.rise == 10
    assert PretrainConfig().optimizer.rise == 10_000


def test_a_flag_unsets_what_excludes_it_in_a_file_or_preset(tmp_path: Path) -> None:
    text = "[optimizer]\nwarmup_ratio = 0.5\n"
    assert settings_of(text, tmp_path, warmup_steps=9) == {"warmup_steps": 9}
    found = settings_of('preset = "mrc"\n', tmp_path, warmup_steps=9)
    assert "warmup_ratio" not in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("warmup", "`warmup` is now `warmup_ratio`."),
        ("borders", "`borders` is now `misaligned`."),
        ("save_steps", "`save_steps` is now `save_every`."),
        ("format", "`format` is now `from_format`."),
    ],
)
def test_a_name_of_earlier_versions_is_told_with_its_successor(old, new) -> None:
    assert new in failure(f"{old}=1")
    with pytest.raises(ConfigError) as caught:
        TrainConfig(**{old: 1})
    assert str(caught.value) == new


def test_a_file_of_the_first_version_is_read_but_for_renamed_settings(
    tmp_path: Path,
) -> None:
    """What commit e8b7cf5 wrote: other tables, and all settings of both tasks."""
    text = (
        '[data]\ntrain = "a"\nmax_length = 64\nnegative_rate = 1.0\nlayout = "padded"\n'
        '[model]\ntask = "token"\nencoder = "e"\nhead = "crf"\nnested = true\n'
        '[training]\nepochs = 4\nspan_loss = "bce"\noutput = "o"\nprecision = "float32"'
    )
    config = TrainConfig(**settings_of(text, tmp_path))
    assert (config.task.max_length, config.optimizer.epochs) == (64, 4)
    assert config.task.to_json()["head"] == "crf"
    with pytest.raises(ConfigError, match="`warmup` is now `warmup_ratio`"):
        settings_of(f"{text}\nwarmup = 0.1", tmp_path)


def test_what_a_checkpoint_of_the_first_version_says_is_read() -> None:
    before = {"borders": "drop", "warmup": 0.5, "save_steps": 3, "prefilter": None}
    found = TrainConfig.from_record(before)
    given = {"recipe": "published", "patience": 0, "context": 0}
    given |= {"misaligned": "drop", "warmup_ratio": 0.5, "save_every": 3}
    assert found == TrainConfig(**given)
    for warmup, name in ((0.5, "warmup_ratio"), (500, "warmup_steps")):
        found = PretrainConfig.from_record({"warmup": warmup, "keep": 2})
        assert found == PretrainConfig(**{name: warmup}, keep_checkpoints=2)


def test_a_section_of_ones_own_makes_a_task_known() -> None:
    from tfner.config.train import TaskConfig

    class ToyConfig(TaskConfig):
        name = "toy"

    try:
        config = TrainConfig(task="toy", max_length=9)
        assert type(config.task) is ToyConfig
        assert config.to_json()["task"] == "toy"
    finally:
        del TaskConfig.kinds["toy"]
    assert isinstance(config.task, Section)
