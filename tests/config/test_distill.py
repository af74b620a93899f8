"""Settings of a distillation contradict each other, or do not."""

from __future__ import annotations

from typing import Any

import pytest

from tfner.config.distill import DistillConfig
from tfner.errors import ConfigError

GIVEN = {"teacher": "large", "train": "a.bio", "output": "small"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layers": 3, "encoder": "minilm"}, "exclude each other"),
        ({"layers": 3, "lower_case": True}, "has the teacher's tokenizer"),
        ({"encoder": "minilm", "task": "span"}, "Give --task token"),
        ({"encoder": "minilm", "head": "crf"}, "Give --head softmax"),
        ({"encoder": "minilm", "temperature": 0.0}, "at least 0.1"),
        ({"encoder": "minilm", "gold_weight": 1.5}, "at most 1"),
        ({"layers": 0}, "at least 1"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as error:
        DistillConfig(**GIVEN, **settings)
    assert "\n" not in str(error.value)


def test_what_is_needed_is_named() -> None:
    DistillConfig(**GIVEN, layers=3).check_needed()
    DistillConfig(**GIVEN, encoder="minilm").check_needed()
    with pytest.raises(ConfigError, match="--encoder for one of its own"):
        DistillConfig(**GIVEN).check_needed()
    with pytest.raises(ConfigError, match="tfner distill TEACHER"):
        DistillConfig(layers=3).check_needed()
    with pytest.raises(ConfigError, match="`train` is not set"):
        DistillConfig(teacher="large", layers=3, output="small").check_needed()


def test_records_are_those_of_training_and_more() -> None:
    config = DistillConfig(**GIVEN, layers=3, texts=["a.txt", "b.txt"])
    assert DistillConfig.from_record(config.to_json()) == config
    assert "[distillation]" in config.to_toml()
    assert config.to_json()["texts"] == ("a.txt", "b.txt")
