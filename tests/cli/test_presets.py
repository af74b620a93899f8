"""A tagger learns from a KerasHub preset as from any encoder, and leaves like all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.inference.loading import open_bundle

TEXT = "Anna lives in Kyoto."


@pytest.fixture
def preset(encoder_directory: Path, tmp_path: Path) -> Path:
    """A BERT with the pieces of the toy encoder."""
    keras_hub = pytest.importorskip(
        "keras_hub", reason="pip install --no-deps keras-hub"
    )
    pieces = (encoder_directory / "vocab.txt").read_text("utf-8").splitlines()
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 16}
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(pieces), max_sequence_length=32, **sizes
    )
    folder = tmp_path / "preset"
    backbone.save_to_preset(str(folder))
    keras_hub.models.BertTokenizer(pieces, lowercase=True).save_to_preset(str(folder))
    return folder


def test_a_preset_is_trained_and_exported(
    preset: Path, toy_corpus: Path, tmp_path: Path, tfner: Any
) -> None:
    model, exported = tmp_path / "model", tmp_path / "exported"
    options = [
        "--encoder",
        preset,
        "--max-length",
        32,
        "--epochs",
        1,
        "--no-jit-compile",
    ]
    corpus = ["--train", toy_corpus / "train.conll", "--dev", toy_corpus / "dev.conll"]
    made = tfner("train", *corpus, *options, "--output", model)
    assert made.code == 0, made.err
    sent = tfner("export", model, exported, "--format", "huggingface")
    assert sent.code == 0, sent.err
    bundles = [open_bundle(model), open_bundle(exported)]
    one, other = (bundle.load_model() for bundle in bundles)
    assert one.encoder.activation == "gelu_tanh"
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    tokenizers = [bundle.task.tokenizer for bundle in bundles]
    assert all(tokenizer.settings.lower_case for tokenizer in tokenizers)
    ids = [tokenizer.encode(TEXT).ids.tolist() for tokenizer in tokenizers]
    assert ids[0] == ids[1] != []


def test_a_preset_is_no_tagger(preset: Path, tfner: Any) -> None:
    said = tfner("predict", preset, "-", stdin=b"Anna\n").sentence
    assert "preset of KerasHub, which holds an encoder, and no tagger" in said


def test_pieces_without_rows_are_refused(
    preset: Path, toy_corpus: Path, tmp_path: Path, tfner: Any
) -> None:
    with (preset / "assets/tokenizer/vocabulary.txt").open("a") as file:
        file.write("another\n")
    options = ["--encoder", preset, "--max-length", 32, "--output", tmp_path / "model"]
    said = tfner("train", "--train", toy_corpus / "train.conll", *options)
    assert said.code == 1
    assert "Give the tokenizer that belongs to the encoder" in said.err
