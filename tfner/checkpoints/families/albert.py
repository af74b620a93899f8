"""ALBERT: a BERT whose layers share their weights.

Source: transformers models/albert.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import GELUS, Family

_LAYER = "encoder.albert_layer_groups.{}.albert_layers.{}"

ALBERT = Family(
    name="albert",
    architecture="Albert",
    encoder="albert",
    prefix="albert.",
    settings={
        **bert.SETTINGS,
        "embedding_size": "embedding_size",
        "num_groups": "num_hidden_groups",
        "layers_per_group": "inner_group_num",
    },
    tensors={
        **bert.EMBEDDINGS,
        "embedding_projection": ("encoder.embedding_hidden_mapping_in",),
        "groups.{}.{}.query_key_value": (
            f"{_LAYER}.attention.query",
            f"{_LAYER}.attention.key",
            f"{_LAYER}.attention.value",
        ),
        "groups.{}.{}.attention_output": (f"{_LAYER}.attention.dense",),
        "groups.{}.{}.attention_norm": (f"{_LAYER}.attention.LayerNorm",),
        "groups.{}.{}.intermediate": (f"{_LAYER}.ffn",),
        "groups.{}.{}.output_dense": (f"{_LAYER}.ffn_output",),
        "groups.{}.{}.output_norm": (f"{_LAYER}.full_layer_layer_norm",),
    },
    defaults={
        **bert.DEFAULTS,
        "vocab_size": 30000,
        "embedding_size": 128,
        "hidden_size": 4096,
        "num_layers": 12,
        "num_heads": 64,
        "intermediate_size": 16384,
        "max_positions": 512,
        "num_groups": 1,
        "layers_per_group": 1,
        "activation": "gelu_new",
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
    },
    fixed={"family": "albert", "position_offset": 0, "always_projects": True},
    activations={**GELUS, "relu": "relu"},
    only=bert.ONLY,
    skipped=("predictions.", "sop_classifier."),
    head_dropout="classifier_dropout_prob",
)
