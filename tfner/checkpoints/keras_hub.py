"""KerasHub presets: backbones of the families that tfner has, with their weights.

Nothing of KerasHub is imported, and no class that a file names: a preset is a
config.json that names one of `BACKBONES`, and the HDF5 file of its weights.

Source: keras_hub src/models/*/*_backbone.py, src/utils/preset_utils.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.slots import Suffixes, encoder_slots, fill
from tfner.checkpoints.stored_encoder import StoredEncoder
from tfner.checkpoints.tensors import CONFIG, read_config
from tfner.errors import CheckpointError, unknown

WEIGHTS = "model.weights.h5"
SUFFIXES = Suffixes(
    table="/vars/0",
    scale="/vars/0",
    shift="/vars/1",
    kernel="/vars/0",
    bias="/vars/1",
    transposed=False,
)
PARTS = {
    r"attention\.self\.(query|key|value)": r"_self_attention_layer/\1_dense",
    r"attention\.output\.dense": "_self_attention_layer/output_dense",
    r"attention\.output\.LayerNorm": "_self_attention_layer_norm",
    r"intermediate\.dense": "_feedforward_intermediate_dense",
    r"output\.dense": "_feedforward_output_dense",
    r"output\.LayerNorm": "_feedforward_layer_norm",
}
"""Module of a layer in Hugging Face's BERT -> in KerasHub's `TransformerEncoder`."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """What a class of KerasHub means: a family, and settings that config.json lacks."""

    family: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


BACKBONES = {
    "BertBackbone": Backbone(family="bert", fixed={"layer_norm_eps": 1e-12}),
}
"""Class that a preset names -> what it means."""


def is_preset(folder: Path) -> bool:
    """Tell whether a directory holds a preset of KerasHub."""
    if not (folder / CONFIG).is_file():
        return False
    config = read_config(folder / CONFIG)
    return "registered_name" in config and "class_name" in config


def backbone_of(config: Mapping[str, Any], *, place: Path) -> Backbone:
    """The backbone that a preset names.

    Raises:
        CheckpointError: it is none that tfner has.
    """
    name = str(config.get("class_name"))
    if name not in BACKBONES:
        raise CheckpointError(f"{place}: {unknown('backbone', name, BACKBONES)}")
    return BACKBONES[name]


class PresetTensors:
    """Weights of a preset by their paths in the file, attention's heads side by side.

    Raises:
        CheckpointError: the file is damaged or missing.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read as HDF5: {error}") from error
        self.names: list[str] = []
        self._file.visititems(self._keep)

    def _keep(self, path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            self.names.append(path)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        shape: tuple[int, ...] = self._file[name].shape
        if re.search(r"(query|key|value)_dense/vars/0$", name):
            return shape[0], int(np.prod(shape[1:]))
        if name.endswith("_self_attention_layer/output_dense/vars/0"):
            return int(np.prod(shape[:-1])), shape[-1]
        if re.search(r"(query|key|value)_dense/vars/1$", name):
            return (int(np.prod(shape)),)
        return shape

    def read(self, name: str) -> NDArray[Any]:
        """One of them, in the shape that `shape` tells."""
        return np.reshape(self._file[name][()], self.shape(name))


def numbered(name: str, number: int) -> str:
    """Keras' name of the layer of that number among those of one class."""
    return f"{name}_{number}" if number else name


def bert_path(module: str) -> str:
    """The path of a module of Hugging Face's BERT in the weights of a preset."""
    tables = {
        "embeddings.word_embeddings": "layers/reversible_embedding",
        "embeddings.position_embeddings": "layers/position_embedding",
        "embeddings.token_type_embeddings": "layers/embedding",
        "embeddings.LayerNorm": "layers/layer_normalization",
    }
    if module in tables:
        return tables[module]
    match = re.fullmatch(r"encoder\.layer\.(\d+)\.(.*)", module)
    for pattern, path in PARTS.items():
        part = match and re.fullmatch(pattern, match[2])
        if match and part:
            layer = numbered("transformer_encoder", int(match[1]))
            return f"layers/{layer}/{part.expand(path)}"
    raise CheckpointError(f"a preset has no place for {module}.")


def open_preset(folder: Path, **dropouts: float | None) -> StoredEncoder:
    """The encoder of a preset, its weights not yet read.

    Raises:
        CheckpointError: the backbone is unknown, or files are damaged.
    """
    place = folder / CONFIG
    record = read_config(place)
    backbone = backbone_of(record, place=place)
    given = record["config"]
    config = {
        "vocab_size": given["vocabulary_size"],
        "hidden_size": given["hidden_dim"],
        "num_hidden_layers": given["num_layers"],
        "num_attention_heads": given["num_heads"],
        "intermediate_size": given["intermediate_dim"],
        "max_position_embeddings": given["max_sequence_length"],
        "type_vocab_size": given["num_segments"],
        "hidden_dropout_prob": given["dropout"],
        "attention_probs_dropout_prob": given["dropout"],
        **backbone.fixed,
    }
    family = FAMILIES[backbone.family]
    settings = dict(family.read_settings(config, place=place, **dropouts))
    settings["activation"] = "gelu_tanh"  # as KerasHub's backbone has it
    tensors = PresetTensors(folder / WEIGHTS)
    rename: Callable[[str], str] = bert_path

    def fill_encoder(encoder: keras.Model) -> None:
        slots = encoder_slots(encoder, family.tensors, SUFFIXES, renamed=rename)
        names = {name: name for name in tensors.names}
        fill(
            slots,
            tensors,
            names,
            skips=lambda name: name.startswith("layers/dense/"),  # the pooler
            place=folder,
        )

    return StoredEncoder(family, settings, place, fill_encoder)
