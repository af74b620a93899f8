"""KerasHub presets: backbones of the families that tfner has, with their weights.

Nothing of KerasHub is imported, and no class that a file names: a preset is a
config.json that names one of `BACKBONES`, and the HDF5 files of its weights. What a
preset holds of a task (task.json, task.weights.h5) is left alone.

Source: keras_hub src/models/*/*_backbone.py, src/utils/preset_utils.py; keras
src/saving/saving_lib.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.families.base import Family, TensorMap
from tfner.checkpoints.h5_tensors import open_h5, read_dataset
from tfner.checkpoints.slots import Fill, Suffixes, encoder_slots, matched
from tfner.checkpoints.stored_encoder import StoredEncoder
from tfner.checkpoints.tensors import (
    CONFIG,
    KERAS_WEIGHTS,
    Array,
    read_config,
    shards,
)
from tfner.errors import CheckpointError, shorten

WEIGHTS, SHARDS, _ = KERAS_WEIGHTS
LEGACY = "_layer_checkpoint_dependencies"
"""What the first versions of Keras 3 called the group `layers`."""
SUFFIXES = Suffixes(
    table="/vars/0",
    scale="/vars/0",
    shift="/vars/1",
    kernel="/vars/0",
    bias="/vars/1",
    transposed=False,
)
SIZES = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_layers": "num_layers",
    "num_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "max_positions": "max_sequence_length",
    "hidden_dropout": "dropout",
    "attention_dropout": "dropout",
    "initializer_range": "initializer_range",
}
"""Argument of an encoder -> what KerasHub calls it."""
DEFAULTS = {"initializer_range": 0.02}
SEGMENTS = {"embedding_size": "hidden_dim", "type_vocab_size": "num_segments"}
NARROW = {**SEGMENTS, "embedding_size": "embedding_dim"}
TANH = {"activation": "gelu_tanh", "layer_norm_epsilon": 1e-12}
EXACT = {"activation": "gelu", "layer_norm_epsilon": 1e-12}

_JOINT = "layers/token_and_position_embedding"
_TYPES = f"{_JOINT}/segment_embedding"  # a name for what no preset holds
POSITIONS = f"{_JOINT}/position_embedding/vars/0"
EMBEDDINGS: TensorMap = {
    "embeddings.pieces": ("layers/reversible_embedding",),
    "embeddings.positions": ("layers/position_embedding",),
    "embeddings.types": ("layers/embedding",),
    "embeddings.norm": ("layers/layer_normalization",),
    "embedding_projection": ("layers/dense",),
}
JOINT: TensorMap = {
    "embeddings.pieces": (f"{_JOINT}/token_embedding",),
    "embeddings.positions": (f"{_JOINT}/position_embedding",),
    "embeddings.types": (_TYPES,),
    "embeddings.norm": ("layers/layer_normalization",),
}
"""Of the backbones that have one layer for pieces and positions."""
POOLER = ("layers/dense/", "layers/dense_1/")
"""The latter behind a projection of the embeddings, which is the first dense layer."""
OFFSET = 2
"""Rows of RoBERTa's positions before the first that is used."""


def _blocks(block: str, layer: str, inner: str = "") -> TensorMap:
    """The layers of one Transformer block.

    Args:
        block: where an encoder has it.
        layer: where a preset has it.
        inner: what the names of attention's layers begin with.
    """
    attention = f"layers/{layer}/_self_attention_layer"
    kinds = ("query", "key", "value")
    return {
        f"{block}.query_key_value": tuple(
            f"{attention}/{inner}{kind}_dense" for kind in kinds
        ),
        f"{block}.attention_output": (f"{attention}/{inner}output_dense",),
        f"{block}.attention_norm": (f"{attention}_norm",),
        f"{block}.intermediate": (f"layers/{layer}/_feedforward_intermediate_dense",),
        f"{block}.output_dense": (f"layers/{layer}/_feedforward_output_dense",),
        f"{block}.output_norm": (f"layers/{layer}/_feedforward_layer_norm",),
    }


BLOCKS = _blocks("blocks.{}", "transformer_encoder_{}")


def _backbone(
    name: str,
    settings: Mapping[str, str],
    fixed: Mapping[str, Any],
    tensors: TensorMap,
    **others: Any,
) -> Family:
    """A family as KerasHub names its settings and weights."""
    family = FAMILIES[name]
    return replace(
        family,
        settings={**SIZES, **settings},
        defaults=DEFAULTS,
        fixed={**family.fixed, **fixed},
        tensors=tensors,
        skipped=POOLER,
        offset=False,
        **others,
    )


def _roberta(name: str) -> Family:
    fixed = {
        **EXACT,
        "layer_norm_epsilon": 1e-5,
        "position_offset": OFFSET,
        "type_vocab_size": 1,
    }
    width = {"embedding_size": "hidden_dim"}
    return _backbone(name, width, fixed, {**JOINT, **BLOCKS})


