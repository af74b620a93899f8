"""DistilBERT: a BERT without segments, under names of its own.

Source: transformers models/distilbert.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family

DISTILBERT = Family(
    name="distilbert",
    architecture="DistilBert",
    encoder="bert",
    prefix="distilbert.",
    settings={
        "vocab_size": "vocab_size",
        "embedding_size": "dim",
        "hidden_size": "dim",
        "num_layers": "n_layers",
        "num_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "max_positions": "max_position_embeddings",
        "activation": "activation",
        "hidden_dropout": "dropout",
        "attention_dropout": "attention_dropout",
        "initializer_range": "initializer_range",
    },
    tensors={
        **bert.EMBEDDINGS,
        "blocks.{}.query_key_value": (
            "transformer.layer.{}.attention.q_lin",
            "transformer.layer.{}.attention.k_lin",
            "transformer.layer.{}.attention.v_lin",
        ),
        "blocks.{}.attention_output": ("transformer.layer.{}.attention.out_lin",),
        "blocks.{}.attention_norm": ("transformer.layer.{}.sa_layer_norm",),
        "blocks.{}.intermediate": ("transformer.layer.{}.ffn.lin1",),
        "blocks.{}.output_dense": ("transformer.layer.{}.ffn.lin2",),
        "blocks.{}.output_norm": ("transformer.layer.{}.output_layer_norm",),
    },
    defaults=bert.DEFAULTS,
    fixed={
        **bert.FIXED,
        "family": "distilbert",
        "type_vocab_size": 0,
        "layer_norm_epsilon": 1e-12,
    },
    only=bert.ONLY,
    skipped=(
        *("vocab_transform.", "vocab_layer_norm.", "vocab_projector."),
        "pre_classifier.",
    ),
)
