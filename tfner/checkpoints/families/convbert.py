"""ConvBERT: an ELECTRA half of whose attention is a convolution.

Source: transformers models/convbert.
"""

from __future__ import annotations

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family

_ATTENTION = "encoder.layer.{}.attention.self"
_KEY = f"{_ATTENTION}.key_conv_attn_layer"

CONVBERT = Family(
    name="convbert",
    architecture="ConvBert",
    encoder="convbert",
    prefix="convbert.",
    settings={
        **bert.SETTINGS,
        "embedding_size": "embedding_size",
        "head_ratio": "head_ratio",
        "kernel_size": "conv_kernel_size",
        "groups": "num_groups",
    },
    tensors={
        **bert.TENSORS,
        "blocks.{}.convolution_kernel": (f"{_ATTENTION}.conv_kernel_layer",),
        "blocks.{}.convolution_value": (f"{_ATTENTION}.conv_out_layer",),
        "blocks.{}.depthwise": (f"{_KEY}.depthwise.weight",),
        "blocks.{}.pointwise": (f"{_KEY}.pointwise.weight",),
        "blocks.{}.shift": (f"{_KEY}.bias",),
    },
    defaults={
        **bert.DEFAULTS,
        **bert.BASE,
        "vocab_size": 30522,
        "head_ratio": 2,
        "kernel_size": 9,
        "groups": 1,
    },
    fixed={**bert.FIXED, "family": "convbert"},
    skipped=(
        "discriminator_predictions.",
        "generator_predictions.",
        "generator_lm_head.",
    ),
)
