"""A Hugging Face directory is one for transformers, and one for tfner."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.document import Document
from tfner.errors import CheckpointError, ExportError, StorageError

from ..conftest import make_bundle

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
    assert type(tokenizer).__name__ == "BertTokenizer"
    assert "token_type_ids" in tokenizer(TEXT)
    assert tokenizer.model_max_length == bundle.task.max_length


@pytest.mark.torch
@pytest.mark.parity
def test_the_pipeline_of_transformers_finds_the_same_entities_without_a_warning(
    bundle: Bundle, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("torch")
    import transformers

    from tfner.inference.predictor import Predictor

    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    run = transformers.pipeline(
        "token-classification", model=str(directory), aggregation_strategy="first"
    )
    predictor = Predictor.load(bundle.directory)
    words = [*TEXT.replace(",", "").split(), "sunday", "Rome", "née", "'s", "(", "."]

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.sampled_from(words), min_size=1, max_size=8).map(" ".join))
    def same(text: str) -> None:
        theirs = [(e["start"], e["end"], e["entity_group"]) for e in run(text)]
        (ours,) = predictor.predict([text])
        assert theirs == [(e.start, e.end, e.label) for e in ours.entities], text

    same()
    logger.removeHandler(caplog.handler)
    theirs = [r for r in caplog.records if r.name.startswith("transformers")]
    assert [r for r in theirs if r.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"decode": "viterbi"}, "take the likeliest tag of each word"),
        ({"segment_id": 1}, "trained with segment 1"),
        ({"scheme": "BIOES"}, "tags of BIOES get its names"),
    ],
)
def test_what_a_pipeline_of_transformers_does_otherwise_is_told(
    changes: dict[str, Any],
    match: str,
    vocabulary: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    changed = make_bundle(tmp_path / "bundle", vocabulary, **changes)
    export_huggingface(changed, tmp_path / "out")
    assert match in caplog.text


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
