"""Presets of KerasHub are read without it, and give what it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import huggingface_hub
import keras
import numpy as np
import pytest

from tfner.checkpoints.huggingface import save_encoder
from tfner.checkpoints.loading import load_encoder, open_encoder
from tfner.errors import CheckpointError, StorageError

IDS = np.array([[2, 7, 4, 9, 3], [3, 8, 5, 0, 0]], np.int32)
MASK = np.array([[1] * 5, [1, 1, 1, 0, 0]], np.int32)
TYPES = np.array([[0, 0, 1, 1, 1], [0] * 5], np.int32)
BATCH = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}
SIZES = {
    "vocabulary_size": 30,
    "num_layers": 3,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "max_sequence_length": 16,
}
BACKBONES: dict[str, dict[str, Any]] = {
    "BertBackbone": {},
    "RobertaBackbone": {},
    "XLMRobertaBackbone": {},
    "DistilBertBackbone": {},
    "ElectraBackbone": {"embedding_dim": 4},
    "AlbertBackbone": {"embedding_dim": 4, "num_groups": 3},
    "DebertaV3Backbone": {"bucket_size": 4},
}
NAMES = {"ElectraBackbone": {"vocabulary_size": "vocab_size"}}
"""What a backbone calls its arguments instead."""


def backbone(kind: str, **others: Any) -> keras.Model:
    """A small backbone whose weights are large enough for mistakes to show."""
    keras_hub = pytest.importorskip(
        "keras_hub", reason="pip install --no-deps keras-hub"
    )
    names = NAMES.get(kind, {})
    sizes = {names.get(name, name): size for name, size in SIZES.items()}
    model = getattr(keras_hub.models, kind)(**sizes, **BACKBONES[kind], **others)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal("gamma" in weight.path, 0.3, weight.shape))
    return model


def expected(model: keras.Model) -> np.ndarray:
    named = {"token_ids": IDS, "padding_mask": MASK, "segment_ids": TYPES}
    wanted = {tensor.name: named[tensor.name] for tensor in model.inputs}
    found = model(wanted)
    vectors = found["sequence_output"] if isinstance(found, dict) else found
    return np.asarray(vectors)


def difference(folder: Path, model: keras.Model) -> float:
    """The largest between what an encoder gives and what a backbone does."""
    batch = dict(BATCH)
    if all(tensor.name != "segment_ids" for tensor in model.inputs):
        batch["token_type_ids"] = np.zeros_like(TYPES)
    found = np.asarray(load_encoder(folder)(batch))
    return float(np.abs(found - expected(model))[MASK > 0].max())


@pytest.mark.parity
@pytest.mark.parametrize("kind", BACKBONES)
def test_a_preset_gives_what_its_backbone_gives(kind: str, tmp_path: Path) -> None:
    model = backbone(kind)
    model.save_to_preset(str(tmp_path / "preset"))
    assert difference(tmp_path / "preset", model) < 2e-5
    save_encoder(load_encoder(tmp_path / "preset"), tmp_path / "exported")
    assert difference(tmp_path / "exported", model) < 2e-5


@pytest.mark.parity
def test_weights_may_be_in_shards(tmp_path: Path) -> None:
    model = backbone("BertBackbone")
    model.save_to_preset(str(tmp_path), max_shard_size=3e-6)
    assert not (tmp_path / "model.weights.h5").exists()
    assert difference(tmp_path, model) < 2e-5
    (tmp_path / "model_00001.weights.h5").unlink()
    with pytest.raises(CheckpointError, match=r"missing: model_00001\.weights\.h5"):
        open_encoder(tmp_path)


@pytest.mark.parity
def test_weights_of_bfloat16_are_read(tmp_path: Path) -> None:
    half = backbone("BertBackbone", dtype="bfloat16")
    half.save_to_preset(str(tmp_path))
    whole = backbone("BertBackbone")
    whole.set_weights([np.asarray(value, np.float32) for value in half.get_weights()])
    assert difference(tmp_path, whole) < 2e-5


@pytest.mark.parity
def test_weights_under_the_names_of_the_first_keras_3_are_read(tmp_path: Path) -> None:
    model = backbone("BertBackbone")
    model.save_to_preset(str(tmp_path))
    with h5py.File(tmp_path / "model.weights.h5", "a") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
    assert difference(tmp_path, model) < 2e-5


@pytest.mark.parity
def test_a_task_is_read_for_its_backbone(tmp_path: Path) -> None:
    model = backbone("BertBackbone")
    keras_hub = pytest.importorskip("keras_hub")
    task = keras_hub.models.BertTextClassifier(model, 2, preprocessor=None)
    task.save_to_preset(str(tmp_path))
    assert (tmp_path / "task.json").exists()
    assert difference(tmp_path, model) < 2e-5


@pytest.mark.parity
def test_a_preset_on_the_hugging_face_hub_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = backbone("BertBackbone")
    model.save_to_preset(str(tmp_path / "hub"))
    asked: list[list[str]] = []

    def fetch(name: str, *, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(tmp_path / "hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    found = np.asarray(load_encoder("keras/bert_tiny")(BATCH))
    assert np.abs(found - expected(model))[MASK > 0].max() < 2e-5
    assert "model.weights.h5" in asked[-1]


def record(folder: Path, name: str = "BertBackbone", **changes: Any) -> Path:
    """Write the config.json of a preset."""
    folder.mkdir(exist_ok=True)
    config = {**SIZES, "dropout": 0.1, "num_segments": 2, **changes}
    kept = {key: value for key, value in config.items() if value is not None}
    content = {"class_name": name, "registered_name": f"keras_hub>{name}"}
    (folder / "config.json").write_text(json.dumps({**content, "config": kept}))
    return folder


def weights(folder: Path, value: Any) -> None:
    with h5py.File(record(folder) / "model.weights.h5", "w") as file:
        file["layers/embedding/vars/0"] = value


def pointer(folder: Path) -> None:
    text = "version https://git-lfs.github.com/spec/v1\n"
    (record(folder) / "model.weights.h5").write_text(text)


def damaged(folder: Path) -> None:
    (record(folder) / "model.weights.h5").write_text("no HDF5")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another backbone": (
        lambda folder: record(folder, "FNetBackbone"),
        "FNetBackbone.. Give a preset of one of these: AlbertBackbone, BertBackbone",
    ),
    "a setting that is missing": (
        lambda folder: record(folder, hidden_dim=None),
        "hidden_dim is missing",
    ),
    "a setting that is not supported": (
        lambda folder: record(
            folder, "AlbertBackbone", embedding_dim=4, num_inner_repetitions=2
        ),
        "num_inner_repetitions=2; only 1 is supported",
    ),
    "no weights": (record, r"no weights\. Looked for model\.weights\.h5"),
    "a pointer": (pointer, "git lfs pull"),
    "no HDF5": (damaged, "is damaged or no HDF5 file"),
    "quantised": (
        lambda folder: weights(folder, np.zeros((2, 8), np.int8)),
        "quantised weights are not supported",
    ),
    "weights that are missing": (
        lambda folder: weights(folder, np.zeros((2, 8), np.float32)),
        "are missing, such as layers/reversible_embedding/vars/0",
    ),
    "rows against config": (
        lambda folder: weights(folder, np.zeros((3, 8), np.float32)),
        r"embedding/vars/0 has shape \(3, 8\); expected \(2, 8\)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(fault: str, tmp_path: Path) -> None:
    make, message = FAULTS[fault]
    make(tmp_path)
    with pytest.raises((CheckpointError, StorageError), match=message) as raised:
        load_encoder(tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_a_record_without_settings_is_refused(tmp_path: Path) -> None:
    file = record(tmp_path) / "config.json"
    file.write_text('{"class_name": "BertBackbone", "registered_name": null}')
    with pytest.raises(CheckpointError, match="no object `config`"):
        open_encoder(tmp_path)
