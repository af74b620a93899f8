"""How each Hugging Face family writes what an `Encoder` is: settings and names.

Every tensor is named here. What is in a file and neither named nor skipped is an error,
as is a weight that no tensor fills: a checkpoint is read whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfner.errors import CheckpointError, joined, unknown

Names = Mapping[str, tuple[str, ...]]

SETTINGS = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "type_vocab_size": "type_vocab_size",
    "activation": "hidden_act",
    "layer_norm_epsilon": "layer_norm_eps",
    "hidden_dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "initializer_range": "initializer_range",
}
"""Argument of `Encoder` -> key of config.json."""

DEFAULTS = {
    "type_vocab_size": 2,
    "activation": "gelu",
    "layer_norm_epsilon": 1e-12,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "initializer_range": 0.02,
}
"""What transformers takes where config.json is silent."""

POSITIONS = "max_position_embeddings"
EXACT_GELU = ("gelu", "gelu_python")

EMBEDDINGS: Names = {
    "pieces": ("embeddings.word_embeddings",),
    "positions": ("embeddings.position_embeddings",),
    "types": ("embeddings.token_type_embeddings",),
    "norm": ("embeddings.LayerNorm",),
}
PROJECTION = ("embeddings_project",)
LAYER: Names = {
    "query_key_value": (
        "encoder.layer.{}.attention.self.query",
        "encoder.layer.{}.attention.self.key",
        "encoder.layer.{}.attention.self.value",
    ),
    "attention_output": ("encoder.layer.{}.attention.output.dense",),
    "attention_norm": ("encoder.layer.{}.attention.output.LayerNorm",),
    "intermediate": ("encoder.layer.{}.intermediate.dense",),
    "output_dense": ("encoder.layer.{}.output.dense",),
    "output_norm": ("encoder.layer.{}.output.LayerNorm",),
}
DISTILBERT_LAYER: Names = {
    "query_key_value": (
        "transformer.layer.{}.attention.q_lin",
        "transformer.layer.{}.attention.k_lin",
        "transformer.layer.{}.attention.v_lin",
    ),
    "attention_output": ("transformer.layer.{}.attention.out_lin",),
    "attention_norm": ("transformer.layer.{}.sa_layer_norm",),
    "intermediate": ("transformer.layer.{}.ffn.lin1",),
    "output_dense": ("transformer.layer.{}.ffn.lin2",),
    "output_norm": ("transformer.layer.{}.output_layer_norm",),
}

# Heads, and buffers that older versions of transformers stored.
SKIPPED = (
    "classifier.",
    "qa_outputs.",
    "pooler.",
    "embeddings.position_ids",
    "embeddings.token_type_ids",
)


@dataclass(frozen=True)
class Family:
    """One `model_type`.

    Attributes:
        name: the `model_type`.
        architecture: the start of transformers' class names.
        prefix: what tensor names begin with in a file that has a head as well.
        settings: argument of `Encoder` -> key of config.json.
        fixed: arguments that config.json does not hold.
        layer: attribute of a layer -> the modules it holds, side by side.
        skipped: tensors that are none of the encoder's, by the start of their names.
        offset: whether positions begin after the padding id (RoBERTa).
    """

    name: str
    architecture: str
    prefix: str
    settings: Mapping[str, str]
    fixed: Mapping[str, Any]
    layer: Names
    skipped: tuple[str, ...]
    offset: bool = False


def _bert_like(
    name: str, architecture: str, prefix: str, *skipped: str, **changes: Any
) -> Family:
    return Family(
        name=name,
        architecture=architecture,
        prefix=prefix,
        settings=changes.get("settings", SETTINGS),
        fixed={},
        layer=LAYER,
        skipped=(*SKIPPED, *skipped),
        offset=changes.get("offset", False),
    )


def _distilbert() -> Family:
    own = {
        "vocab_size": "vocab_size",
        "hidden_size": "dim",
        "num_layers": "n_layers",
        "num_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "activation": "activation",
        "hidden_dropout": "dropout",
        "attention_dropout": "attention_dropout",
        "initializer_range": "initializer_range",
    }
    heads = ("vocab_transform.", "vocab_layer_norm.", "vocab_projector.")
    return Family(
        name="distilbert",
        architecture="DistilBert",
        prefix="distilbert.",
        settings=own,
        fixed={"type_vocab_size": 0, "layer_norm_epsilon": 1e-12},
        layer=DISTILBERT_LAYER,
        skipped=(*SKIPPED, *heads, "pre_classifier."),
    )


FAMILIES = {
    family.name: family
    for family in (
        _bert_like("bert", "Bert", "bert.", "cls."),
        _bert_like(
            "electra",
            "Electra",
            "electra.",
            *("discriminator_predictions.", "generator_predictions."),
            "generator_lm_head.",
            settings={**SETTINGS, "embedding_size": "embedding_size"},
        ),
        _distilbert(),
        _bert_like("roberta", "Roberta", "roberta.", "lm_head.", offset=True),
        _bert_like("xlm-roberta", "XLMRoberta", "roberta.", "lm_head.", offset=True),
        _bert_like("camembert", "Camembert", "roberta.", "lm_head.", offset=True),
    )
}


def family_of(name: object, *, place: object) -> Family:
    """The family of a `model_type`.

    Raises:
        CheckpointError: there is none of that name.
    """
    if name not in FAMILIES:
        message = unknown("model_type", str(name), FAMILIES)
        raise CheckpointError(f"{place}: {message}")
    return FAMILIES[str(name)]


def read_settings(
    config: Mapping[str, Any], family: Family, *, place: object
) -> dict[str, Any]:
    """The arguments of `Encoder` that a config.json asks for.

    Raises:
        CheckpointError: it lacks one, or asks for what `Encoder` does not do.
    """
    problems = _unsupported(config)
    found = {"family": family.name, **family.fixed}
    for argument, key in family.settings.items():
        value = config.get(key, DEFAULTS.get(argument))
        if value is None:
            problems.append(f"{key} is missing")
        found[argument] = value
    if found["activation"] not in EXACT_GELU:
        key = family.settings["activation"]
        problems.append(f"{key}={found['activation']!r}; only 'gelu' is supported")
    found["activation"] = "gelu"
    pad = config.get("pad_token_id", 1)
    found["position_offset"] = pad + 1 if family.offset and pad is not None else 0
    if POSITIONS not in config:
        problems.append(f"{POSITIONS} is missing")
    found["max_positions"] = config.get(POSITIONS, 0) - found["position_offset"]
    if problems:
        raise CheckpointError(f"{place}: " + joined(problems, what="settings"))
    return found


def _unsupported(config: Mapping[str, Any]) -> list[str]:
    problems = []
    kind = config.get("position_embedding_type") or "absolute"
    if kind != "absolute":
        problems.append(
            f"position_embedding_type={kind!r}; only 'absolute' is supported"
        )
    for key in ("is_decoder", "add_cross_attention", "pruned_heads"):
        if config.get(key):
            problems.append(f"{key}={config[key]!r} is not supported")
    return problems


def write_settings(encoder: Any, family: Family) -> dict[str, Any]:
    """The config.json of an encoder, heads left out.

    Raises:
        CheckpointError: the family cannot express the encoder.
    """
    config = {key: getattr(encoder, name) for name, key in family.settings.items()}
    offset = encoder.position_offset
    config[POSITIONS] = encoder.max_positions + offset
    config["pad_token_id"] = offset - 1 if family.offset else 0
    config["model_type"] = family.name
    read = read_settings(config, family, place=f"encoder of family {family.name}")
    own = encoder.get_config()
    lost = [
        f"{name}={own[name]!r} would be read as {value!r}"
        for name, value in {"embedding_size": encoder.hidden_size, **read}.items()
        if own[name] != value
    ]
    if lost:
        raise CheckpointError(
            f"a {family.name} model cannot express this encoder: " + joined(lost)
        )
    return config
