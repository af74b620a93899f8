"""Models that decode by Viterbi, softmax and CRF: every runner gives the same."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
import tensorflow as tf

from tfner.corpus.joining import join_words
from tfner.data.features import to_wire
from tfner.data.packing import assemble
from tfner.document import Document
from tfner.errors import CheckpointError, ConfigError, ExportError
from tfner.inference.bundle import Bundle
from tfner.inference.predictor import Predictor
from tfner.schemes import invalid_positions
from tfner.tasks.decoding import best_tags
from tfner_export import export_saved_model
from tfner_export.exporter import Source
from tfner_export.publish import export
from tfner_export.saved_model.signatures import TaggerModule
from tfner_export.saved_model.verification import _is_best

from ..conftest import LONGEST, TEXTS, make_bundle

if TYPE_CHECKING:
    from tfner_export.saved_model.publish import ExportResult

Exported = tuple[Bundle, "ExportResult"]


@pytest.fixture(scope="module", params=["softmax", "crf"])
def exported(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    vocabulary: Path,
) -> Exported:
    folder = tmp_path_factory.mktemp(request.param)
    settings = {"head": request.param, "decode": "viterbi", "scheme": "BIOES"}
    make_bundle(folder / "bundle", vocabulary, **settings)
    bundle = Bundle.load(folder / "bundle")
    return bundle, export_saved_model(bundle, folder, max_length=LONGEST)


def tags_are_valid(documents: list[Document], bundle: Bundle) -> bool:
    return all(
        invalid_positions(document.tags or (), bundle.label_set.scheme) == []
        for document in documents
    )


def test_bundle_and_saved_model_give_the_same_valid_entities(
    exported: Exported,
) -> None:
    bundle, result = exported
    local = Predictor.load(bundle.directory, verify=True).predict(TEXTS)
    served = Predictor.load(result.saved_model, verify=True).predict(TEXTS)
    assert [d.tags for d in local] == [d.tags for d in served]
    assert [d.entities for d in local] == [d.entities for d in served]
    assert any(d.entities for d in local)
    assert tags_are_valid(local, bundle)


def test_words_without_pieces_change_nothing_in_any_runner(exported: Exported) -> None:
    bundle, result = exported
    plain, blanks = [], []
    for number, text in enumerate(TEXTS):
        surfaces = text.split()
        joined, words = join_words(surfaces)
        plain.append(Document(str(number), joined, words=tuple(words)))
        spaced = [part for surface in surfaces for part in (surface, " ")]
        joined, words = join_words(spaced, "none")
        blanks.append(Document(str(number), joined, words=tuple(words)))
    for model in (bundle.directory, result.saved_model):
        predictor = Predictor.load(model)
        found = predictor.predict(blanks)
        assert tags_are_valid(found, bundle)
        assert [d.entities for d in found] == [
            d.entities for d in predictor.predict(plain)
        ]


def test_another_decoder_can_be_asked_for(exported: Exported) -> None:
    bundle, result = exported
    for model in (bundle.directory, result.saved_model):
        found = Predictor.load(model, decode="argmax").predict(TEXTS)
        assert not tags_are_valid(found, bundle)
        with pytest.raises(ConfigError, match="did you mean 'viterbi'"):
            Predictor.load(model, decode="viterbo")


def test_the_signature_gives_probabilities_and_the_path_of_every_window(
    exported: Exported,
) -> None:
    bundle, result = exported
    task = bundle.task
    windows = [w for text in TEXTS for w in task.encode(Document("1", text)).windows][
        :4
    ]
    rows = [[0, 1, 2], [3]]  # windows that share a row are decoded one by one
    batch = assemble(windows, rows, shape=(2, LONGEST), pad_id=task.tokenizer.pad_id)
    loaded = tf.saved_model.load(str(result.saved_model))
    run = loaded.signatures["serving_default"]
    assert sorted(run.structured_outputs) == ["chunk_predictions", "chunk_probs"]
    found = run(**{k: tf.constant(v) for k, v in to_wire(batch.features).items()})
    probs, ids = found["chunk_probs"].numpy(), found["chunk_predictions"].numpy()
    np.testing.assert_allclose(probs.sum(-1), 1, atol=1e-5)
    for row, first, last in batch.places:
        expected = best_tags(probs[row, first:last], steps=task.steps, outside=0)
        np.testing.assert_array_equal(ids[row, first:last], expected)
    assert (ids[1, batch.places[3][2] :] == 0).all()


def test_an_export_whose_tags_are_not_the_decoders_is_not_published(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the graph had been written without the decoder."""
    bundle, _ = exported
    original = TaggerModule.__init__

    def without_steps(self: TaggerModule, source: Source) -> None:
        undecoded = copy.copy(source.bundle.task)
        undecoded.steps = None  # argmax
        stripped = SimpleNamespace(task=undecoded, load_model=bundle.load_model)
        original(self, Source(cast("Bundle", stripped), source.serving))

    monkeypatch.setattr(TaggerModule, "__init__", without_steps)
    with pytest.raises(ExportError, match="not published"):
        export_saved_model(bundle, tmp_path, max_length=LONGEST)


@pytest.mark.parametrize("format", ["huggingface", "google"])
def test_a_crf_has_no_place_in_a_checkpoint(
    exported: Exported, tmp_path: Path, format: str
) -> None:
    bundle, _ = exported
    if bundle.config["task"]["head"] == "softmax":
        export(bundle, tmp_path / "out", format=format)
        return
    with pytest.raises(CheckpointError, match="tfner train --head softmax"):
        export(bundle, tmp_path / "out", format=format)
    assert not (tmp_path / "out").exists()


def test_only_the_best_path_or_one_as_good_passes_for_the_decoders(
    exported: Exported,
) -> None:
    task = exported[0].task
    labels = task.label_set
    ids = np.array([labels.label2id[tag] for tag in ("B-PER", "E-PER", "S-LOC")])
    probs = (0.9 * np.eye(9) + 0.0125).astype("float32")[ids]
    assert _is_best(ids, probs, task)
    other = np.array([labels.label2id[tag] for tag in ("B-LOC", "E-LOC", "S-LOC")])
    assert not _is_best(other, probs, task)
    even = np.full((3, 9), 1 / 9, np.float32)
    assert _is_best(other, even, task)
    assert not _is_best(other[::-1], even, task)  # no step of the scheme
