"""Settings: where they come from, which wins, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner.config.train import PRESETS, TrainConfig, read_settings
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
        TrainConfig()
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


def test_flags_win_over_assignments_and_those_over_the_file(tmp_path: Path) -> None:
    text = "[training]\nepochs = 1\nseed = 1\nbatch_size = 1\n"
    found = settings_of(
        text, tmp_path, "training.seed=2", "training.batch_size=2", batch_size=3
    )
    assert found == {"epochs": 1, "seed": 2, "batch_size": 3}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("training.epochs=4", 4),
        ("epochs=4", 4),
        ("training.learning_rate=1", 1),
        ("training.jit_compile=false", False),
        ("model.encoder=dir/with=sign", "dir/with=sign"),
        ('model.encoder="quoted"', "quoted"),
        ("training.output=2024", "2024"),
        ("training.output=2024-01-01", "2024-01-01"),
        ('data.labels=["PER", "LOC"]', ("PER", "LOC")),
    ],
)
def test_assignments_read_values_as_toml_or_as_text(assignment: str, value) -> None:
    name = assignment.partition("=")[0].rpartition(".")[2]
    assert read_settings(None, [assignment], {}) == {name: value}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("training.epoch=1", ["unknown setting 'epoch'", "did you mean 'epochs'"]),
        ("data.epochs=1", ["`epochs` belongs to section [training]"]),
        ("training.epochs=many", ["`epochs` must be an integer", "'many'"]),
        ("training.epochs=2.5", ["`epochs` must be an integer"]),
        ("training.epochs=true", ["`epochs` must be an integer"]),
        ("training.seed=-1", ["`seed` must be at least 0"]),
        ("data.dev_fraction=1", ["at most 0.9"]),
        ("training.learning_rate=nan", ["`learning_rate` must be at least 0"]),
        ("data.layout=paked", ["'paked'", "did you mean 'packed'"]),
        ("data.labels=PER", ["`labels` must be a list of strings"]),
        ("data.labels=[1]", ["`labels` must be a list of strings"]),
        ("model.lower_case=1", ["`lower_case` must be a boolean"]),
        ("training.overwrite", ["section.key=value", "training.overwrite"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(assignment, words) -> None:
    message = failure(assignment)
    assert all(word in message for word in words), message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = 'seed = 1\n[training]\nepoch = 1\nbatch_size = 0\n[model]\ndropout = "x"\n'
    with pytest.raises(ConfigError) as caught:
        settings_of(text, tmp_path, "data.layout=no")
    message = str(caught.value)
    assert message.startswith("5 problems in the settings:")
    for word in ("`seed` belongs", "'epoch'", "batch_size=0", "`dropout`", "'no'"):
        assert word in message


def test_contradicting_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        TrainConfig(**NEEDED, overwrite=True, resume=True)


def test_a_toml_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run\.toml is no valid TOML.*line 2"):
        settings_of("[training]\nepochs = = 3\n", tmp_path)


def test_a_byte_order_mark_in_a_file_is_skipped(tmp_path: Path) -> None:
    assert settings_of("\ufeff[training]\nepochs = 3\n", tmp_path) == {"epochs": 3}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml cannot be read: No such file"):
        read_settings(tmp_path / "no.toml", [], {})


def test_paths_and_lists_are_stored_as_text_and_tuples() -> None:
    config = TrainConfig(train=Path("a"), encoder="e", output=Path("o"), labels=["A"])
    assert (config.train, config.output, config.labels) == ("a", "o", ("A",))


def test_replace_checks_again() -> None:
    with pytest.raises(ConfigError, match="epochs=0"):
        TrainConfig(**NEEDED).replace(epochs=0)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_made_of_settings(name: str) -> None:
    config = TrainConfig(**NEEDED, **PRESETS[name])
    assert {key: getattr(config, key) for key in PRESETS[name]} == PRESETS[name]


def test_a_preset_yields_to_what_is_given_anywhere(tmp_path: Path) -> None:
    text = '[training]\npreset = "electra-base"\nwarmup = 0.5\nlearning_rate = 5e-5\n'
    found = settings_of(text, tmp_path, "training.adam_epsilon=1e-3", weight_decay=0.0)
    given = {"learning_rate": 5e-5, "warmup": 0.5, "adam_epsilon": 1e-3}
    assert found == {**PRESETS["electra-base"], **given, "weight_decay": 0.0}


def test_an_unknown_preset_is_told_with_its_neighbours() -> None:
    message = failure(preset="electra-bass")
    assert "did you mean 'electra-base'" in message
