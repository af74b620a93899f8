"""Families with rotary positions: ModernBERT, EuroBERT and Nomic's BERT.

Source: transformers models/modernbert, models/eurobert, models/nomic_bert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfner.checkpoints.families import bert
from tfner.checkpoints.families.base import CLASSIFIER, EXACT_GELU, Family

ACTIVATIONS = {
    **EXACT_GELU,
    "silu": "silu",
    "swish": "silu",
    "relu": "relu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}
GLOBAL, LOCAL = "full_attention", "sliding_attention"
EVERY = 3
"""ModernBERT's layers whose number is a multiple of it see everything, by default."""


def _theta(rope: Any, key: str, config: Mapping[str, Any], default: float) -> float:
    found = (rope or {}).get("rope_theta", config.get(key))
    return default if found is None else found


@dataclass(frozen=True, kw_only=True)
class RotaryFamily(Family):
    """A family whose config.json holds the base of the wave lengths in a table.

    Attributes:
        theta: the base where config.json is silent.
    """

    theta: float

    def flat(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config.json with the keys that `settings` names."""
        rope = config.get("rope_parameters")
        heads = config.get("num_attention_heads", self.defaults.get("num_heads"))
        shared = config.get("num_key_value_heads") or heads
        theta = _theta(rope, "rope_theta", config, self.theta)
        return {**config, "theta": float(theta), "num_key_value_heads": shared}

    def nested(self, config: dict[str, Any]) -> dict[str, Any]:
        """The config.json of these keys, as transformers reads it."""
        theta = config.pop("theta")
        rope = {"rope_theta": theta, "rope_type": "default"}
        return {**config, "rope_theta": theta, "rope_parameters": rope}

    def unsupported(self, config: Mapping[str, Any]) -> list[str]:
        """Settings of a flat config.json that the encoder does not support."""
        problems = super().unsupported(config)
        for key in ("rope_parameters", "rope_scaling"):
            table = config.get(key) or {}
            nested = [part for part in table.values() if isinstance(part, Mapping)]
            for part in nested or [table]:
                kind = part.get("rope_type", part.get("type", "default"))
                if kind != "default":
                    problems.append(
                        f"{key} of type {kind!r}; only 'default' is supported"
                    )
        width = config.get("hidden_size", self.defaults["hidden_size"])
        heads = config.get("num_attention_heads", self.defaults["num_heads"])
        size = config.get("head_dim")
        if width and heads and size not in (None, width // heads):
            problems.append(f"head_dim={size}; only {width // heads} is supported")
        return problems


@dataclass(frozen=True, kw_only=True)
class ModernBertFamily(RotaryFamily):
    """A family some of whose layers only see what is near."""

    def flat(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config.json with the keys that `settings` names."""
        rope = config.get("rope_parameters") or {}
        layers = config.get("num_hidden_layers", self.defaults["num_layers"]) or 0
        every = config.get("global_attn_every_n_layers", EVERY)
        kinds = config.get("layer_types") or [
            LOCAL if number % every else GLOBAL for number in range(layers)
        ]
        heads = config.get("num_attention_heads", self.defaults["num_heads"])
        theta = _theta(rope.get(GLOBAL), "global_rope_theta", config, self.theta)
        local = _theta(rope.get(LOCAL), "local_rope_theta", config, 10_000.0)
        return {
            **config,
            "local_layers": tuple(n for n, kind in enumerate(kinds) if kind == LOCAL),
            "local_reach": config.get("local_attention", 128) // 2,
            "theta": float(theta),
            "local_theta": float(local),
            "norm": "layer" if config.get("norm_bias") else "scale",
            "num_key_value_heads": heads,
        }

    def nested(self, config: dict[str, Any]) -> dict[str, Any]:
        """The config.json of these keys, as transformers reads it."""
        names = ("local_layers", "local_reach", "theta", "local_theta", "norm")
        own = {name: config.pop(name) for name in names}
        del config["num_key_value_heads"]
        layers = range(config["num_hidden_layers"])
        kinds = [LOCAL if n in own["local_layers"] else GLOBAL for n in layers]
        if all((kinds[n] == LOCAL) == bool(n % EVERY) for n in layers):
            config["global_attn_every_n_layers"] = EVERY  # for transformers 4
        return {
            **config,
            "layer_types": kinds,
            "local_attention": 2 * own["local_reach"],
            "global_rope_theta": own["theta"],
            "local_rope_theta": own["local_theta"],
            "rope_parameters": {
                GLOBAL: {"rope_theta": own["theta"], "rope_type": "default"},
                LOCAL: {"rope_theta": own["local_theta"], "rope_type": "default"},
            },
            "norm_bias": own["norm"] == "layer",
        }


_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "num_key_value_heads": "num_key_value_heads",
    "intermediate_size": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "initializer_range": "initializer_range",
    "theta": "theta",
}
_EVERYWHERE = {"local_layers": (), "local_reach": 64, "local_theta": 10_000.0}
_NO_HEAD = {"head_activation": None, "head_bias": False}

