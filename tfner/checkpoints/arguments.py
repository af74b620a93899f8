"""Types and bounds of what a file may ask of an encoder, whichever format it has.

The bounds lie far above every model that is known, and keep a damaged file from asking
for days or terabytes.
"""

from __future__ import annotations

from typing import Annotated, Any

from tfner.storage.schema import Range, Share

Layers = Annotated[int, Range(1, 256)]
Heads = Annotated[int, Range(1, 1024)]
Width = Annotated[int, Range(1, 1 << 18)]
Length = Annotated[int, Range(1, 1 << 20)]
Amount = Annotated[int, Range(0, 1 << 20)]
Wave = Annotated[float, Range(1, 1e12)]

ARGUMENTS: dict[str, Any] = {
    "vocab_size": Annotated[int, Range(1, 1 << 24)],
    "hidden_size": Width,
    "num_layers": Layers,
    "num_heads": Heads,
    "num_key_value_heads": Heads | None,
    "intermediate_size": Width,
    "embedding_size": Width | None,
    "always_projects": bool,
    "max_positions": Length,
    "position_offset": Amount,
    "type_vocab_size": Annotated[int, Range(0, 1024)],
    "activation": str,
    "layer_norm_epsilon": Share,
    "embedding_dropout": Share,
    "hidden_dropout": Share,
    "attention_dropout": Share,
    "initializer_range": Annotated[float, Range(0, 100)],
    "family": str,
    "num_groups": Layers,
    "layers_per_group": Layers,
    "head_ratio": Heads,
    "kernel_size": Heads,
    "groups": Heads,
    "absolute_positions": bool,
    "farthest": Length,
    "buckets": Amount,
    "shared_projections": bool,
    "norm_distances": bool,
    "convolution": Annotated[int, Range(0, 1024)],
    "convolution_activation": str,
    "norm": str,
    "norm_first": bool,
    "embedding_norm": bool,
    "attention_bias": bool,
    "feed_forward_bias": bool,
    "theta": Wave,
    "local_theta": Wave,
    "local_reach": Amount,
    "head_activation": str | None,
    "head_bias": bool,
}
"""Of every argument of the classes in `tfner.models.encoders.ENCODERS`."""

OTHER_KEYS: dict[str, Any] = {
    "model_type": str,
    "architectures": list[str],
    "num_labels": Annotated[int, Range(1, 1 << 20)],
    "id2label": dict[str, Any],
    "label2id": dict[str, Any],
    "classifier_dropout": Share,
    "classifier_dropout_prob": Share,
    "pad_token_id": Amount,
    "max_relative_positions": Annotated[int, Range(-1, 1 << 20)],
    "position_buckets": Annotated[int, Range(-1, 1 << 20)],
    "pos_att_type": str | list[str],
    "norm_rel_ebd": str,
    "global_attn_every_n_layers": Layers,
    "layer_types": list[str],
    "local_attention": Amount,
    "rope_parameters": dict[str, Any],
    "rope_scaling": dict[str, Any],
    "rope_theta": Wave,
    "global_rope_theta": Wave,
    "local_rope_theta": Wave,
    "norm_bias": bool,
    "head_dim": Width,
    "conv_kernel_size": Annotated[int, Range(0, 1024)],  # 0: there is none
    "n_embd": Width,
    "n_layer": Layers,
    "n_head": Heads,
    "n_inner": Width,
    "n_positions": Length,
    "max_trained_positions": Length,
    "rotary_emb_base": Wave,
}
"""Of the keys of a Hugging Face config.json that are no arguments themselves."""
