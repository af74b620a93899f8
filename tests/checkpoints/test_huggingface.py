from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import keras
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from tfner.checkpoints.huggingface import (
    load_token_classifier,
    save_token_classifier,
)
from tfner.checkpoints.loading import load_encoder
from tfner.errors import CheckpointError, StorageError
from tfner.models.encoders.bert import Encoder
from tfner.models.heads.token_classifier import TokenClassifier

TAGS = ["O", "B-LOC", "I-LOC"]
FAMILIES = (
    *("bert", "electra", "distilbert", "roberta", "xlm-roberta", "camembert"),
    *("deberta-v2", "modernbert", "albert", "mpnet", "rembert", "eurobert"),
    *("nomic_bert", "convbert"),
)
HEADS = {
    "bert": ("cls.predictions.bias", "bert.embeddings.position_ids"),
    "electra": ("discriminator_predictions.dense.weight", "generator_lm_head.bias"),
    "distilbert": ("vocab_projector.weight", "qa_outputs.bias"),
    "roberta": ("lm_head.bias", "roberta.embeddings.position_ids"),
}

Make = Callable[..., Path]
Load = Callable[[str], Any]


def same_weights(a: keras.Model, b: keras.Model) -> bool:
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.fixture
def bert(golden: Load) -> Any:
    return golden("bert")


@pytest.mark.parametrize("prefix", ["", "bert.", "model."])
def test_prefixes_of_tensor_names_do_not_matter(
    prefix: str, bert: Any, directory: Make
) -> None:
    renamed = {prefix + name: array for name, array in bert.tensors.items()}
    found = load_encoder(directory(bert.config, renamed, "renamed"))
    assert same_weights(found, load_encoder(directory(bert.config, bert.tensors)))


def test_old_names_of_layer_norms_are_read(bert: Any, directory: Make) -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in bert.tensors.items()
    }
    assert old.keys() != bert.tensors.keys()
    found = load_encoder(directory(bert.config, old, "old"))
    assert same_weights(found, load_encoder(directory(bert.config, bert.tensors)))


def test_shards_equal_one_file(bert: Any, directory: Make) -> None:
    whole = load_encoder(directory(bert.config, bert.tensors, "whole"))
    folder = directory(bert.config, None)
    names = list(bert.tensors)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({name: bert.tensors[name] for name in part}, folder / file)
    where = {name: file for file, part in halves.items() for name in part}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": where}))
    assert same_weights(load_encoder(folder), whole)

    (folder / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"files that are missing: b\.safetens"):
        load_encoder(folder)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_precisions_are_read_as_float32(
    dtype: Any, bert: Any, directory: Make
) -> None:
    stored = {name: array.astype(dtype) for name, array in bert.tensors.items()}
    rounded = {name: array.astype(np.float32) for name, array in stored.items()}
    found = load_encoder(directory(bert.config, stored, "stored"))
    assert same_weights(found, load_encoder(directory(bert.config, rounded)))


@pytest.mark.torch
def test_torch_files_of_tensors_alone_are_read(bert: Any, directory: Make) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    folder = directory(bert.config, None, "torch")
    tensors = {name: torch.tensor(array) for name, array in bert.tensors.items()}
    torch.save(tensors, folder / "pytorch_model.bin")
    whole = load_encoder(directory(bert.config, bert.tensors))
    assert same_weights(load_encoder(folder), whole)


@pytest.mark.torch
def test_torch_files_that_would_run_code_are_refused(
    bert: Any, directory: Make
) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    folder = directory(bert.config, None)
    torch.save({"a": Path("x")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="not a file of tensors alone"):
        load_encoder(folder)


def test_a_torch_file_without_torch_is_one_sentence(
    bert: Any, directory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = directory(bert.config, None)
    (folder / "pytorch_model.bin").touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CheckpointError, match="Install torch, or give the model as"):
        load_encoder(folder)


@pytest.mark.parametrize("family", HEADS)
def test_heads_of_other_tasks_are_left_out(
    family: str, golden: Load, directory: Make
) -> None:
    stored = golden(family)
    extra = {name: np.zeros(3, np.float32) for name in HEADS[family]}
    load_encoder(directory(stored.config, {**stored.tensors, **extra}))


def test_every_tensor_that_does_not_fit_is_named(bert: Any, directory: Make) -> None:
    tensors = dict(bert.tensors)
    tensors["encoder.mystery.weight"] = np.zeros((2, 3), np.float32)
    del tensors["encoder.layer.1.output.dense.bias"]
    query = "encoder.layer.0.attention.self.query.weight"
    tensors[query] = np.zeros((12, 11), np.float32)
    with pytest.raises(CheckpointError) as caught:
        load_encoder(directory(bert.config, tensors))
    message = str(caught.value)
    assert "3 tensors" in message
    assert "mystery.weight of shape (2, 3) has no place in the model" in message
    assert "layer.1.output.dense.bias is missing; expected shape (12,)" in message
    assert f"{query} has shape (12, 11); expected (12, 12)" in message


def test_one_tensor_under_two_names_is_refused(bert: Any, directory: Make) -> None:
    twice = {f"bert.{name}": array for name, array in bert.tensors.items()}
    with pytest.raises(CheckpointError, match="one and the same"):
        load_encoder(directory(bert.config, {**bert.tensors, **twice}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "xlnet"}, "family 'xlnet' .* Take .* albert, bert, "),
        ({"model_type": None}, "has no `model_type`"),
        ({"hidden_act": "relu"}, "hidden_act='relu'; only 'gelu' or 'gelu_new' is"),
        ({"position_embedding_type": "relative_key"}, "only 'absolute'"),
        ({"is_decoder": True}, "is_decoder=True is not supported"),
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"num_attention_heads": 5}, "`hidden_size` must be a multiple of"),
    ],
)
def test_what_a_config_asks_in_vain_is_said(
    change: dict[str, Any], message: str, bert: Any, directory: Make
) -> None:
    folder = directory({**bert.config, **change}, bert.tensors)
    with pytest.raises(CheckpointError, match=f"config.json.*{message}"):
        load_encoder(folder)


