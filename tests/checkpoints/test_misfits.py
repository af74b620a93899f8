"""Tensors that are none of a model's: what they are, and what is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.huggingface import load_token_classifier, save_token_classifier
from tfner.checkpoints.loading import load_encoder
from tfner.errors import CheckpointError
from tfner.models.encoders.bert import Encoder
from tfner.models.heads.token_classifier import TokenClassifier

LAYER = "encoder.layer.0.attention.self."
Change = Callable[[dict[str, Any]], Any]
Make = Callable[..., Path]


def zeros(*names: str) -> dict[str, Any]:
    return {name: np.zeros((3, 3), np.float32) for name in names}


def fused(tensors: dict[str, Any]) -> None:
    parts = [tensors.pop(f"{LAYER}{n}.weight") for n in ("query", "key", "value")]
    tensors[f"{LAYER}qkv.weight"] = np.concatenate(parts)


def of_integers(tensors: dict[str, Any]) -> None:
    name = f"{LAYER}query.weight"
    tensors[name] = tensors[name].astype(np.int8)


@pytest.fixture
def bert(golden: Callable[[str], Any]) -> Any:
    return golden("bert")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.update(zeros(f"{LAYER}key.lora_A.w", f"{LAYER}key.lora_B.w")),
            r"LoRA that are not merged.*lora_A\.w and 1 other tensor\. Merge them",
        ),
        (
            lambda t: t.update(zeros("encoder.layer.0.output.adapters.n.down.weight")),
            r"adapters between the layers.*: .*down.weight\. Give a model without them",
        ),
        (
            lambda t: t.update(zeros(f"{LAYER}query.qweight", f"{LAYER}query.qzeros")),
            r"quantised weights: .* and 1 other tensor\. Give the whole ones",
        ),
        (of_integers, r"integers, as quantised weights are, in .*query\.weight\. Give"),
        (fused, r"query, key and value in one tensor.*qkv\.weight\. Give the model as"),
    ],
)
def test_tensors_of_a_known_kind_are_one_sentence_that_says_so(
    change: Change, message: str, bert: Any, directory: Make
) -> None:
    tensors = dict(bert.tensors)
    change(tensors)
    with pytest.raises(CheckpointError, match=message) as error:
        load_encoder(directory(bert.config, tensors))
    assert "\n" not in str(error.value)


def test_a_file_of_another_model_is_one_sentence(bert: Any, directory: Make) -> None:
    renamed = {f"resnet.{name}": array for name, array in bert.tensors.items()}
    message = (
        r": (\d+) of the \1 tensors that .* are missing, such as "
        r"embeddings\.word_embeddings\.weight; those here are named like resnet"
    )
    with pytest.raises(CheckpointError, match=message):
        load_encoder(directory(bert.config, renamed))


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_heads_beside_an_encoder_are_left_out_and_counted(
    prefix: str, bert: Any, directory: Make, caplog: pytest.LogCaptureFixture
) -> None:
    tensors = {prefix + name: array for name, array in bert.tensors.items()}
    tensors |= zeros("crf.transitions", "loss_fct.weight", "lstm.weight_hh_l0")
    with caplog.at_level(logging.INFO, logger="tfner"):
        load_encoder(directory(bert.config, tensors))
    assert "a head is left out: crf.transitions and 2 other tensors" in caplog.text


def test_what_stands_below_the_prefix_of_an_encoder_is_no_head(
    bert: Any, directory: Make
) -> None:
    tensors = {f"bert.{name}": array for name, array in bert.tensors.items()}
    tensors |= zeros("bert.mystery.weight")
    with pytest.raises(CheckpointError, match=r"bert\.mystery\.weight .*has no place"):
        load_encoder(directory(bert.config, tensors))


def test_a_tagger_loses_its_crf_with_a_warning_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from safetensors.numpy import load_file, save_file

    encoder = Encoder(
        vocab_size=11,
        hidden_size=4,
        num_layers=1,
        num_heads=1,
        intermediate_size=8,
        max_positions=8,
    )
    model = TokenClassifier(encoder, 3)
    model.build()
    save_token_classifier(model, ["O", "B-PER", "I-PER"], tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    save_file(tensors | zeros("crf.transitions", "loss_fct.weight"), file)
    load_token_classifier(tmp_path)
    assert "tag of each word is predicted by itself" in caplog.text
    assert "crf.transitions and 1 other tensor" in caplog.text
    save_file(tensors | zeros("lstm.weight_hh_l0"), file)
    with pytest.raises(CheckpointError, match=r"lstm\.weight_hh_l0 .*has no place"):
        load_token_classifier(tmp_path)


def test_heads_beside_an_encoder_of_tensorflow_are_left_out(
    google: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    google.save(tmp_path, google.electra() | zeros("crf_loss/transitions", "project/w"))
    with caplog.at_level(logging.INFO, logger="tfner"):
        load_encoder(tmp_path)
    assert "a head is left out: crf_loss/transitions and 1 other" in caplog.text
