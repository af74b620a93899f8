"""Checkpoints of google-research: the same numbers as transformers, and back again."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.checkpoints.google import (
    load_google_encoder,
    load_google_tagger,
    save_google_checkpoint,
)
from tfner.checkpoints.loading import open_encoder
from tfner.errors import CheckpointError, StorageError
from tfner.models.encoders.bert import Encoder
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.storage.digests import write_digests

TOLERANCE = 2e-5
TAGS = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
Variables = Mapping[str, np.ndarray]


def batch() -> dict[str, np.ndarray]:
    """Three rows of different lengths, each with two segments."""
    rng = np.random.default_rng(5)
    mask = np.arange(13) < np.array([13, 6, 2])[:, None]
    found = {
        "input_ids": rng.integers(5, 40, mask.shape) * mask,
        "attention_mask": mask,
        "token_type_ids": (np.arange(13) % 3 == 1) & mask,
    }
    return {name: array.astype(np.int32) for name, array in found.items()}


def torch_state(variables: Variables, *roots: str) -> dict[str, Any]:
    """The variables below these roots as transformers' modules have them."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    found = {}
    for name, array in variables.items():
        root, _, rest = name.partition("/")
        if root in roots and not rest.startswith(("pooler", "chunk")):
            rest = re.sub(r"layer_(\d+)", r"layer.\1", rest)
            rest = re.sub("/(kernel|gamma)$", "/weight", rest)
            rest = re.sub("/beta$", "/bias", rest)
            rest = re.sub("_embeddings$", "_embeddings/weight", rest)
            array = array.T if name.endswith("kernel") else array
            found[rest.replace("/", ".")] = torch.tensor(array.copy())
    return found


def torch_config(kind: Any, state: Mapping[str, Any], *, heads: int) -> Any:
    pieces = state["embeddings.word_embeddings.weight"]
    inner = state["encoder.layer.0.intermediate.dense.weight"]
    extra = {"embedding_size": pieces.shape[1]} if "Electra" in kind.__name__ else {}
    return kind(
        vocab_size=pieces.shape[0],
        hidden_size=inner.shape[1],
        intermediate_size=inner.shape[0],
        num_hidden_layers=2,
        num_attention_heads=heads,
        max_position_embeddings=16,
        num_labels=len(TAGS),
        **extra,
    )


def run_torch(model: Any, state: Mapping[str, Any]) -> np.ndarray:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    model.load_state_dict(state, strict=True)
    inputs = {name: torch.tensor(array).long() for name, array in batch().items()}
    with torch.no_grad():
        found: np.ndarray = model.eval()(**inputs)[0].numpy()
    return found


def worst(a: Any, b: np.ndarray) -> float:
    found = keras.ops.convert_to_numpy(a)
    return float(np.abs(found - b)[batch()["attention_mask"] > 0].max())


