"""Windows of random words and a tiny model; raw text and its pretraining data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.data.building import build_pretraining_data
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
def windows(task: TokenClassification) -> list[Window]:
    """Windows of 50 documents with entities, some of several windows."""
    random = np.random.default_rng(0)
    found = []
    for number in range(50):
        sizes = random.integers(1, 6, size=40 if number % 10 == 0 else number % 9 + 1)
        letters = [[chr(97 + i) for i in random.integers(0, 26, n)] for n in sizes]
        words = ["".join(word) for word in letters]
        document = tagged(str(number), words, random.integers(0, 5, len(words)))
        found += task.encode(document, with_targets=True)
    return found


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
def make_model(task: TokenClassification) -> Callable[[], Any]:
    """Makes the same tiny model every time: 2 layers, 32 wide, no dropout."""

    def make() -> Any:
        import keras

        from tfner.models.encoder import Encoder

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


def raw_text(articles: int, *, first: int = 0) -> str:
    """Articles of one to twelve sentences of one to thirty words, all different."""
    random = np.random.default_rng(first)
    texts = []
    for number in range(first, first + articles):
        lengths = random.integers(1, 30, random.integers(1, 13))
        texts.append("".join(f"anna met {number} {'x ' * n}.\n" for n in lengths))
    return "\n".join(texts)


@pytest.fixture(scope="session")
def text_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Raw text: 40 articles in a plain file, 30 in a gzip one."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_text(raw_text(40), "utf-8")
    packed = gzip.compress(raw_text(30, first=40).encode())
    (folder / "b.txt.gz").write_bytes(packed)
    return [str(folder / "a.txt"), str(folder / "b.txt.gz")]


@pytest.fixture(scope="session")
def pretraining_data(
    tmp_path_factory: pytest.TempPathFactory,
    text_files: list[str],
    encoder_directory: Path,
) -> Path:
    """Records of at most 32 pieces in 4 shards; read it only."""
    folder = tmp_path_factory.mktemp("data") / "data"
    tokenizer = load_tokenizer(encoder_directory)
    build_pretraining_data(
        text_files, tokenizer, folder, max_length=32, shards=4, processes=1
    )
    return folder
