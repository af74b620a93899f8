"""A Hugging Face directory is one for transformers, and one for tfner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.document import Document
from tfner.errors import CheckpointError, ExportError, StorageError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

TEXT = "anna met bert in paris, and monday"


def export_huggingface(bundle: Bundle, folder: Path) -> Any:
    from tfner_export.publish import export

    return export(bundle, folder, format="huggingface")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> Path:
    folder: Path = tmp_path_factory.mktemp("huggingface") / "model"
    return export_huggingface(bundle, folder).directory


def test_tfner_predicts_the_same_from_the_directory(
    bundle: Bundle, directory: Path
) -> None:
    from tfner.inference.predictor import Predictor

    texts = bundle.selftest.texts[:3]
    expected = Predictor.load(bundle.directory).predict(texts)
    assert Predictor.load(directory).predict(texts) == expected


@pytest.mark.torch
@pytest.mark.parity
def test_transformers_computes_the_same_logits(bundle: Bundle, directory: Path) -> None:
    torch = pytest.importorskip("torch")
    import transformers

    model = transformers.AutoModelForTokenClassification.from_pretrained(directory)
    window = bundle.task.encode(Document("1", TEXT)).windows[0]
    ids = np.array([window.features["input_ids"]])
    with torch.no_grad():
        expected = model(input_ids=torch.tensor(ids, dtype=torch.long)).logits.numpy()
    at = window.features["labeled_positions"]
    features = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
        "labeled_positions": np.array([at]),
    }
    found = np.array(bundle.load_model()(features))
    assert np.abs(found - expected[:, at]).max() < 2e-5
    assert model.config.id2label == bundle.label_set.id2label


@pytest.mark.parity
def test_transformers_cuts_the_same_pieces(bundle: Bundle, directory: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    window = bundle.task.encode(Document("1", TEXT)).windows[0]
    assert tokenizer(TEXT)["input_ids"] == window.features["input_ids"].tolist()
    assert (tokenizer.cls_token, tokenizer.pad_token) == ("[CLS]", "[PAD]")
    assert tokenizer.mask_token == "[MASK]"
    assert tokenizer.model_max_length == bundle.task.max_length


@pytest.mark.torch
@pytest.mark.parity
def test_the_pipeline_of_transformers_tags_the_first_pieces_alike(
    bundle: Bundle, directory: Path
) -> None:
    pytest.importorskip("torch")
    import transformers

    from tfner.inference.predictor import Predictor

    run = transformers.pipeline("ner", model=str(directory), ignore_labels=[])
    theirs = {found["start"]: found["entity"] for found in run(TEXT)}
    (ours,) = Predictor.load(bundle.directory).predict([TEXT])
    assert ours.words is not None
    assert ours.tags is not None
    for word, tag in zip(ours.words, ours.tags, strict=True):
        assert theirs[word.start] == tag


def test_an_encoder_that_the_format_cannot_express_is_an_error(
    tmp_path: Path, foreign_bundle: Bundle
) -> None:
    with pytest.raises(CheckpointError, match="only an encoder "):
        export_huggingface(foreign_bundle, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_does_not_give_the_model_again_is_not_published(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export.formats import huggingface

    def load_another(directory: Path) -> Any:
        tagger = bundle.load_model()
        bias = tagger.classifier.bias
        bias.assign(bias + np.float32([1e-3, 0, 0, 0, 0]))
        return tagger, list(bundle.label_set.tags)

    monkeypatch.setattr(huggingface, "load_token_classifier", load_another)
    with pytest.raises(ExportError, match=r"read back it differs .* by 0\.000"):
        export_huggingface(bundle, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_an_error(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        export_huggingface(bundle, tmp_path / "file" / "out")