def same_weights(a: keras.Model, b: keras.Model) -> bool:
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.torch
@pytest.mark.parity
@pytest.mark.parametrize("inner", [8, 12], ids=["projected", "as wide"])
def test_discriminators_equal_transformers(
    inner: int, google: Any, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    variables = google.electra(inner)
    google.save(tmp_path, variables, optimizer=True, num_attention_heads=3)
    state = torch_state(variables, "electra")
    config = torch_config(transformers.ElectraConfig, state, heads=3)
    expected = run_torch(transformers.ElectraModel(config), state)
    encoder = load_google_encoder(tmp_path)
    assert worst(encoder(batch()), expected) < TOLERANCE
    assert encoder.family == "electra"


@pytest.mark.torch
@pytest.mark.parity
@pytest.mark.parametrize("untied", [False, True], ids=["shared", "own embeddings"])
def test_generators_equal_transformers(
    untied: bool, google: Any, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    variables = google.electra(untied=untied)
    # The config tells the discriminator's heads, which are not the generator's.
    google.save(
        tmp_path, variables, optimizer=True, hidden_size=12, num_attention_heads=3
    )
    state = torch_state(variables, "generator")
    if not untied:
        shared = torch_state(variables, "electra")
        state |= {k: v for k, v in shared.items() if k.startswith("embeddings.")}
    theirs = torch_config(transformers.ElectraConfig, state, heads=2)
    expected = run_torch(transformers.ElectraModel(theirs), state)
    encoder = load_google_encoder(tmp_path, part="generator", num_heads=2)
    assert worst(encoder(batch()), expected) < TOLERANCE
    assert encoder.hidden_size == 6


@pytest.mark.torch
@pytest.mark.parity
def test_bert_equals_transformers(google: Any, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    variables = google.bert()
    google.save(tmp_path, variables, optimizer=True)
    (tmp_path / "bert_config.json").write_text('{"num_attention_heads": 3}')
    state = torch_state(variables, "bert")
    config = torch_config(transformers.BertConfig, state, heads=3)
    model = transformers.BertModel(config, add_pooling_layer=False)
    expected = run_torch(model, state)
    encoder = load_google_encoder(tmp_path)
    assert worst(encoder(batch()), expected) < TOLERANCE
    assert encoder.family == "bert"


@pytest.mark.torch
@pytest.mark.parity
def test_taggers_equal_transformers(google: Any, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    variables = google.tagger("chunk")
    google.save(tmp_path, variables, optimizer=True, num_attention_heads=3)
    state = torch_state(variables, "electra")
    config = torch_config(transformers.ElectraConfig, state, heads=3)
    whole = {f"electra.{name}": tensor for name, tensor in state.items()}
    head = {n.rpartition("/")[2]: a for n, a in variables.items() if "specific" in n}
    head = {"dense/weight": head["kernel"].T, "dense/bias": head["bias"]}
    whole |= {
        name.replace("dense", "classifier").replace("/", "."): tensor
        for name, tensor in torch_state(
            {f"x/{name}": array for name, array in head.items()}, "x"
        ).items()
    }
    expected = run_torch(transformers.ElectraForTokenClassification(config), whole)
    model = load_google_tagger(tmp_path, tags=TAGS)
    at = np.tile(np.arange(13, dtype=np.int32), (3, 1))
    assert worst(model({**batch(), "labeled_positions": at}), expected) < TOLERANCE
    assert model.dropout_rate == 0.0


def test_a_directory_is_its_newest_checkpoint_and_a_prefix_any_other(
    google: Any, tmp_path: Path
) -> None:
    old, new = google.electra(), google.electra()
    first = google.save(tmp_path / "both", old, step=1000)
    google.save(tmp_path / "both", new, step=2000)
    alone = google.save(tmp_path / "alone", old)
    newest = load_google_encoder(tmp_path / "both")
    earlier = load_google_encoder(first)
    assert same_weights(earlier, load_google_encoder(f"{alone}.index"))
    assert not same_weights(earlier, newest)
    found = newest.embeddings.pieces.embeddings.numpy()
    np.testing.assert_array_equal(found, new["electra/embeddings/word_embeddings"])


@pytest.mark.slow
def test_files_that_have_changed_are_refused_wherever_the_checkpoint_is_named(
    google: Any, tmp_path: Path
) -> None:
    prefix = google.save(tmp_path, google.electra())
    (tmp_path / "notes").write_text("as it was")
    write_digests(tmp_path)
    open_encoder(tmp_path)
    (tmp_path / "notes").write_text("changed")
    for name in (tmp_path, prefix, f"{prefix}.index", f"{tmp_path}#generator"):
        with pytest.raises(StorageError, match="notes has changed since it was saved"):
            open_encoder(name)
        open_encoder(name, digests=False)


def test_sizes_come_from_the_shapes_and_the_guess_is_announced(
    google: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    google.save(tmp_path, google.discriminator(width=128, inner=8))
    with caplog.at_level(logging.INFO, logger="tfner"):
        encoder = load_google_encoder(tmp_path)
    sizes = (encoder.num_layers, encoder.max_positions, encoder.intermediate_size)
    assert sizes == (2, 16, 20)
    assert encoder.num_heads == 2
    assert "num_attention_heads=2 is taken as width / 64" in caplog.text
    assert "hidden_size=128" in caplog.text
    caplog.clear()
    assert load_google_encoder(tmp_path, num_heads=4).num_heads == 4
    assert caplog.text == ""


def test_settings_of_the_config_and_of_the_caller_are_taken(
    google: Any, tmp_path: Path
) -> None:
    google.save(
        tmp_path,
        google.electra(),
        num_attention_heads=3,
        hidden_dropout_prob=0.2,
        attention_probs_dropout_prob=0.3,
    )
    encoder = load_google_encoder(tmp_path, attention_dropout=0.0)
    assert (encoder.num_heads, encoder.hidden_dropout) == (3, 0.2)
    assert encoder.attention_dropout == 0.0


def test_a_config_of_the_generator_itself_is_taken(google: Any, tmp_path: Path) -> None:
    google.save(tmp_path, google.electra(), hidden_size=6, num_attention_heads=3)
    assert load_google_encoder(tmp_path, part="generator").num_heads == 3


def restore(directory: Path, expected: Variables) -> dict[str, np.ndarray]:
    """What TensorFlow 1's own saver restores into variables of these names."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        held = {
            name: v1.get_variable(name, array.shape) for name, array in expected.items()
        }
        held["global_step"] = v1.train.get_or_create_global_step()
        v1.train.Saver(held).restore(session, tf.train.latest_checkpoint(directory))
        return dict(session.run(held))


@pytest.mark.parametrize("family", ["electra", "bert"])
def test_what_is_written_is_restored_by_name_and_read_back(
    family: str, google: Any, tmp_path: Path
) -> None:
    variables = getattr(google, family)()
    google.save(tmp_path / "theirs", variables, num_attention_heads=3)
    encoder = load_google_encoder(tmp_path / "theirs")
    save_google_checkpoint(encoder, tmp_path / "ours")
    parts = (f"{family}/embeddings", f"{family}/encoder")
    expected = {name: a for name, a in variables.items() if name.startswith(parts)}
    found = restore(tmp_path / "ours", expected)
    assert found.pop("global_step") == 0
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    again = load_google_encoder(tmp_path / "ours")
    assert same_weights(again, encoder)
    own, read = encoder.get_config(), again.get_config()
    assert {**own, "name": ""} == {**read, "name": ""}


def test_taggers_are_written_with_every_variable_and_no_other(
    google: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    variables = google.tagger("ner")
    google.save(tmp_path / "theirs", variables, num_attention_heads=3)
    model = load_google_tagger(tmp_path / "theirs", tags=TAGS)
    save_google_checkpoint(model, tmp_path / "ours", task_name="ner")
    names = {name for name, _ in tf.train.list_variables(str(tmp_path / "ours"))}
    assert names == {*variables, "global_step"}
    found = restore(tmp_path / "ours", variables)
    for name, array in variables.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert same_weights(load_google_tagger(tmp_path / "ours", tags=TAGS), model)


def test_writing_replaces_a_checkpoint_and_leaves_nothing_else(
    google: Any, tmp_path: Path
) -> None:
    google.save(tmp_path / "theirs", google.discriminator())
    encoder = load_google_encoder(tmp_path / "theirs")
    save_google_checkpoint(encoder, tmp_path / "ours")
    encoder.embeddings.norm.gamma.assign(np.full(8, 7.0))
    save_google_checkpoint(encoder, tmp_path / "ours")
    assert same_weights(load_google_encoder(tmp_path / "ours"), encoder)
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == [
        "checkpoint",
        "config.json",
        "model.ckpt.data-00000-of-00001",
        "model.ckpt.index",
    ]


def tiny(**changes: Any) -> Encoder:
    settings = {
        "vocab_size": 9,
        "hidden_size": 4,
        "num_layers": 1,
        "num_heads": 2,
        "intermediate_size": 8,
    }
    encoder = Encoder(**{**settings, **changes})
    encoder.build()
    return encoder


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (lambda: tiny(family="roberta"), "Received: encoder=roberta"),
        (lambda: tiny(embedding_size=2), "cannot express this encoder"),
        (lambda: TokenClassifier(keras.Sequential(), 3), "encoder=Sequential"),
        (
            lambda: tiny(activation="gelu_tanh"),
            "knows the activations gelu, relu, tanh, linear.*with gelu_new",
        ),
    ],
)
def test_models_that_their_code_cannot_load_are_not_written(
    encoder: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        save_google_checkpoint(encoder(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unwritable_places_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: cannot be written: Not a dir"):
        save_google_checkpoint(tiny(), tmp_path / "file")
    (tmp_path / "full" / "model.ckpt.index").mkdir(parents=True)
    with pytest.raises(
        StorageError, match=r"model\.ckpt\.index: cannot be written: Is a dir"
    ):
        save_google_checkpoint(tiny(), tmp_path / "full")
