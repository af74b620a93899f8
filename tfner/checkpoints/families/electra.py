"""ELECTRA: a BERT whose embeddings may be narrower than its layers.

Source: transformers models/electra.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family

ELECTRA = Family(
    name="electra",
    architecture="Electra",
    encoder="bert",
    prefix="electra.",
    settings={**bert.SETTINGS, "embedding_size": "embedding_size"},
    tensors=bert.TENSORS,
    defaults=bert.DEFAULTS,
    fixed={**bert.FIXED, "family": "electra"},
    only=bert.ONLY,
    skipped=(
        "discriminator_predictions.",
        "generator_predictions.",
        "generator_lm_head.",
    ),
)
