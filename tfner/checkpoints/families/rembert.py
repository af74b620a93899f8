"""RemBERT: a BERT whose embeddings are narrower than its layers.

Source: transformers models/rembert.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family

REMBERT = Family(
    name="rembert",
    architecture="RemBert",
    encoder="bert",
    prefix="rembert.",
    settings={**bert.SETTINGS, "embedding_size": "input_embedding_size"},
    tensors={
        **bert.TENSORS,
        "embedding_projection": ("encoder.embedding_hidden_mapping_in",),
    },
    defaults={
        **bert.DEFAULTS,
        "vocab_size": 250300,
        "embedding_size": 256,
        "hidden_size": 1152,
        "num_layers": 32,
        "num_heads": 18,
        "intermediate_size": 4608,
        "max_positions": 512,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
    },
    fixed={"family": "rembert", "position_offset": 0, "always_projects": True},
    skipped=("cls.",),
    head_dropout="classifier_dropout_prob",
)
