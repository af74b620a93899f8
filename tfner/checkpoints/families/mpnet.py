"""MPNet: a BERT without segments, with a bias of relative positions.

Source: transformers models/mpnet.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family

MPNET = Family(
    name="mpnet",
    architecture="MPNet",
    encoder="mpnet",
    prefix="mpnet.",
    settings={k: v for k, v in bert.SETTINGS.items() if k != "type_vocab_size"},
    tensors={
        **bert.TENSORS,
        "relative_bias": ("encoder.relative_attention_bias",),
        "blocks.{}.query_key_value": (
            "encoder.layer.{}.attention.attn.q",
            "encoder.layer.{}.attention.attn.k",
            "encoder.layer.{}.attention.attn.v",
        ),
        "blocks.{}.attention_output": ("encoder.layer.{}.attention.attn.o",),
        "blocks.{}.attention_norm": ("encoder.layer.{}.attention.LayerNorm",),
    },
    defaults={**bert.DEFAULTS, **bert.BASE, "vocab_size": 30527},
    fixed={"family": "mpnet", "type_vocab_size": 0, "always_projects": False},
    # Its positions begin after the padding id, which transformers takes to be 1.
    only={"relative_attention_num_buckets": 32, "pad_token_id": 1},
    skipped=("lm_head.",),
    offset=True,
)
