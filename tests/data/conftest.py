"""Windows of random words and a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.data.windows import Window
from tfner.document import Document, Entity
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

MAX_LENGTH = 64


@pytest.fixture(scope="session")
def task(encoder_directory: Path) -> TokenClassification:
    labels = LabelSet(["PER", "LOC"])
    tokenizer = load_tokenizer(encoder_directory)
    return TokenClassification(tokenizer, labels, max_length=MAX_LENGTH)


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    """50 documents with entities, some of several windows."""
    random = np.random.default_rng(0)
    found = []
    for number in range(50):
        sizes = random.integers(1, 6, size=40 if number % 10 == 0 else number % 9 + 1)
        letters = [[chr(97 + i) for i in random.integers(0, 26, n)] for n in sizes]
        words = ["".join(word) for word in letters]
        found.append(tagged(str(number), words, random.integers(0, 5, len(words))))
    return found


@pytest.fixture(scope="session")
def windows(task: TokenClassification, documents: list[Document]) -> list[Window]:
    """The windows of all documents."""
    encoded = (task.encode(document, with_targets=True) for document in documents)
    return [window for found in encoded for window in found.windows]


def tagged(name: str, words: list[str], ids: np.ndarray) -> Document:
    """A document whose words of id 0 and 1 are a PER and a LOC."""
    text, entities = "", []
    for word, number in zip(words, ids.tolist(), strict=True):
        if number < 2:
            end = len(text) + len(word)
            entities.append(Entity(len(text), end, ("PER", "LOC")[number]))
        text += f"{word} "
    return Document(name, text, tuple(entities))


@pytest.fixture(scope="session")
def make_model(task: TokenClassification) -> Callable[..., Any]:
    """Makes the same tiny model every time: 2 layers, 32 wide, no dropout.

    It is that of `task`, or of another.
    """

    def make(task: TokenClassification = task) -> Any:
        import keras

        from tfner.models.encoders.bert import Encoder

        keras.utils.set_random_seed(0)
        encoder = Encoder(
            vocab_size=task.tokenizer.vocab_size,
            hidden_size=32,
            num_layers=2,
            num_heads=2,
            intermediate_size=64,
            max_positions=MAX_LENGTH,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            initializer_range=0.3,
        )
        model = task.build(encoder, dropout=0.0)
        model.build()
        kernel = model.classifier.kernel
        kernel.assign(keras.random.normal(kernel.shape, stddev=0.3, seed=1))
        return model

    return make
