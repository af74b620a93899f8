"""DeBERTa-v2, whose `model_type` DeBERTa-v3 and mDeBERTa have, too.

Source: transformers models/deberta_v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import Family, TensorMap

_ATTENTION = "encoder.layer.{}.attention.self"

TENSORS: TensorMap = {
    **bert.TENSORS,
    "distances": ("encoder.rel_embeddings",),
    "distances_norm": ("encoder.LayerNorm",),
    "blocks.{}.query_key_value": (
        f"{_ATTENTION}.query_proj",
        f"{_ATTENTION}.key_proj",
        f"{_ATTENTION}.value_proj",
    ),
    "blocks.{}.position_key": (f"{_ATTENTION}.pos_key_proj",),
    "blocks.{}.position_query": (f"{_ATTENTION}.pos_query_proj",),
    "first_convolution": ("encoder.conv.conv",),
    "first_convolution.norm": ("encoder.conv.LayerNorm",),
}


@dataclass(frozen=True, kw_only=True)
class DebertaFamily(Family):
    """A family whose config.json says in words what attention does."""

    def flat(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config.json with the keys that `settings` names."""
        farthest = config.get("max_relative_positions", -1)
        if farthest < 1:
            farthest = config.get("max_position_embeddings", 512)
        norm = str(config.get("norm_rel_ebd", "none")).lower().split("|")
        return {
            **config,
            "terms": _terms(config.get("pos_att_type")),
            "norm_distances": "layer_norm" in map(str.strip, norm),
            "buckets": max(0, config.get("position_buckets", -1)),
            "farthest": farthest,
        }

    def nested(self, config: dict[str, Any]) -> dict[str, Any]:
        """The config.json of these keys, as transformers reads it."""
        return {
            **{key: config[key] for key in config if key not in _OWN},
            "relative_attention": True,
            "pos_att_type": list(config["terms"]),
            "norm_rel_ebd": "layer_norm" if config["norm_distances"] else "none",
            "position_buckets": config["buckets"] or -1,
            "max_relative_positions": config["farthest"],
        }

    def unsupported(self, config: Mapping[str, Any]) -> list[str]:
        """Settings of a flat config.json that the encoder does not support."""
        problems = super().unsupported(config)
        if not config.get("relative_attention"):
            problems.append("relative_attention must be true")
        if config["buckets"] % 2:
            problems.append(f"position_buckets={config['buckets']} must be even")
        width = config.get("hidden_size", self.defaults["hidden_size"])
        heads = config.get("num_attention_heads", self.defaults["num_heads"])
        wanted = {"embedding_size": width}
        if width and heads:
            wanted["attention_head_size"] = width // heads
        for key, value in wanted.items():
            if config.get(key, value) != value:
                problems.append(f"{key}={config[key]!r}; only {value!r} is supported")
        return problems


def _terms(value: Any) -> tuple[str, ...]:
    """The terms of attention, whose order does not matter."""
    names = value.lower().split("|") if isinstance(value, str) else value or ()
    found = {name.strip() for name in names}
    return tuple(sorted(found & {"c2p", "p2c"}))


_OWN = ("terms", "norm_distances", "buckets", "farthest")

DEBERTA_V2 = DebertaFamily(
    name="deberta-v2",
    architecture="DebertaV2",
    encoder="deberta",
    prefix="deberta.",
    settings={
        **{k: v for k, v in bert.SETTINGS.items() if k != "embedding_size"},
        "absolute_positions": "position_biased_input",
        "shared_projections": "share_att_key",
        "convolution": "conv_kernel_size",
        "convolution_activation": "conv_act",
        **{name: name for name in _OWN},
    },
    tensors=TENSORS,
    defaults={
        **bert.DEFAULTS,
        "vocab_size": 128100,
        "hidden_size": 1536,
        "num_layers": 24,
        "num_heads": 24,
        "intermediate_size": 6144,
        "max_positions": 512,
        "type_vocab_size": 0,
        "layer_norm_epsilon": 1e-7,
        "absolute_positions": True,
        "shared_projections": False,
        "convolution": 0,
        "convolution_activation": "tanh",
    },
    fixed={"family": "deberta-v2"},
    only={"conv_groups": 1},
    # Published files hold tables of positions that their config.json leaves unused.
    skipped=(
        *("cls.", "lm_predictions.", "mask_predictions."),
        *("lm_head.", "embeddings.position_embeddings."),
    ),
)
