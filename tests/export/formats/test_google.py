"""A tagger written for google-research/electra has all that its code asks for."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.errors import CheckpointError, ExportError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle


def export_google(bundle: Bundle, folder: Path, task_name: str = "chunk") -> Any:
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    return export(bundle, folder, format="google", serving=Serving(task_name))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Path:
    folder: Path = tmp_path_factory.mktemp("google") / "model"
    return export_google(bundle, folder, task_name="ner").directory


def test_the_directory_gives_model_tags_and_tokenizer_again(
    bundle: Bundle, directory: Path
) -> None:
    from tfner.checkpoints.google import load_google_tagger
    from tfner.tokenization import load_tokenizer

    label2id = pickle.loads((directory / "ner_label_mapping.pkl").read_bytes())
    assert label2id == bundle.label_set.label2id
    found = load_google_tagger(directory, tags=list(label2id), task_name="ner")
    expected = bundle.load_model()
    for ours, theirs in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    text = "anna met bert in paris"
    pieces = load_tokenizer(directory).encode(text).pieces
    assert pieces == bundle.tokenizer.encode(text).pieces


def test_the_config_and_vocabulary_are_those_of_bert(
    bundle: Bundle, directory: Path
) -> None:
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    assert (config["hidden_size"], config["num_attention_heads"]) == (32, 2)
    assert config["max_position_embeddings"] == 64
    lines = (directory / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["[PAD]", "[UNK]", "[CLS]"]
    assert len(lines) == bundle.tokenizer.vocab_size


def test_a_vocabulary_that_their_code_does_not_read_is_an_error(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = type(bundle.tokenizer).save

    def save_json_alone(self: Any, folder: Path) -> None:
        save(self, folder)
        (folder / "vocab.txt").unlink(missing_ok=True)

    monkeypatch.setattr(type(bundle.tokenizer), "save", save_json_alone)
    with pytest.raises(CheckpointError, match="WordPiece vocabularies without added"):
        export_google(bundle, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_the_format_cannot_express_is_an_error(
    tmp_path: Path, bundle: Bundle, foreign_bundle: Bundle
) -> None:
    with pytest.raises(CheckpointError, match="only an encoder "):
        export_google(foreign_bundle, tmp_path / "out")
    with pytest.raises(ExportError, match="Received: task_name='a/b'"):
        export_google(bundle, tmp_path / "out", task_name="a/b")
    assert list(tmp_path.iterdir()) == []
