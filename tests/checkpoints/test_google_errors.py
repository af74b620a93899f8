"""Checkpoints of google-research that are damaged, foreign, or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.checkpoints.google import load_google_encoder, load_google_tagger
from tfner.errors import CheckpointError

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(35))]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, google: Any) -> Path:
    found: Path = google.save(tmp_path_factory.mktemp("electra"), google.electra())
    return found


@pytest.fixture
def prefix(template: Path, tmp_path: Path) -> Path:
    """A checkpoint of a whole pretrained ELECTRA, the only one of its directory."""
    shutil.copytree(template.parent, tmp_path / "electra")
    return tmp_path / "electra" / template.name


def files(prefix: Path) -> tuple[Path, Path]:
    """Index and data."""
    index = prefix.with_name(f"{prefix.name}.index")
    return index, prefix.with_name(f"{prefix.name}.data-00000-of-00001")


def fails(path: object, message: str, **settings: Any) -> str:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_google_encoder(str(path), **settings)
    return str(caught.value)


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def scramble(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
    path.write_bytes(whole)


@pytest.mark.parametrize("which", [0, 1], ids=["index", "data"])
@pytest.mark.parametrize("damage", [cut, scramble, Path.unlink])
def test_damaged_files_are_one_sentence_with_their_place(
    damage: Callable[[Path], None], which: int, prefix: Path
) -> None:
    damage(files(prefix)[which])
    message = fails(prefix, r"damaged or incomplete|there is no checkpoint")
    assert str(prefix) in message
    assert "\n" not in message


def test_checkpoints_of_keras_are_named_as_such(tmp_path: Path) -> None:
    import tensorflow as tf

    model = tf.Module()
    model.kernel = tf.Variable(np.ones((2, 3), np.float32))
    tf.train.Checkpoint(model=model).write(str(tmp_path / "model"))
    fails(tmp_path, "checkpoint of TensorFlow 2 objects.*Give a TensorFlow 1")


def test_other_models_are_named_by_their_variables(google: Any, tmp_path: Path) -> None:
    google.save(tmp_path, google.dense("resnet/logits", 2, 3))
    message = fails(tmp_path, "holds no BERT or ELECTRA: none of its 3 variables")
    assert "bert/encoder/" in message
    assert "resnet/logits/bias" in message


def test_an_encoder_without_a_generator_says_so(google: Any, tmp_path: Path) -> None:
    google.save(tmp_path, google.discriminator())
    fails(tmp_path, "holds no generator.*generator/encoder/", part="generator")


def test_every_variable_that_does_not_fit_is_named(google: Any, tmp_path: Path) -> None:
    variables = google.electra()
    variables["electra/mystery/kernel"] = np.zeros((2, 3), np.float32)
    variables["electra/encoder/layer_0/extra/bias"] = np.zeros(3, np.float32)
    del variables["electra/encoder/layer_1/output/dense/bias"]
    query = "electra/encoder/layer_0/attention/self/query/kernel"
    variables[query] = np.zeros((12, 11), np.float32)
    google.save(tmp_path, variables)
    message = fails(tmp_path, "4 tensors")
    assert "mystery/kernel of shape (2, 3) has no place in the model" in message
    assert "layer_0/extra/bias of shape (3,) has no place in the model" in message
    assert "layer_1/output/dense/bias is missing; expected shape (12,)" in message
    assert f"{query} has shape (12, 11); expected (12, 12)" in message


def test_variables_that_tell_the_sizes_must_be_there(
    google: Any, tmp_path: Path
) -> None:
    variables = google.bert()
    del variables["bert/embeddings/token_type_embeddings"]
    variables["bert/embeddings/word_embeddings"] = np.zeros(3, np.float32)
    google.save(tmp_path, variables)
    message = fails(tmp_path, "2 variables")
    assert "bert/embeddings/token_type_embeddings is missing or no matrix" in message
    assert "bert/embeddings/word_embeddings is missing or no matrix" in message


def state(prefix: Path, path: str) -> None:
    (prefix.parent / "checkpoint").write_text(f'model_checkpoint_path: "{path}"\n')


def test_paths_of_another_machine_mean_this_directory(prefix: Path) -> None:
    state(prefix, "/data/models/electra/model.ckpt-1000")
    load_google_encoder(prefix.parent)


@pytest.mark.parametrize(
    "path",
    ["../../model.ckpt-1000", "/a/../model.ckpt-1000", "sub/model.ckpt-1000", ""],
)
def test_states_that_lead_elsewhere_are_refused(path: str, prefix: Path) -> None:
    state(prefix, path)
    fails(prefix.parent, "checkpoint must name a checkpoint of its own directory")


def test_a_state_that_names_what_is_not_there_lists_what_is(prefix: Path) -> None:
    state(prefix, "model.ckpt-2000")
    message = fails(prefix.parent, "names model.ckpt-2000, of which there is no")
    assert message.endswith(f"Give one that is there: {prefix}.")


@pytest.mark.parametrize("content", [b"garbage {", b"\xff\xfe"])
def test_a_damaged_state_is_one_sentence(content: bytes, prefix: Path) -> None:
    (prefix.parent / "checkpoint").write_bytes(content)
    fails(prefix.parent, f"checkpoint cannot be read: .*Give one .*{prefix.name}")


def test_without_a_state_the_only_checkpoint_is_read_and_of_several_none(
    google: Any, prefix: Path
) -> None:
    (prefix.parent / "checkpoint").unlink()
    load_google_encoder(prefix.parent)
    google.save(prefix.parent, google.electra(), step=2000)
    (prefix.parent / "checkpoint").unlink()
    fails(prefix.parent, "model.ckpt-1000, .*model.ckpt-2000")


def test_no_checkpoint_at_all_is_said(tmp_path: Path) -> None:
    fails(tmp_path, r"holds no checkpoint \(\*\.index\) at all")
    fails(tmp_path / "model.ckpt-1", r"there is no checkpoint .*model\.ckpt-1")
    fails(tmp_path / "nowhere" / "model.ckpt-1", "there is no checkpoint")


def test_a_vocabulary_larger_than_the_table_is_refused(prefix: Path) -> None:
    vocabulary = prefix.parent / "vocab.txt"
    vocabulary.write_text("\n".join(PIECES) + "\n")
    load_google_encoder(prefix.parent)
    vocabulary.write_text("\n".join([*PIECES, "one", "more"]) + "\n")
    fails(prefix.parent, "vocab.txt has 42 pieces, but the checkpoint .* knows 40")


def test_rows_without_pieces_are_told(
    prefix: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (prefix.parent / "vocab.txt").write_text("\n".join(PIECES[:30]) + "\n")
    with caplog.at_level("INFO", logger="tfner"):
        load_google_encoder(prefix.parent)
    assert "vocab.txt has 30 pieces; 10 rows" in caplog.text


def test_a_config_of_another_model_is_refused(prefix: Path) -> None:
    config = {"hidden_size": 768, "num_hidden_layers": 12}
    (prefix.parent / "config.json").write_text(json.dumps(config))
    message = fails(prefix, "config.json: 2 settings")
    assert "hidden_size=768, but the checkpoint beside it has 12" in message


def test_what_a_config_asks_in_vain_is_said(prefix: Path) -> None:
    config = prefix.parent / "config.json"
    config.write_text('{"hidden_act": "relu"}')
    fails(prefix, "config.json: hidden_act='relu'; only 'gelu'")
    config.write_text('{"num_attention_heads": 5}')
    fails(prefix, "config.json: `hidden_size` must be a multiple of")


def test_tags_and_tasks_must_be_those_of_the_tagger(
    google: Any, tmp_path: Path
) -> None:
    google.save(tmp_path / "two", google.tagger("chunk", "ner"))
    google.save(tmp_path / "none", google.discriminator())
    tags = list("abcde")
    for folder, settings, message in (
        ("two", {"tags": tags}, "holds several tasks: chunk, ner. Name one"),
        ("two", {"tags": tags, "task_name": "nre"}, "unknown task 'nre'; .* 'ner'"),
        ("two", {"tags": ["O"], "task_name": "ner"}, "on 5 tags. Received: 1 tags"),
        ("none", {"tags": tags}, "no variable task_specific/TASK/dense/kernel"),
    ):
        with pytest.raises(CheckpointError, match=message):
            load_google_tagger(tmp_path / folder, **settings)
    assert (
        load_google_tagger(tmp_path / "two", tags=tags, task_name="ner").num_tags == 5
    )


def test_a_head_of_another_kind_is_not_read_in_part(
    google: Any, tmp_path: Path
) -> None:
    variables = google.tagger("chunk")
    variables |= google.dense("task_specific/chunk/dense_1", 5, 5)
    google.save(tmp_path, variables)
    with pytest.raises(CheckpointError, match="chunk/dense_1/kernel of shape"):
        load_google_tagger(tmp_path, tags=list("abcde"))