def test_a_directory_without_weights_names_the_files_looked_for(
    bert: Any, directory: Make
) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_encoder(directory(bert.config, None))
    for name in ("model.safetensors", "model.safetensors.index.json", "pytorch_model"):
        assert name in str(caught.value)


def test_damaged_files_are_one_sentence(bert: Any, directory: Make) -> None:
    folder = directory(bert.config, bert.tensors)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
        load_encoder(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(StorageError, match=r"config\.json: .*cannot be read as JSON"):
        load_encoder(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match="no Hugging Face directory"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/place", "a/b/c"])
def test_paths_that_are_not_there_do_not_go_to_the_hub(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(CheckpointError, match="no such directory"):
        load_encoder(name)


def test_hub_ids_are_fetched_into_the_cache(
    bert: Any, directory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = directory(bert.config, bert.tensors)
    asked: list[Any] = []

    def fetch(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    load_encoder("someone/some-model")
    [(name, patterns)] = asked
    assert name == "someone/some-model"
    assert "config.json" in patterns
    assert "pytorch_model.bin" not in patterns


def test_a_hub_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline\nsecond line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(StorageError, match=r"someone/model.*\(offline\)") as error:
        load_encoder("someone/model")
    assert "hf download someone/model --local-dir DIR" in str(error.value)


def test_dropout_can_be_set_against_the_config(bert: Any, directory: Make) -> None:
    folder = directory(bert.config, bert.tensors)
    assert load_encoder(folder).hidden_dropout == 0.1
    encoder = load_encoder(folder, hidden_dropout=0.0, attention_dropout=0.3)
    assert (encoder.hidden_dropout, encoder.attention_dropout) == (0.0, 0.3)


@pytest.mark.parametrize("family", FAMILIES)
def test_token_classifiers_survive_the_format(
    family: str, golden: Load, directory: Make, tmp_path: Path
) -> None:
    stored = golden(family)
    encoder = load_encoder(directory(stored.config, stored.tensors))
    model = TokenClassifier(encoder, len(TAGS))
    model.build()
    save_token_classifier(model, TAGS, tmp_path / "out")
    found, tags = load_token_classifier(tmp_path / "out")
    assert tags == TAGS
    assert same_weights(model, found)
    own, read = (m.encoder.get_config() for m in (model, found))
    assert {**own, "name": ""} == {**read, "name": ""}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def tagger(**changes: Any) -> TokenClassifier:
    settings = {
        "vocab_size": 9,
        "hidden_size": 4,
        "num_layers": 1,
        "num_heads": 2,
        "intermediate_size": 8,
    }
    model = TokenClassifier(Encoder(**{**settings, **changes}), len(TAGS))
    model.build()
    return model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "relu"}, "only 'gelu' or 'gelu_new' is supported"),
        ({"embedding_size": 2}, "cannot express this encoder: embedding_size=2"),
        ({"position_offset": 2}, "cannot express this encoder"),
        ({"family": "distilbert"}, "type_vocab_size=2 would be read as 0"),
        ({"family": "brt"}, "the family 'brt' .* is none that tfner knows"),
    ],
)
def test_models_that_a_family_cannot_express_are_not_written(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        save_token_classifier(tagger(**changes), TAGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_padding_of_the_tokenizer_travels_with_a_tagger(tmp_path: Path) -> None:
    # multilingual-e5 is a BERT with the pieces of XLM-R: <s> is 0, <pad> is 1.
    save_token_classifier(tagger(), TAGS, tmp_path / "e5", pad_id=1)
    config = json.loads((tmp_path / "e5" / "config.json").read_text("utf-8"))
    assert config["pad_token_id"] == 1
    found, _ = load_token_classifier(tmp_path / "e5")
    assert found.encoder.position_offset == 0
    roberta = tagger(family="roberta", position_offset=2)
    save_token_classifier(roberta, TAGS, tmp_path / "roberta", pad_id=0)
    found, _ = load_token_classifier(tmp_path / "roberta")
    assert found.encoder.position_offset == 2


def test_unwritable_places_and_wrong_tags_are_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"3 tags\. Received: 1 tags"):
        save_token_classifier(tagger(), ["O"], tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: cannot be written: Not a dir"):
        save_token_classifier(tagger(), TAGS, tmp_path / "file")
    (tmp_path / "full" / "model.safetensors").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be written"):
        save_token_classifier(tagger(), TAGS, tmp_path / "full")
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["model.safetensors"]


def test_an_encoder_is_no_token_classifier(bert: Any, directory: Make) -> None:
    config = {**bert.config, "architectures": ["BertForSequenceClassification"]}
    with pytest.raises(CheckpointError, match="BertForSequenceClassification"):
        load_token_classifier(directory(config, bert.tensors))


def test_a_head_of_another_size_than_its_tags_is_named(
    bert: Any, directory: Make
) -> None:
    config = {
        **bert.config,
        "architectures": ["BertForTokenClassification"],
        "id2label": dict(enumerate(TAGS)),
    }
    head = {
        "classifier.weight": np.zeros((5, 12), np.float32),
        "classifier.bias": np.zeros(5, np.float32),
    }
    folder = directory(config, {**bert.tensors, **head})
    with pytest.raises(CheckpointError, match=r"names 3 labels, .* has 5 outputs"):
        load_token_classifier(folder)
