"""A model with a smaller vocabulary is exported, and gives what the whole one gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.document import Document
from tfner.errors import ConfigError, ExportError

from .conftest import LONGEST, TEXTS, make_bundle, tiny_encoder

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

pytestmark = pytest.mark.slow
NAMES = "anna met bert in paris"


def documents(*texts: str) -> list[Document]:
    return [Document(id=str(n), text=text) for n, text in enumerate(texts)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Bundle:
    """The tiny model without texts of its own, whose pieces would be kept, too."""
    from tfner.inference.bundle import SelfTest

    bundle = make_bundle(tmp_path_factory.mktemp("plain") / "b", vocabulary)
    vars(bundle)["selftest"] = SelfTest((), ())
    return bundle


@pytest.mark.parametrize("format", ["huggingface", "saved-model"])
def test_every_format_has_the_smaller_vocabulary(
    plain: Bundle, tmp_path: Path, format: str
) -> None:
    from tfner.inference.predictor import Predictor
    from tfner_export.exporter import Serving
    from tfner_export.publish import export
    from tfner_export.trimming import trim_vocabulary

    small, found = trim_vocabulary(plain, texts=documents(NAMES))
    # 5 special pieces, the corpus, and the only single character.
    assert (found.pieces, found.of) == (5 + 5 + 1, 19)
    assert (found.texts, found.kept_texts, found.equal_kept) == (1, 1, 1)
    assert (found.unknown, found.unknown_before) == (0, 0)
    serving = Serving(max_length=LONGEST) if format == "saved-model" else None
    place = export(small, tmp_path / "out", format=format, serving=serving).directory
    exported = Predictor.load(place)
    assert exported.task.tokenizer.vocab_size == 11
    whole = Predictor.of(plain)
    texts = [NAMES, "bert met anna.", "paris in paris in anna"]
    for old, new in zip(whole.predict(texts), exported.predict(texts), strict=True):
        assert old.tags == new.tags
        scores = [[e.score for e in d.entities] for d in (old, new)]
        assert np.allclose(*scores, atol=1e-5)
    assert small.load_model().encoder.vocab_size == 11


def test_texts_of_other_pieces_are_counted(plain: Bundle) -> None:
    from tfner_export.trimming import trim_vocabulary

    dev = documents(NAMES, "anna met rome", "bert and rome on rome")
    _, found = trim_vocabulary(plain, texts=documents(NAMES), dev=dev)
    assert (found.texts, found.kept_texts, found.equal_kept) == (3, 1, 1)
    assert (found.unknown, found.unknown_before) == (5, 0)
    assert 0 <= found.equal_others <= 2
    assert found.f1 is found.f1_before is None
    assert list(found.tell())[2] == "unknown pieces 5, with the whole vocabulary 0"


def test_texts_stored_with_the_model_give_what_they_gave(bundle: Bundle) -> None:
    from tfner.inference.predictor import Predictor
    from tfner_export.trimming import trim_vocabulary

    small, found = trim_vocabulary(bundle, texts=documents("rome"))
    assert small.selftest is bundle.selftest
    words = {word for text in TEXTS for word in text.split()} - {"monday", "sunday"}
    assert found.pieces == len(words) + len(("mon", "sun", "##day", ".")) + 5
    few, found = trim_vocabulary(bundle, count=8)
    assert found.pieces == 8
    assert few.selftest.texts == bundle.selftest.texts
    Predictor.of(few).verify(few.selftest)
    assert few.config["training"] == bundle.config["training"]


def test_roberta_keeps_the_id_of_padding(
    vocabulary: Path, tmp_path: Path, bundle: Bundle
) -> None:
    """Its positions begin after it, in transformers, too."""
    from tfner.tokenization.trimming import vocabulary_of

    pieces = ["anna", "bert", *(vocabulary / "vocab.txt").read_text("utf-8").split()]
    kept = [piece for n, piece in enumerate(pieces) if piece not in pieces[:n]]
    (tmp_path / "vocab.txt").write_text("\n".join(kept), encoding="utf-8")
    from tfner.tokenization import load_tokenizer

    _, found = vocabulary_of(load_tokenizer(tmp_path))
    assert {0, 1, 2} <= found.needed


@pytest.mark.parametrize("texts", [(), ("", " \n ")])
def test_a_corpus_without_text_is_refused(plain: Bundle, texts: Any) -> None:
    from tfner_export.trimming import trim_vocabulary

    with pytest.raises(ExportError, match="holds no text of any"):
        trim_vocabulary(plain, texts=documents(*texts))


def test_encoders_of_others_are_refused(foreign_bundle: Bundle) -> None:
    from tfner_export.trimming import trim_vocabulary

    with pytest.raises(ConfigError, match="own can be made smaller"):
        trim_vocabulary(foreign_bundle, texts=documents(NAMES))


def test_a_model_of_spans_keeps_the_pieces_of_its_queries(
    vocabulary: Path, tmp_path: Path
) -> None:
    from tfner.inference import native_bundle as bundles
    from tfner.inference.bundle import SelfTest
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer
    from tfner_export.trimming import trim_vocabulary

    task = SpanExtraction(
        load_tokenizer(vocabulary),
        LabelSet(["PER"]),
        queries={"PER": "we met on monday"},
        max_length=24,
    )
    model = task.build(tiny_encoder(19))
    bundles.build(model)
    bundle = bundles.save_bundle(
        tmp_path / "spans",
        task=task,
        model=model,
        training={},
        metrics={},
        selftest=SelfTest(("anna",), ((),)),
    )
    small, found = trim_vocabulary(bundle, texts=documents("anna"))
    pieces = {"we", "met", "on", "mon", "##day", "anna", "."}
    assert found.pieces == 5 + len(pieces)
    assert found.equal_kept == found.texts == 1
    assert small.task.tokenizer.id_of("bert") is None
