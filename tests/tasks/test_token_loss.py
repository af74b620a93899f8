"""From settings to the weights of words, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.config.train import TrainConfig
from tfner.document import Document, Entity
from tfner.errors import ConfigError, CorpusError
from tfner.finetuning.training_data import check_own_task
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tasks.token_loss import class_weights
from tfner.tokenization import Tokenizer

TAGS = ("O", "B-X", "I-X")
MakeConfig = Callable[..., TrainConfig]
MakeTask = Callable[..., TokenClassification]


def labels(*rows: Sequence[int]) -> Callable[[], list[Any]]:
    return lambda: [np.array(tags, np.int32) for tags in rows]


@pytest.fixture
def make_config(encoder_directory: Path) -> Callable[..., TrainConfig]:
    return lambda **settings: TrainConfig(
        train="a.conll", encoder=str(encoder_directory), output="model", **settings
    )


@pytest.fixture
def make_from(tokenizer: Tokenizer) -> Callable[..., TokenClassification]:
    def make(
        config: TrainConfig, documents: Sequence[Document] = ()
    ) -> TokenClassification:
        return TokenClassification.from_config(
            config.task, tokenizer, LabelSet(["X"]), documents
        )

    return make


def test_balanced_weights_let_all_tags_that_occur_count_alike() -> None:
    rows = labels([0] * 7 + [1], [0, 1, 2, 0])  # 9 O, 2 B-X, 1 I-X
    weights = class_weights("balanced", TAGS, rows)
    assert weights == pytest.approx((12 / (3 * 9), 12 / (3 * 2), 12 / (3 * 1)))
    assert np.dot(weights, [9, 2, 1]) == pytest.approx(12)


def test_rare_tags_count_ten_times_at_most_and_unseen_ones_once() -> None:
    weights = class_weights("balanced", TAGS, labels([0] * 99 + [1]))
    assert weights == pytest.approx((100 / (2 * 99), 10.0, 1.0))


def test_named_weights_go_to_their_tags() -> None:
    assert class_weights("none", TAGS, labels()) is None
    assert class_weights("B-X=2.5, O=0", TAGS, labels()) == (0.0, 2.5, 1.0)
    odd = ("O", "B-a=b", "I-a=b")
    assert class_weights("B-a=b=3", odd, labels()) == (1.0, 3.0, 1.0)


def test_all_problems_of_weights_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        class_weights("B-Y=2,O=much,I-X=-1,balance", TAGS, labels())
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
def test_the_task_has_the_loss_of_the_settings(
    make_config: MakeConfig,
    make_from: MakeTask,
    settings: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    assert make_from(make_config(**settings)).loss_settings == expected


def test_balanced_weights_count_the_tags_of_the_training_corpus(
    make_config: MakeConfig, make_from: MakeTask
) -> None:
    documents = [
        Document("1", "anna met bert", (Entity(0, 4, "X"), Entity(9, 13, "X"))),
        Document("2", "in paris", (Entity(0, 8, "X"),)),
        Document("3", "we met"),
    ]  # 3 O, 3 B-X, 1 I-X
    task = make_from(make_config(class_weights="balanced"), documents)
    weights = task.loss_settings["weights"]
    assert weights == pytest.approx((7 / (3 * 3), 7 / (3 * 3), 7 / (3 * 1)))


def test_balanced_weights_name_the_documents_that_cannot_be_learnt(
    make_config: MakeConfig, make_from: MakeTask
) -> None:
    entities = (Entity(0, 13, "X"), Entity(9, 13, "X"))
    documents = [Document(name, "anna met bert", entities) for name in ("a", "b")]
    with pytest.raises(CorpusError, match="2 problems"):
        make_from(make_config(class_weights="balanced"), documents)


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
    make_config: MakeConfig,
    make_from: MakeTask,
    settings: dict[str, Any],
    head: str,
    message: str,
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_from(make_config(head=head, **settings))


def test_a_task_of_the_users_own_class_keeps_its_loss(make_config: MakeConfig) -> None:
    class Own:
        pass

    check_own_task(make_config().task, Own())  # type: ignore[arg-type]
    for settings in ({"loss": "focal"}, {"class_weights": "balanced"}):
        with pytest.raises(ConfigError, match=r"of --task token alone.*task=Own"):
            check_own_task(make_config(**settings).task, Own())  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, 0.95, 2.0])
def test_smoothing_out_of_range_is_refused(
    make_config: MakeConfig, value: float
) -> None:
    with pytest.raises(ConfigError, match="`label_smoothing` must be at least 0"):
        make_config(label_smoothing=value)
