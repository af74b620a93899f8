"""What config.json says of a family beside its sizes: read as transformers reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.huggingface import save_encoder
from tfner.checkpoints.loading import load_encoder
from tfner.errors import CheckpointError
from tfner.models.encoders.deberta import distance_buckets
from tfner.models.heads.token_classifier import TokenClassifier

TOLERANCE = 2e-5
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("convbert", {"num_groups": 2, "head_ratio": 2}),
    ("deberta-v2", {"share_att_key": False}),
    ("deberta-v2", {"share_att_key": False, "pos_att_type": "c2p"}),
    ("deberta-v2", {"pos_att_type": ["p2c"], "norm_rel_ebd": "none"}),
    ("deberta-v2", {"position_buckets": -1, "max_relative_positions": 5}),
    ("deberta-v2", {"position_biased_input": True, "type_vocab_size": 2}),
    ("deberta-v2", {"conv_kernel_size": 3, "conv_act": "gelu"}),
    ("deberta-v2", {"hidden_act": "gelu_new"}),
    ("convbert", {"hidden_act": "gelu_pytorch_tanh"}),
    ("roberta", {"hidden_act": "gelu_new"}),
    ("distilbert", {"activation": "gelu_new"}),
    ("rembert", {"hidden_act": "gelu_new"}),
    ("mpnet", {"hidden_act": "gelu_new"}),
    # As wide as the layers; some project even so.
    ("albert", {"embedding_size": 12}),
    ("convbert", {"embedding_size": 12}),
    ("electra", {"embedding_size": 12}),
    ("rembert", {"input_embedding_size": 12}),
]
RULES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "modernbert",  # as published, for transformers 4
        {
            "global_attn_every_n_layers": 2,
            "global_rope_theta": 1000.0,
            "local_rope_theta": 10.0,
            "local_attention": 8,
            "position_embedding_type": "absolute",
        },
        {
            "local_layers": (1, 3),
            "local_reach": 4,
            "theta": 1000.0,
            "local_theta": 10.0,
            "norm": "scale",
        },
    ),
    ("modernbert", {"norm_bias": True}, {"local_layers": (1, 2), "norm": "layer"}),
    ("eurobert", {"rope_theta": 250000, "rope_scaling": None}, {"theta": 250000.0}),
    (
        "nomic_bert",  # as published, for the authors' own code
        {
            "n_embd": 24,
            "n_head": 2,
            "rotary_emb_base": 500,
            "activation_function": "swiglu",
        },
        {"hidden_size": 24, "num_heads": 2, "theta": 500.0, "activation": "silu"},
    ),
    (
        "nomic_bert",
        {"n_positions": 8192, "max_trained_positions": 2048},
        {"max_positions": 2048},
    ),
    ("albert", {}, {"activation": "gelu_tanh", "num_groups": 1, "hidden_dropout": 0.0}),
    ("mpnet", {"max_position_embeddings": 514}, {"max_positions": 512}),
    (
        "deberta-v2",
        {"relative_attention": True, "position_buckets": 256},
        {"farthest": 512, "buckets": 256, "terms": (), "type_vocab_size": 0},
    ),
]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("deberta-v2", {}, "relative_attention must be true"),
    ("deberta-v2", {"conv_groups": 2}, "conv_groups=2; only 1"),
    ("deberta-v2", {"attention_head_size": 9}, "attention_head_size=9; only 64"),
    ("deberta-v2", {"embedding_size": 8}, "embedding_size=8; only 1536"),
    ("deberta-v2", {"position_buckets": 7}, "position_buckets=7 must be even"),
    (
        "modernbert",
        {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}},
        "rope_parameters of type 'yarn'; only 'default'",
    ),
    ("eurobert", {"rope_scaling": {"type": "linear"}}, "rope_scaling of type 'linear'"),
    ("eurobert", {"head_dim": 7}, "head_dim=7; only 64"),
    ("nomic_bert", {"rotary_emb_fraction": 0.5}, "rotary_emb_fraction=0.5; only 1.0"),
    ("nomic_bert", {"prenorm": True}, "prenorm=True; only False"),
    ("mpnet", {"relative_attention_num_buckets": 16}, "buckets=16; only 32"),
    ("albert", {"hidden_act": "mish"}, "hidden_act='mish'; only 'gelu' or 'gelu_new'"),
]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_every_option_equals_transformers(
    name: str, options: dict[str, Any], reference: Any, tmp_path: Path
) -> None:
    theirs = reference.make_model(name, seed=2, **options)
    theirs.save_pretrained(tmp_path / "theirs")
    batch = reference.make_batch(theirs.config, seed=3)
    ours, expected = load_encoder(tmp_path / "theirs"), reference.run(theirs, batch)
    real = batch["attention_mask"] > 0
    assert np.abs(numpy(ours(batch)) - expected)[real].max() < TOLERANCE
    save_encoder(ours, tmp_path / "ours")
    back = reference.transformers.AutoModel.from_pretrained(tmp_path / "ours").eval()
    assert np.abs(reference.run(back, batch) - expected).max() < 1e-6


@pytest.mark.parity
@pytest.mark.torch
def test_distances_are_put_into_the_buckets_of_transformers() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    from transformers.models.deberta_v2.modeling_deberta_v2 import (
        make_log_bucket_position,
    )
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    from tfner.models.encoders.mpnet import position_buckets

    for buckets, farthest in ((256, 512), (4, 16), (32, 128), (256, 1024)):
        distances = torch.arange(-farthest, farthest + 1)
        rows = make_log_bucket_position(distances, buckets, farthest).long() + buckets
        expected = torch.clamp(rows, 0, 2 * buckets - 1).numpy()
        np.testing.assert_array_equal(distance_buckets(buckets, farthest), expected)
    expected = MPNetEncoder.relative_position_bucket(torch.arange(-128, 129)).numpy()
    np.testing.assert_array_equal(position_buckets(), expected)


@pytest.mark.parametrize(("name", "config", "expected"), RULES)
def test_settings_are_read_as_transformers_reads_them(
    name: str, config: dict[str, Any], expected: dict[str, Any]
) -> None:
    family = FAMILIES[name]
    if name == "modernbert":
        config = {"num_hidden_layers": 4} | config
    settings = family.read_settings(config, place="config.json")
    assert {key: settings[key] for key in expected} == expected


@pytest.mark.parametrize(("name", "config", "message"), REFUSED)
def test_options_that_are_not_supported_are_named(
    name: str, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        FAMILIES[name].read_settings(config, place="config.json")


@pytest.mark.parametrize("name", ["longformer", "big_bird", "deberta", "t5", "xlnet"])
def test_other_architectures_are_refused_with_those_that_are_known(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name}), "utf-8")
    with pytest.raises(CheckpointError, match=f"'{name}' .*one of these: .*, bert"):
        load_encoder(tmp_path)


@pytest.mark.torch
def test_taggers_begin_with_the_head_that_modernbert_was_pretrained_with(
    reference: Any, tmp_path: Path
) -> None:
    theirs = reference.make_model("modernbert", seed=1, head="AutoModelForMaskedLM")
    theirs.save_pretrained(tmp_path)
    model = TokenClassifier(load_encoder(tmp_path), 3)
    model.build()
    dense = theirs.head.dense.weight.detach().numpy()
    np.testing.assert_array_equal(model.head.dense.kernel, dense.T)
    np.testing.assert_array_equal(
        model.head.norm.gamma, theirs.head.norm.weight.detach().numpy()
    )


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize("name", ["modernbert", "mpnet", "deberta-v2"])
def test_long_rows_equal_transformers(
    name: str, reference: Any, tmp_path: Path
) -> None:
    longer = {"max_position_embeddings": 302}
    if name == "deberta-v2":
        longer |= {"position_buckets": 32, "max_relative_positions": 64}
    theirs = reference.make_model(name, seed=2, **longer)
    theirs.save_pretrained(tmp_path)
    batch = reference.make_batch(theirs.config, seed=3, lengths=(300, 170))
    expected, found = reference.run(theirs, batch), numpy(load_encoder(tmp_path)(batch))
    assert np.abs(found - expected)[batch["attention_mask"] > 0].max() < TOLERANCE
