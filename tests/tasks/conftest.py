"""Tasks over a tokenizer that spells most words letter by letter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

MakeTask = Callable[..., TokenClassification]


@pytest.fixture(scope="session")
def tokenizer(encoder_directory: Path) -> Tokenizer:
    return load_tokenizer(encoder_directory)


@pytest.fixture(scope="session")
def make_task(tokenizer: Tokenizer) -> MakeTask:
    """A task with windows of 10 pieces between the special ones, unless told."""

    def make(labels: Any = ("PER", "LOC"), **settings: Any) -> TokenClassification:
        found = labels if isinstance(labels, LabelSet) else LabelSet(labels)
        return TokenClassification(
            tokenizer, found, **{"max_length": 12, "overlap": 4, **settings}
        )

    return make
