"""BERT, and what ELECTRA, DistilBERT and RoBERTa have of it.

Source: transformers models/bert (modeling_bert.py, configuration_bert.py).
"""

from __future__ import annotations

from tfner.checkpoints.families.base import Family, TensorMap

SETTINGS = {
    "vocab_size": "vocab_size",
    "embedding_size": "hidden_size",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "type_vocab_size": "type_vocab_size",
    "activation": "hidden_act",
    "layer_norm_epsilon": "layer_norm_eps",
    "hidden_dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "initializer_range": "initializer_range",
}
DEFAULTS = {
    "type_vocab_size": 2,
    "activation": "gelu",
    "layer_norm_epsilon": 1e-12,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "initializer_range": 0.02,
}
BASE = {
    "embedding_size": 768,
    "hidden_size": 768,
    "num_layers": 12,
    "num_heads": 12,
    "intermediate_size": 3072,
    "max_positions": 512,
}
"""Sizes that transformers takes where a config.json is silent."""
ONLY = {"position_embedding_type": "absolute"}

EMBEDDINGS: TensorMap = {
    "embeddings.pieces": ("embeddings.word_embeddings",),
    "embeddings.positions": ("embeddings.position_embeddings",),
    "embeddings.types": ("embeddings.token_type_embeddings",),
    "embeddings.norm": ("embeddings.LayerNorm",),
}
TENSORS: TensorMap = {
    **EMBEDDINGS,
    "embedding_projection": ("embeddings_project",),  # of ELECTRA alone
    "blocks.{}.query_key_value": (
        "encoder.layer.{}.attention.self.query",
        "encoder.layer.{}.attention.self.key",
        "encoder.layer.{}.attention.self.value",
    ),
    "blocks.{}.attention_output": ("encoder.layer.{}.attention.output.dense",),
    "blocks.{}.attention_norm": ("encoder.layer.{}.attention.output.LayerNorm",),
    "blocks.{}.intermediate": ("encoder.layer.{}.intermediate.dense",),
    "blocks.{}.output_dense": ("encoder.layer.{}.output.dense",),
    "blocks.{}.output_norm": ("encoder.layer.{}.output.LayerNorm",),
}

FIXED = {"position_offset": 0, "always_projects": False}

BERT = Family(
    name="bert",
    architecture="Bert",
    encoder="bert",
    prefix="bert.",
    settings=SETTINGS,
    tensors=TENSORS,
    defaults=DEFAULTS,
    fixed={**FIXED, "family": "bert"},
    only=ONLY,
    skipped=("cls.",),
)