BACKBONES = {
    "BertBackbone": _backbone("bert", SEGMENTS, TANH, {**EMBEDDINGS, **BLOCKS}),
    "RobertaBackbone": _roberta("roberta"),
    "XLMRobertaBackbone": _roberta("xlm-roberta"),
    "DistilBertBackbone": _backbone(
        "distilbert", {"embedding_size": "hidden_dim"}, EXACT, {**JOINT, **BLOCKS}
    ),
    "ElectraBackbone": _backbone(
        "electra",
        {**NARROW, "vocab_size": "vocab_size"},
        TANH,
        {**EMBEDDINGS, **BLOCKS},
    ),
    "AlbertBackbone": _backbone(
        "albert",
        {
            **NARROW,
            "num_groups": "num_groups",
            "layers_per_group": "num_inner_repetitions",
        },
        TANH,
        {**EMBEDDINGS, **_blocks("groups.{}.{}", "transformer_encoder_{}")},
        only={"num_inner_repetitions": 1},  # else a layer's number is the sum of both
    ),
    "DebertaV3Backbone": Family(
        name="deberta-v2",
        architecture="DebertaV2",
        encoder="deberta",
        prefix="deberta.",
        settings={**SIZES, "buckets": "bucket_size", "farthest": "max_sequence_length"},
        defaults=DEFAULTS,
        fixed={
            **EXACT,
            "family": "deberta-v2",
            "layer_norm_epsilon": 1e-7,
            "type_vocab_size": 0,
            "absolute_positions": False,
            "terms": ("c2p", "p2c"),
            "norm_distances": True,
            "shared_projections": True,
            "convolution": 0,
            "convolution_activation": "tanh",
        },
        tensors={
            **{
                name: EMBEDDINGS[name]
                for name in ("embeddings.pieces", "embeddings.norm")
            },
            "distances": ("layers/relative_embedding",),
            "distances_norm": ("layers/relative_embedding/layer_norm",),
            **_blocks("blocks.{}", "disentangled_attention_encoder_{}", inner="_"),
        },
    ),
}
"""Class that a preset names -> its family, the tables of which are KerasHub's."""


def is_preset(folder: Path) -> bool:
    """Tell whether a directory holds a preset of KerasHub."""
    if not (folder / CONFIG).is_file():
        return False
    return "registered_name" in read_config(folder / CONFIG)


def backbone_of(config: Mapping[str, Any], *, place: Path) -> Family:
    """The backbone that a preset names.

    Raises:
        CheckpointError: it is none that tfner has.
    """
    name = config.get("class_name")
    if name not in BACKBONES:
        raise CheckpointError(
            f"{place}: there is no encoder for KerasHub's {shorten(str(name))}. Give a "
            f"preset of one of these: {', '.join(sorted(BACKBONES))}."
        )
    return BACKBONES[name]


class PresetTensors:
    """Weights of a preset by their paths in the file, attention's heads side by side.

    Args:
        folder: of the preset.
        zeros: table -> rows of zeros before those of the file, and its width; the file
            need not have the table.

    Raises:
        CheckpointError: files are missing, damaged or quantised.
    """

    def __init__(self, folder: Path, zeros: Mapping[str, tuple[int, int]]) -> None:
        self._held: dict[str, h5py.Dataset] = {}
        self._zeros = zeros
        for path in _files(folder):
            open_h5(path).visititems(self._keep)
        if any(dataset.dtype.kind in "iu" for dataset in self._held.values()):
            raise CheckpointError(
                f"{folder}: quantised weights are not supported; give the whole ones."
            )
        self.names = list({**self._held, **zeros})

    def _keep(self, path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            self._held[path.replace(LEGACY, "layers", 1)] = item

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one, without reading it."""
        rows, width = self._zeros.get(name, (0, 0))
        if name not in self._held:
            return rows, width
        shape = _flat(name, self._held[name].shape)
        return (rows + shape[0], *shape[1:])

    def read(self, name: str) -> Array:
        """One of them, in the shape that `shape` tells.

        Raises:
            CheckpointError: the file is damaged there.
        """
        zeros = np.zeros(self._zeros.get(name, (0, 0)), np.float32)
        if name not in self._held:
            return zeros
        value = read_dataset(self._held[name])
        value = value.reshape(_flat(name, value.shape))
        return np.concatenate([zeros, value]) if len(zeros) else value


def _files(folder: Path) -> list[Path]:
    """The files of a preset's weights.

    Raises:
        CheckpointError: there are none, or shards are missing.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / SHARDS).is_file():
        return shards(folder / SHARDS)
    raise CheckpointError(f"{folder}: no weights. Looked for {WEIGHTS}, {SHARDS}.")


def _flat(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a weight whose axes of heads and their width are one."""
    if name.endswith(SUFFIXES.bias):
        return (prod(shape),)
    if len(shape) < 3:
        return shape
    if name.endswith("output_dense/vars/0"):
        return prod(shape[:-1]), shape[-1]
    return shape[0], prod(shape[1:])


def open_preset(folder: Path, **dropouts: float | None) -> StoredEncoder:
    """The encoder of a preset, its weights not yet read.

    Args:
        folder: of the preset.
        dropouts: as for `open_encoder`.

    Raises:
        CheckpointError: the backbone is unknown, or files are missing or damaged.
    """
    place = folder / CONFIG
    record = read_config(place)
    family = backbone_of(record, place=place)
    config = record.get("config")
    if not isinstance(config, Mapping):
        raise CheckpointError(
            f"{place} holds no object `config`. Save the preset anew."
        )
    settings = family.read_settings(config, place=place, **dropouts)
    tensors = PresetTensors(folder, _zeros(settings))

    def match(encoder: keras.Model) -> Fill:
        slots = encoder_slots(encoder, family.tensors, SUFFIXES, renamed=_path)
        return matched(
            slots,
            tensors,
            {name: name for name in tensors.names},
            skips=family.skips,
            place=folder,
        )

    return StoredEncoder(family, settings, place, match)


def _zeros(settings: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """What RoBERTas have elsewhere, and which does nothing: see `PresetTensors`."""
    if settings.get("position_offset") != OFFSET:
        return {}
    width = settings["hidden_size"]
    return {POSITIONS: (OFFSET, width), f"{_TYPES}{SUFFIXES.table}": (1, width)}


def _path(name: str) -> str:
    """Keras does not number the first of the layers of one class."""
    return name.replace("_0/", "/")
