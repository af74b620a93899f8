"""What `--help` shows, and files that `--write-config` writes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tfner.cli.help import first_sentence
from tfner.cli.main import app
from tfner.config.pretrain import PretrainConfig, read_pretrain_settings
from tfner.config.train import TrainConfig, read_settings


def commands(command: Any = None, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    command = command or typer.main.get_command(app)
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
    for name, child in (children or {}).items():
        yield from commands(child, *words, name)


ALL = dict(commands())


def headings(shown: str) -> list[str]:
    return re.findall(r"^(\S.*):$", shown, flags=re.MULTILINE)


def test_every_command_is_described_by_a_whole_sentence(tfner) -> None:
    shown = " ".join(tfner("--help").out.split())
    assert "..." not in shown.replace("COMMAND [ARGS]...", "")
    for words, command in ALL.items():
        if len(words) == 1:
            sentence = first_sentence(command.help)
            assert sentence in shown.replace("google- research", "google-research")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_options_have_words_for_values_and_texts_that_stand_alone(words, tfner) -> None:
    shown = tfner(*words, "--help").out
    assert not re.search(r"<(?!TAB)[a-z]", re.sub(r"<=", "", shown))
    for parameter in ALL[words].params:
        text = re.sub(r" \[.*\]$", "", parameter.help)
        assert text[0].isupper(), text
        assert text.endswith("."), text
        if parameter.param_type_name == "option" and not parameter.is_flag:
            assert re.fullmatch(r"[A-Z.=]+", parameter.metavar), parameter.name


def test_one_flag_has_one_form_and_one_word_for_its_value_everywhere() -> None:
    forms: dict[str, set[tuple[Any, ...]]] = {}
    for words, command in ALL.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                word = parameter.metavar
                if (words, parameter.name) == (("predict",), "output"):
                    word = "DIR"  # there it is a file
                form = (tuple(parameter.secondary_opts), word)
                forms.setdefault(parameter.opts[0], set()).add(form)
        assert words
    assert {flag: found for flag, found in forms.items() if len(found) > 1} == {}


def test_commands_that_may_run_a_saved_model_can_be_told_to_trust_it() -> None:
    found = {
        " ".join(words)
        for words, command in ALL.items()
        if any("--trust-graph" in parameter.opts for parameter in command.params)
    }
    assert found == {"compare", "distill", "evaluate", "predict", "serve"}


def test_settings_of_training_stand_under_headings_in_the_order_of_thought(
    tfner,
) -> None:
    shown = tfner("train", "--help").out
    assert headings(shown) == [
        *("Corpora", "Corpus files", "Encoder", "Tokenizer", "What is learned"),
        *("A tag per word (--task token)", "Spans for a query per label (--task span)"),
        *("Optimization", "Devices", "Output", "Settings in files", "Options"),
    ]
    for heading, flag in (("Corpora", "train"), ("Encoder", "encoder")):
        assert re.search(rf"{heading}:\n  --{flag} ", shown)
    required = [leaf for leaf in TrainConfig.leaves().values() if leaf.needed]
    assert shown.count("[required]") == len(required) == 3
    assert "[token | span; default: token]" in " ".join(shown.split())


@pytest.mark.parametrize("preset", [None, "electra-base", "mrc"])
def test_a_written_file_holds_every_setting_and_is_read_back(
    tfner, tmp_path: Path, preset: str | None
) -> None:
    path = tmp_path / "run.toml"
    given = ["--epochs", 7, *(["--preset", preset] if preset else [])]
    assert tfner("train", *given, "--write-config", path).code == 0
    config = TrainConfig(**read_settings(path, [], {}))
    flags = {"epochs": 7, "preset": preset}
    assert config == TrainConfig(**read_settings(None, [], flags))
    text = path.read_text(encoding="utf-8")
    for name, value in config.to_json().items():
        leaf = TrainConfig.leaves()[name]
        assert leaf.help.partition(" ")[0] in text
        unset = value is None or (leaf.needed and not value)
        assert re.search(rf"^{'# ' if unset else ''}{name} = ", text, re.MULTILINE)
    assert list(tomllib.loads(text)) == list(config.kinds())
    assert "exists" in tfner("train", "--write-config", path).sentence
    assert tfner("train", "--overwrite", "--write-config", path).code == 0
    assert "overwrite = false" in path.read_text(encoding="utf-8")


def test_a_file_of_pretraining_is_written_too(tfner) -> None:
    result = tfner("pretrain", "--preset", "tiny", "--write-config", "-")
    assert result.code == 0, result.err
    found = tomllib.loads(result.out)
    assert found["optimizer"]["warmup_ratio"] == 0.1
    assert "warmup_steps" not in found["optimizer"]


def test_a_file_of_pretraining_is_read_back(tfner, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    assert tfner("pretrain", "--steps", 9, "--write-config", path).code == 0
    found = PretrainConfig(**read_pretrain_settings(path, [], {}))
    assert found == PretrainConfig(steps=9)


def test_first_sentences() -> None:
    assert first_sentence("One.\n\nTwo.") == "One."
    assert first_sentence("One\n    line. Two.") == "One line."
