"""Files of weights beside a single `model.safetensors`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.h5_tensors import torch_name
from tfner.checkpoints.huggingface import load_token_classifier
from tfner.checkpoints.loading import load_encoder
from tfner.errors import CheckpointError, StorageError

Make = Callable[..., Path]
Load = Callable[[str], Any]


def same_weights(a: keras.Model, b: keras.Model) -> bool:
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


def torch_files(folder: Path, tensors: Mapping[str, Any], **options: Any) -> None:
    import torch

    torch.save(dict(tensors), folder / "pytorch_model.bin", **options)


def in_torch(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    return {name: torch.tensor(array) for name, array in tensors.items()}


@pytest.mark.torch
@pytest.mark.parametrize("old", [False, True], ids=["zip", "before-1.6"])
@pytest.mark.parametrize("wrap", ["", "state_dict", "model_state_dict"])
def test_checkpoints_of_training_programs_are_read(
    wrap: str, old: bool, golden: Load, directory: Make
) -> None:
    bert = golden("bert")
    whole = load_encoder(directory(bert.config, bert.tensors))
    folder = directory(bert.config, None, "torch")
    tensors: dict[str, Any] = in_torch(
        {f"module.bert.{name}": array for name, array in bert.tensors.items()}
    )
    if wrap:
        tensors = {"epoch": 3, wrap: tensors}
    torch_files(folder, tensors, _use_new_zipfile_serialization=not old)
    assert same_weights(load_encoder(folder), whole)


@pytest.mark.torch
def test_shards_of_torch_equal_one_file(golden: Load, directory: Make) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    bert = golden("bert")
    whole = load_encoder(directory(bert.config, bert.tensors))
    folder, where = directory(bert.config, None, "torch"), {}
    for number in range(2):
        file = f"pytorch_model-0000{number + 1}-of-00002.bin"
        part = in_torch(dict(list(bert.tensors.items())[number::2]))
        torch.save(part, folder / file)
        where |= dict.fromkeys(part, file)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": where}), "utf-8")
    assert same_weights(load_encoder(folder), whole)
    (folder / file).unlink()
    with pytest.raises(CheckpointError, match=r"index.json names files .* missing"):
        load_encoder(folder)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "steps": [1]}, r"Received: epoch \(int\), steps \(list\)"),
        ([1, 2], "Received: list"),
    ],
)
def test_torch_files_without_tensors_are_one_sentence(
    content: Any, message: str, golden: Load, directory: Make
) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    folder = directory(golden("bert").config, None)
    torch.save(content, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=message):
        load_encoder(folder)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "pytorch_model.bin", "tf_model.h5"]
)
def test_pointers_of_git_are_told_from_weights(
    name: str, golden: Load, directory: Make
) -> None:
    folder = directory(golden("bert").config, None)
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(StorageError, match=r"pointer of Git LFS.*git lfs pull"):
        load_encoder(folder)


class TransformersFour:
    """Writes tensors as the TensorFlow models of transformers 4 saved themselves.

    Every top layer is a group of the file, whose weights bear the model's name first;
    items of lists are `layer_._0`, and Keras names the parts of layers.
    """

    def __init__(self, family: str, model: str = "model") -> None:
        self.prefix = FAMILIES[family].prefix.rstrip(".")
        self.model = f"tf_{self.prefix}_{model}"

    def name(self, torch: str) -> tuple[str, str]:
        """The layer, and the name of the weight."""
        name = torch if torch.startswith("classifier") else f"{self.prefix}.{torch}"
        *path, last = name.split(".")
        holder = path[-1]
        if last == "weight" and ("embeddings" in holder or "bias" in holder):
            last = "embeddings"
        elif last == "weight" and holder in ("depthwise", "pointwise"):
            path, last = path[:-1], f"{holder}_kernel"
        elif "norm" in holder.lower():
            last = {"weight": "gamma", "bias": "beta"}[last]
        elif last == "weight":
            last = "kernel"
        if holder == "rel_embeddings":
            path, last = path[:-1], "rel_embeddings.weight"
        joined = "/".join(path)
        for number in range(10):
            joined = joined.replace(f"/{number}", f"_._{number}")
        return path[0], f"{self.model}/{joined}/{last}:0"

    def write(self, path: Path, tensors: Mapping[str, np.ndarray]) -> None:
        layers: dict[str, list[str]] = {}
        with h5py.File(path, "w") as file:
            file.create_group("dropout").attrs["weight_names"] = []
            for torch, array in tensors.items():
                layer, name = self.name(torch)
                value = array.T if "/kernel:" in name else array
                if "depthwise_kernel" in name:  # (in, 1, k)
                    value = np.transpose(array, (2, 0, 1))
                elif "pointwise_kernel" in name:  # (out, in, 1)
                    value = np.transpose(array, (2, 1, 0))
                elif "key_conv_attn_layer/bias" in name:
                    value = array[:, 0]
                file.require_group(layer).create_dataset(name, data=value)
                layers.setdefault(layer, []).append(name)
            for layer, names in layers.items():
                file[layer].attrs["weight_names"] = [n.encode() for n in names]
            file.attrs["layer_names"] = [name.encode() for name in layers]
            file.attrs["backend"] = b"tensorflow"


HAD_TENSORFLOW = (
    *("bert", "electra", "distilbert", "roberta", "xlm-roberta", "camembert"),
    *("deberta-v2", "albert", "mpnet", "rembert", "convbert"),
)


@pytest.mark.parametrize("family", HAD_TENSORFLOW)
def test_tensorflow_models_of_transformers_four_are_read(
    family: str, golden: Load, directory: Make
) -> None:
    stored = golden(family)
    whole = load_encoder(directory(stored.config, stored.tensors))
    folder = directory(stored.config, None, "tensorflow")
    TransformersFour(family).write(folder / "tf_model.h5", stored.tensors)
    assert same_weights(load_encoder(folder), whole)


def test_shards_of_tensorflow_equal_one_file(golden: Load, directory: Make) -> None:
    stored = golden("bert")
    whole = load_encoder(directory(stored.config, stored.tensors))
    folder, where = directory(stored.config, None, "tensorflow"), {}
    for number in range(2):
        name = f"tf_model-0000{number + 1}-of-00002.h5"
        with h5py.File(folder / name, "w") as file:
            for torch, array in list(stored.tensors.items())[number::2]:
                path = TransformersFour("bert").name(torch)[1].partition("/")[2]
                file[path] = array.T if "/kernel:" in path else array
                where[path] = name
            file.attrs["layer_names"] = [p.encode() for p in where if where[p] == name]
    index = folder / "tf_model.h5.index.json"
    index.write_text(json.dumps({"weight_map": where}), "utf-8")
    assert same_weights(load_encoder(folder), whole)


def test_adapters_and_quantised_weights_are_refused(
    golden: Load, directory: Make
) -> None:
    stored = golden("bert")
    quantised = stored.config | {"quantization_config": {"bits": 4}}
    with pytest.raises(CheckpointError, match="quantised weights are not supported"):
        load_encoder(directory(quantised, stored.tensors, "quantised"))
    folder = directory(stored.config, None)
    (folder / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(CheckpointError, match=r"holds an adapter .* is not applied"):
        load_encoder(folder)


def test_tensorflow_taggers_of_transformers_four_are_read(
    golden: Load, directory: Make
) -> None:
    stored = golden("bert")
    random = np.random.default_rng(0)
    head = {
        "classifier.weight": random.normal(size=(3, 12)).astype("float32"),
        "classifier.bias": random.normal(size=3).astype("float32"),
    }
    tags = {"id2label": {"0": "O", "1": "B-LOC", "2": "I-LOC"}}
    config = stored.config | tags | {"architectures": ["TFBertForTokenClassification"]}
    config["architectures"] = ["BertForTokenClassification"]
    tensors = {k: a for k, a in stored.tensors.items() if "pooler" not in k} | head
    whole, _ = load_token_classifier(directory(config, tensors))
    folder = directory(config, None, "tensorflow")
    writer = TransformersFour("bert", "for_token_classification_1")
    writer.write(folder / "tf_model.h5", tensors)
    found, names = load_token_classifier(folder)
    assert names == ["O", "B-LOC", "I-LOC"]
    assert same_weights(found, whole)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "foreign"])
def test_damaged_files_of_tensorflow_are_one_sentence(
    damage: str, golden: Load, directory: Make
) -> None:
    stored = golden("bert")
    folder = directory(stored.config, None)
    path = folder / "tf_model.h5"
    TransformersFour("bert").write(path, stored.tensors)
    whole = path.read_bytes()
    if damage == "foreign":
        with h5py.File(path, "w") as file:
            file["weights"] = np.zeros(3)
    else:
        changed = {"cut": whole[: len(whole) // 2], "text": b"not HDF5", "empty": b""}
        path.write_bytes(changed[damage])
    with pytest.raises(CheckpointError, match=r"tf_model\.h5 (is damaged|holds no)"):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m/bert/embeddings/word_embeddings/weight:0", "word_embeddings.weight"),
        ("m/mlm___cls/predictions/bias:0", "cls.predictions.bias"),
        (
            "m/bert/encoder/layer_._11/output/LayerNorm/beta:0",
            "11.output.LayerNorm.bias",
        ),
    ],
)
def test_names_of_older_versions_are_understood(name: str, expected: str) -> None:
    assert torch_name(name).endswith(expected)