MODERNBERT = ModernBertFamily(
    name="modernbert",
    architecture="ModernBert",
    encoder="rotary",
    prefix="model.",
    settings={
        **_SIZES,
        "activation": "hidden_activation",
        "layer_norm_epsilon": "norm_eps",
        "norm": "norm",
        "local_layers": "local_layers",
        "local_reach": "local_reach",
        "local_theta": "local_theta",
        "attention_bias": "attention_bias",
        "feed_forward_bias": "mlp_bias",
        "embedding_dropout": "embedding_dropout",
        "hidden_dropout": "mlp_dropout",
        "attention_dropout": "attention_dropout",
        "head_activation": "classifier_activation",
        "head_bias": "classifier_bias",
    },
    tensors={
        "embeddings.pieces": ("embeddings.tok_embeddings",),
        "embeddings.norm": ("embeddings.norm",),
        "blocks.{}.attention_norm": ("layers.{}.attn_norm",),
        "blocks.{}.query_key_value": ("layers.{}.attn.Wqkv",),
        "blocks.{}.attention_output": ("layers.{}.attn.Wo",),
        "blocks.{}.output_norm": ("layers.{}.mlp_norm",),
        "blocks.{}.intermediate": ("layers.{}.mlp.Wi",),
        "blocks.{}.output_dense": ("layers.{}.mlp.Wo",),
        "final_norm": ("final_norm",),
    },
    defaults={
        **bert.BASE,
        "vocab_size": 50368,
        "num_layers": 22,
        "intermediate_size": 1152,
        "max_positions": 8192,
        "activation": "gelu",
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "attention_bias": False,
        "feed_forward_bias": False,
        "embedding_dropout": 0.0,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "head_activation": "gelu",
        "head_bias": False,
    },
    fixed={
        "family": "modernbert",
        "type_vocab_size": 0,
        "norm_first": True,
        "embedding_norm": True,
    },
    activations=ACTIVATIONS,
    skipped=("head.", "decoder.", "rotary_emb."),
    theta=160_000.0,
    head={
        "head.dense": ("head.dense",),
        "head.norm": ("head.norm",),
        **CLASSIFIER,
    },
)

EUROBERT = RotaryFamily(
    name="eurobert",
    architecture="EuroBert",
    encoder="rotary",
    prefix="model.",
    settings={
        **_SIZES,
        "activation": "hidden_act",
        "layer_norm_epsilon": "rms_norm_eps",
        "attention_bias": "attention_bias",
        "feed_forward_bias": "mlp_bias",
        "attention_dropout": "attention_dropout",
        # transformers has no such dropout, and lets the key be.
        "hidden_dropout": "hidden_dropout",
    },
    tensors={
        "embeddings.pieces": ("embed_tokens",),
        "blocks.{}.attention_norm": ("layers.{}.input_layernorm",),
        "blocks.{}.query_key_value": (
            "layers.{}.self_attn.q_proj",
            "layers.{}.self_attn.k_proj",
            "layers.{}.self_attn.v_proj",
        ),
        "blocks.{}.query": ("layers.{}.self_attn.q_proj",),
        "blocks.{}.key_value": (
            "layers.{}.self_attn.k_proj",
            "layers.{}.self_attn.v_proj",
        ),
        "blocks.{}.attention_output": ("layers.{}.self_attn.o_proj",),
        "blocks.{}.output_norm": ("layers.{}.post_attention_layernorm",),
        "blocks.{}.intermediate": (
            "layers.{}.mlp.gate_proj",
            "layers.{}.mlp.up_proj",
        ),
        "blocks.{}.output_dense": ("layers.{}.mlp.down_proj",),
        "final_norm": ("norm",),
    },
    defaults={
        **bert.BASE,
        "vocab_size": 128256,
        "max_positions": 8192,
        "activation": "silu",
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "attention_bias": False,
        "feed_forward_bias": False,
        "attention_dropout": 0.0,
        "hidden_dropout": 0.0,
    },
    fixed={
        "family": "eurobert",
        "type_vocab_size": 0,
        "norm": "rms",
        "norm_first": True,
        "embedding_norm": False,
        "embedding_dropout": 0.0,
        **_EVERYWHERE,
        **_NO_HEAD,
    },
    activations=ACTIVATIONS,
    skipped=("lm_head.", "rotary_emb."),
    theta=10_000.0,
)


