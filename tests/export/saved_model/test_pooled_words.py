"""Taggers that pool pieces are served by a signature with the lengths of words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.data.features import to_wire
from tfner.data.packing import assemble
from tfner.document import Document
from tfner.errors import BundleError, CheckpointError
from tfner.inference.predictor import Predictor
from tfner_export import export_saved_model
from tfner_export.publish import export

from ..conftest import LONGEST, make_bundle

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

INPUTS = ("input_ids", "input_mask", "segment_ids", "labeled_positions", "word_lengths")
TEXTS = ("monday in paris", "sunday", "we met anna on monday and sunday " * 6)
"""The vocabulary spells "sunday" in two pieces, and what it lacks in one."""


@pytest.fixture(scope="module", params=["max", "attention"])
def pooled(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    vocabulary: Path,
) -> Bundle:
    folder = tmp_path_factory.mktemp(request.param) / "bundle"
    head = "crf" if request.param == "max" else "softmax"
    return make_bundle(folder, vocabulary, pool=request.param, head=head)


@pytest.fixture(scope="module")
def saved_model(
    pooled: Bundle, tmp_path_factory: pytest.TempPathFactory, heed: Any
) -> Path:
    said: list[str] = []
    with heed(said.append):
        folder = tmp_path_factory.mktemp("exports")
        result = export_saved_model(pooled, folder, max_length=LONGEST)
    assert [line for line in said if "`word_lengths`" in line]
    assert result.max_abs_difference < 1e-5
    return result.saved_model


@pytest.mark.slow
def test_the_saved_model_gives_what_the_bundle_gives(
    pooled: Bundle, saved_model: Path
) -> None:
    loaded = tf.saved_model.load(str(saved_model))
    run = loaded.signatures["serving_default"]
    assert set(run.structured_input_signature[1]) == set(INPUTS)
    local = Predictor.load(pooled.directory, verify=True).predict(TEXTS)
    served = Predictor.load(saved_model, verify=True).predict(TEXTS)
    assert [d.entities for d in local] == [d.entities for d in served]
    assert any(d.entities for d in local)
    windows = [pooled.task.encode(Document("1", t)).windows[0] for t in TEXTS]
    assert max(w.features["word_lengths"].max() for w in windows) > 1
    batch = assemble(windows, [[0, 1, 2]], shape=(1, LONGEST), pad_id=0)
    features = {name: tf.constant(v) for name, v in to_wire(batch.features).items()}
    # The lengths decide: of the pieces after the first, something is read.
    probs = run(**features)["chunk_probs"]
    ones = tf.minimum(features["word_lengths"], 1)
    others = run(**{**features, "word_lengths": ones})["chunk_probs"]
    assert np.abs((probs - others).numpy()).max() > 1e-3


@pytest.mark.parametrize("format", ["huggingface", "google"])
def test_pooled_pieces_have_no_place_in_a_checkpoint(
    pooled: Bundle, tmp_path: Path, format: str
) -> None:
    with pytest.raises(CheckpointError) as error:
        export(pooled, tmp_path / "out", format=format)
    wanted = "train --pool first" if pooled.task.head == "softmax" else "--head softmax"
    assert wanted in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_graph_without_its_assets_is_no_tagger_of_four_inputs(
    saved_model: Path, tmp_path: Path, vocabulary: Path
) -> None:
    bare = shutil.copytree(
        saved_model,
        tmp_path / "1",
        ignore=shutil.ignore_patterns("assets", "digests.json"),
    )
    with pytest.raises(BundleError, match=r"is no tagger that takes .*word_lengths"):
        Predictor.load(
            bare,
            tokenizer=vocabulary,
            label_mapping=bare / "chunk_label_mapping.pkl",
        )
