"""Large tables stay in a file, and hold what the encoder's file holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints import large
from tfner.checkpoints.huggingface import save_encoder
from tfner.checkpoints.loading import load_encoder
from tfner.models.encoders.bert import Encoder

SIZES = {"num_layers": 1, "num_heads": 2, "intermediate_size": 16}
SIZES |= {"vocab_size": 3_000, "hidden_size": 8, "max_positions": 16}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    encoder = Encoder(**SIZES)
    encoder.build()
    save_encoder(encoder, tmp_path)
    return tmp_path


def weights_of(folder: Path) -> list[Any]:
    keras.utils.set_random_seed(0)
    return [weight.numpy() for weight in load_encoder(folder).weights]


def test_a_table_in_a_file_is_that_of_memory(folder: Path, monkeypatch: Any) -> None:
    expected = weights_of(folder)
    drawn = keras.initializers.RandomNormal()((3,))
    monkeypatch.setattr(large, "LARGE", 90_000)
    monkeypatch.setattr(large, "WRITTEN", 1_000)
    for ours, theirs in zip(weights_of(folder), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again = keras.initializers.RandomNormal()((3,))
    np.testing.assert_array_equal(drawn, again)  # what a head is drawn from


def test_a_table_in_a_file_can_learn_as_a_whole(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(large, "LARGE", 90_000)
    table = load_encoder(folder).embeddings.pieces.embeddings
    before = table.numpy()
    for _ in range(2):
        table.assign_add(np.ones(table.shape, "float32"))
    np.testing.assert_allclose(table.numpy(), before + 2, atol=1e-6)


@pytest.mark.parametrize("error", [OSError("no space"), ValueError("length")])
def test_without_room_on_disk_the_table_is_in_memory(
    folder: Path, monkeypatch: Any, error: Exception
) -> None:
    expected = weights_of(folder)

    def full(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(large, "LARGE", 90_000)
    monkeypatch.setattr(large.mmap, "mmap", Room(full))
    for ours, theirs in zip(weights_of(folder), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Room:
    """`mmap.mmap` that fails for files."""

    real = large.mmap.mmap

    def __init__(self, fail: Any) -> None:
        self.fail = fail

    def __call__(self, number: int, *more: Any, **settings: Any) -> Any:
        make = self.real if number == -1 else self.fail
        return make(number, *more, **settings)


def test_nothing_of_a_table_stays_in_the_directory_of_such_files(
    folder: Path, monkeypatch: Any, tmp_path_factory: Any
) -> None:
    place = tmp_path_factory.mktemp("place")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(large, "LARGE", 90_000)
    weights_of(folder)
    assert not list(place.iterdir())