@dataclass(frozen=True, kw_only=True)
class NomicFamily(RotaryFamily):
    """A family whose published models have GPT-2's names in their config.json."""

    def flat(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """A config.json with the keys that `settings` names."""
        renamed = {
            ours: config[theirs]
            for theirs, ours in NOMIC_NAMES.items()
            if theirs in config and ours not in config
        }
        if renamed.get("hidden_act") == "swiglu":
            renamed["hidden_act"] = "silu"
        if "max_trained_positions" in config:  # beyond, positions would be scaled
            renamed["max_position_embeddings"] = config["max_trained_positions"]
        return super().flat({**config, **renamed})


NOMIC_NAMES = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "n_positions": "max_position_embeddings",
    "activation_function": "hidden_act",
    "layer_norm_epsilon": "layer_norm_eps",
    "resid_pdrop": "hidden_dropout_prob",
    "attn_pdrop": "attention_probs_dropout_prob",
    "rotary_emb_base": "rope_theta",
}
"""The key that Nomic's own code has -> that of transformers."""

NOMIC_BERT = NomicFamily(
    name="nomic_bert",
    architecture="NomicBert",
    encoder="rotary",
    prefix="nomic_bert.",
    other_prefixes=("bert.",),
    settings={
        **_SIZES,
        "type_vocab_size": "type_vocab_size",
        "activation": "hidden_act",
        "layer_norm_epsilon": "layer_norm_eps",
        "embedding_dropout": "hidden_dropout_prob",
        "hidden_dropout": "hidden_dropout_prob",
        "attention_dropout": "attention_probs_dropout_prob",
    },
    tensors={
        "embeddings.pieces": ("embeddings.word_embeddings",),
        "embeddings.types": ("embeddings.token_type_embeddings",),
        "embeddings.norm": ("emb_ln",),
        "blocks.{}.query_key_value": ("encoder.layers.{}.attn.Wqkv",),
        "blocks.{}.attention_output": ("encoder.layers.{}.attn.out_proj",),
        "blocks.{}.attention_norm": ("encoder.layers.{}.norm1",),
        "blocks.{}.intermediate": (
            "encoder.layers.{}.mlp.fc12",
            "encoder.layers.{}.mlp.fc11",
        ),
        "blocks.{}.output_dense": ("encoder.layers.{}.mlp.fc2",),
        "blocks.{}.output_norm": ("encoder.layers.{}.norm2",),
    },
    defaults={
        **bert.DEFAULTS,
        **bert.BASE,
        "vocab_size": 30528,
        "max_positions": 2048,
        "activation": "silu",
        "embedding_dropout": 0.0,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
    },
    fixed={
        "family": "nomic_bert",
        "norm": "layer",
        "norm_first": False,
        "embedding_norm": True,
        "attention_bias": False,
        "feed_forward_bias": False,
        **_EVERYWHERE,
        **_NO_HEAD,
    },
    activations=ACTIVATIONS,
    only={
        "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False,
        "prenorm": False,
        "qkv_proj_bias": False,
        "mlp_fc1_bias": False,
        "mlp_fc2_bias": False,
        "num_experts": 0,
        "use_rms_norm": False,
        "causal": False,
        "parallel_block": False,
        "scale_attn_weights": True,
    },
    skipped=("cls.", "rotary_emb."),
    theta=1_000.0,
)
