"""Every number on the command line has bounds, and what lies outside is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import typer

from tfner.cli.main import app
from tfner.config.distill import DistillConfig
from tfner.config.pretrain import PretrainConfig
from tfner.config.reading import ReadingConfig
from tfner.config.train import TrainConfig
from tfner.errors import TfnerError

VALUES = ("0", "-1", "nan", "inf", "-inf", "1000000000", "1e9", "1e22", str(2**64))
FEW = ("nan", str(2**64))
CONFIGS = {"train": TrainConfig, "find-lr": TrainConfig, "tune": TrainConfig}
CONFIGS |= {"pretrain": PretrainConfig, "distill": DistillConfig}


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
    for name, child in (children or {}).items():
        yield from commands(child, *words, name)


USAGE = typer.BadParameter.__mro__[1]
ALL = dict(commands(typer.main.get_command(app)))


def kind_of(parameter: Any) -> type | None:
    """`int` or `float` of an option that takes a number."""
    hint = parameter.type_descriptor.annotation
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind in (int, float)]
    is_number = parameter.param_type_name == "option" and not parameter.is_flag
    return kinds[0] if kinds and is_number else None


def bounds_of(words: tuple[str, ...], parameter: Any) -> tuple[Any, Any]:
    """The bounds that are declared for an option, with its setting or with itself."""
    leaves = CONFIGS.get(words[0], ReadingConfig).leaves()
    if parameter.min is None and parameter.name in leaves:
        return leaves[parameter.name].low, leaves[parameter.name].high
    return parameter.min, parameter.max


NUMBERS = [
    (words, parameter)
    for words, command in ALL.items()
    for parameter in command.params
    if kind_of(parameter)
]


def needed(command: Any, but: Any) -> Iterator[str]:
    """Arguments and options without which a command does not begin, but one."""
    for parameter in command.params:
        if parameter.required and parameter is not but:
            given = "50" if kind_of(parameter) else "no such file"
            is_option = parameter.param_type_name == "option"
            yield from (parameter.opts[0], given) if is_option else (given,)


def refusal(words: tuple[str, ...], parameter: Any, value: str) -> str:
    """What a command says of a value of an option."""
    command = ALL[words]
    arguments = [*needed(command, parameter), f"{parameter.opts[0]}={value}"]
    with pytest.raises((TfnerError, USAGE)) as caught:
        command.main(arguments, words[-1], standalone_mode=False)
    error: Any = caught.value
    return str(error.format_message() if isinstance(error, USAGE) else error)


def is_within(value: str, kind: type, low: Any, high: Any) -> bool:
    try:
        return bool(low <= kind(value) <= high)
    except ValueError:
        return False  # of the wrong type


def test_every_number_has_two_bounds() -> None:
    lacking = {
        f"{' '.join(words)} {parameter.opts[0]}"
        for words, parameter in NUMBERS
        if None in bounds_of(words, parameter)
    }
    assert len(NUMBERS) > 150
    assert not lacking, "give them `low` and `high`, or `min` and `max`"


def test_every_default_lies_within_its_bounds() -> None:
    for words, parameter in NUMBERS:
        low, high = bounds_of(words, parameter)
        if parameter.default is not None:
            assert low <= parameter.default <= high, (words, parameter.opts)
    for config in (TrainConfig, PretrainConfig):
        for leaf in config.leaves().values():
            assert leaf.problem(leaf.default) is None


@pytest.mark.parametrize(
    ("values", "least"),
    [(FEW, 300), pytest.param(VALUES, 1000, marks=pytest.mark.slow)],
)
def test_a_number_out_of_bounds_is_refused_by_name_before_anything_is_done(
    values: tuple[str, ...], least: int
) -> None:
    count = 0
    for words, parameter in NUMBERS:
        low, high = bounds_of(words, parameter)
        for value in values:
            if is_within(value, kind_of(parameter) or int, low, high):
                continue
            count += 1
            said = refusal(words, parameter, value)
            names = {parameter.opts[0], f"`{parameter.name}`"}
            assert any(name in said for name in names), (words, parameter.opts, value)
            assert "\n" not in said
    assert count > least


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_settings_in_python_are_refused_alike(value: float) -> None:
    for config in (TrainConfig, PretrainConfig):
        for leaf in config.leaves().values():
            if leaf.word in ("N", "X", "RATE", "SHARE"):
                assert f"`{leaf.name}` must be" in str(leaf.problem(value))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "--batch-size", 10**9], 1, "`batch_size` must be at least 1 and "),
        (["train", "--accumulate", 5, "--batch-size", 4], 1, "`accumulate` must not "),
        (["train", "--ema", "nan"], 1, "`ema` must be at least 0 and at most 0.99999"),
        (["predict", "m", "--text", "a", "--processes", 0], 2, "'--processes'"),
        (["vocab", "--size", 10**12], 2, "'--size'"),
    ],
)
def test_exit_codes(tfner, arguments: list[Any], code: int, message: str) -> None:
    result = tfner(*arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--epochs", 3, "--set", "optimizer.epochs=4"],
            "--epochs and --set both give `epochs`",
        ),
        (["--epochs", 3, "--set", "epochs=many"], "--epochs and --set both give"),
        (
            ["--set", "epochs=3", "--set", "optimizer.epochs=4"],
            "--set gives `epochs` 2 times",
        ),
    ],
)
def test_settings_that_are_given_twice_are_refused(
    tfner, arguments: list[Any], message: str
) -> None:
    assert message in tfner("train", *arguments).sentence


def test_a_value_in_a_file_must_be_right_even_where_a_flag_wins(
    tfner, tmp_path
) -> None:
    (tmp_path / "run.toml").write_text("[optimizer]\nepochs = 'many'\n")
    result = tfner("train", "--config", tmp_path / "run.toml", "--epochs", 3)
    assert "`epochs` must be an integer" in result.sentence
