"""From settings to the weights of words, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tfner.config.train import TrainConfig
from tfner.data.windows import Window
from tfner.errors import ConfigError
from tfner.finetuning.loss_settings import class_weights, set_loss
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

TAGS = ("O", "B-X", "I-X")
MakeConfig = Callable[..., TrainConfig]


def windows_of(labels: Sequence[Sequence[int]]) -> list[Window]:
    return [
        Window(
            pieces=(0, len(tags)),
            core=(0, len(tags)),
            word_index=np.arange(len(tags), dtype="int32"),
            words=(),
            features={"input_ids": np.zeros(len(tags), np.int32)},
            targets={"labels": np.array(tags, np.int32)},
        )
        for tags in labels
    ]


@pytest.fixture(scope="module")
def make_task(encoder_directory: Any) -> Callable[..., TokenClassification]:
    tokenizer = load_tokenizer(encoder_directory)
    return lambda **settings: TokenClassification(
        tokenizer, LabelSet(["X"]), max_length=32, **settings
    )


def test_balanced_weights_let_all_tags_that_occur_count_alike() -> None:
    windows = windows_of([[0] * 7 + [1], [0, 1, 2, 0]])  # 9 O, 2 B-X, 1 I-X
    weights = class_weights("balanced", TAGS, windows)
    assert weights == pytest.approx((12 / (3 * 9), 12 / (3 * 2), 12 / (3 * 1)))
    assert np.dot(weights, [9, 2, 1]) == pytest.approx(12)


def test_rare_tags_count_ten_times_at_most_and_unseen_ones_once() -> None:
    weights = class_weights("balanced", TAGS, windows_of([[0] * 99 + [1]]))
    assert weights == pytest.approx((100 / (2 * 99), 10.0, 1.0))


def test_named_weights_go_to_their_tags() -> None:
    assert class_weights("none", TAGS, []) is None
    assert class_weights("B-X=2.5, O=0", TAGS, []) == (0.0, 2.5, 1.0)
    odd = ("O", "B-a=b", "I-a=b")
    assert class_weights("B-a=b=3", odd, []) == (1.0, 3.0, 1.0)


def test_all_problems_of_weights_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        class_weights("B-Y=2,O=much,I-X=-1,balance", TAGS, [])
    message = str(error.value)
    assert "4 problems in `class_weights`" in message
    for part in ("'B-Y'; did you mean 'B-X'", "O=much", "I-X=-1", "'balance'"):
        assert part in message


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"smoothing": 0, "gamma": 0, "weights": None}),
        ({"loss": "focal"}, {"smoothing": 0, "gamma": 2, "weights": None}),
        (
            {"loss": "focal", "focal_gamma": 0.5, "class_weights": "O=0.5"},
            {"smoothing": 0, "gamma": 0.5, "weights": (0.5, 1, 1)},
        ),
        ({"label_smoothing": 0.1}, {"smoothing": 0.1, "gamma": 0, "weights": None}),
    ],
)
def test_the_task_is_told_the_loss(
    config: MakeConfig,
    make_task: Callable[..., TokenClassification],
    settings: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    task = make_task()
    set_loss(config(**settings), task, [])
    assert task.loss_settings == expected


@pytest.mark.parametrize(
    ("settings", "head", "message"),
    [
        ({"focal_gamma": 1.0}, "softmax", "setting of `loss` focal alone"),
        ({"loss": "focal", "label_smoothing": 0.1}, "softmax", "contradict"),
        ({"loss": "focal"}, "crf", "loss of its own"),
        ({"loss": "focal", "focal_gamma": 0.0}, "crf", "loss of its own"),
        ({"label_smoothing": 0.1}, "crf", "loss of its own"),
        ({"class_weights": "O=2"}, "crf", "loss of its own"),
    ],
)
def test_contradictions_are_refused(
    config: MakeConfig,
    make_task: Callable[..., TokenClassification],
    settings: dict[str, Any],
    head: str,
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        set_loss(config(**settings), make_task(head=head), [])


def test_a_task_of_the_users_own_class_keeps_its_loss(
    config: MakeConfig, make_task: Callable[..., TokenClassification]
) -> None:
    class Own:
        label_set = make_task().label_set

    set_loss(config(), Own(), [])  # type: ignore[arg-type]
    for settings in ({"loss": "focal"}, {"class_weights": "balanced"}):
        with pytest.raises(ConfigError, match="Own has a loss of its own"):
            set_loss(config(**settings), Own(), [])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, 0.95, 2.0])
def test_smoothing_out_of_range_is_refused(config: MakeConfig, value: float) -> None:
    with pytest.raises(ConfigError, match="`label_smoothing` must be at least 0"):
        config(label_smoothing=value)
