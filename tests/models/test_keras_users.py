"""What a Keras user expects of any model: compile, fit, callbacks, `.keras` files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfner.models import Encoder, MaskedAccuracy, TokenClassifier, masked_crossentropy
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.training.optimizers import adamw

ROWS, LENGTH, WORDS, TAGS, PIECES = 12, 9, 4, 5, 30
ROOT = Path(__file__).parents[2]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def data() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Rows of two windows; the tag of a word follows from its piece."""
    random = np.random.default_rng(0)
    ids = random.integers(1, PIECES, (ROWS, LENGTH))
    at = np.tile([1, 2, 5, 7], (ROWS, 1))
    labels = np.take_along_axis(ids, at, axis=1) % TAGS
    labels[0, 2:] = -100
    features = {
        "input_ids": ids,
        "attention_mask": np.tile([1] * 4 + [2] * 4 + [0], (ROWS, 1)),
        "token_type_ids": np.zeros_like(ids),
        "labeled_positions": at,
    }
    return {k: v.astype("int32") for k, v in features.items()}, labels.astype("int32")


def compiled(**settings: Any) -> TokenClassifier:
    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=PIECES,
        hidden_size=16,
        num_layers=1,
        num_heads=2,
        intermediate_size=16,
        max_positions=LENGTH,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        **settings,
    )
    model = TokenClassifier(encoder, TAGS, dropout=0.0)
    model.compile(
        optimizer=adamw(
            learning_rate=1e-2, steps=200, warmup_steps=20, weight_decay=0.01
        ),
        loss=masked_crossentropy,
        metrics=[MaskedAccuracy()],
    )
    return model


@pytest.mark.slow
def test_fit_takes_validation_data_and_callbacks(tmp_path: Path) -> None:
    model, best = compiled(), tmp_path / "best.keras"
    history = model.fit(
        *data(),
        batch_size=4,
        epochs=60,
        validation_data=data(),
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=2),
            keras.callbacks.ModelCheckpoint(
                best, "val_accuracy", mode="max", save_best_only=True
            ),
        ],
    ).history
    assert len(history["loss"]) < 60
    assert history["val_loss"][-1] < history["val_loss"][0] / 2
    _, accuracy = keras.saving.load_model(best).evaluate(*data(), verbose=0)
    assert accuracy == pytest.approx(max(history["val_accuracy"]))


def test_a_loaded_model_goes_on_as_if_it_had_never_been_saved(tmp_path: Path) -> None:
    model, (features, labels) = compiled(), data()
    model.fit(features, labels, batch_size=4, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(features)), numpy(model(features)))
    for one in (model, loaded):
        one.fit(features, labels, batch_size=4, verbose=0, shuffle=False)
    for one, other in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-6)


def test_an_encoder_alone_is_kept_and_used_again(tmp_path: Path) -> None:
    model, (features, _) = compiled(), data()
    model.build()
    model.encoder.save(tmp_path / "encoder.keras")
    encoder = keras.models.load_model(tmp_path / "encoder.keras")
    expected = numpy(model.encoder(features))
    np.testing.assert_array_equal(numpy(encoder(features)), expected)
    assert TokenClassifier(encoder, 3)(features).shape == (ROWS, WORDS, 3)


def test_a_file_keeps_the_precision_a_model_was_made_in(tmp_path: Path) -> None:
    model, (features, _) = compiled(dtype="mixed_bfloat16"), data()
    expected = numpy(model(features))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert loaded.encoder.compute_dtype == "bfloat16"
    assert loaded.encoder.blocks[0].compute_dtype == "bfloat16"
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(numpy(loaded(features)), expected)


@pytest.mark.slow
def test_one_import_is_enough_to_load_a_file(tmp_path: Path) -> None:
    """In a new process; it also makes sure that no class waits for another import."""
    model, (features, _) = compiled(), data()
    expected = numpy(model(features))
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "features.npz", **features)
    code = """
import importlib, pkgutil, keras, numpy as np, tfner.models
known = set(keras.saving.get_custom_objects())
for module in pkgutil.iter_modules(tfner.models.__path__):
    importlib.import_module(f"tfner.models.{module.name}")
assert set(keras.saving.get_custom_objects()) == known
model = keras.models.load_model("model.keras", compile=False)
np.save("found.npy", model.predict(dict(np.load("features.npz")), verbose=0))
"""
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
    )
    found = np.load(tmp_path / "found.npy")
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("made", ["tagger", "pooling tagger", "spans", "encoder"])
def test_an_export_by_keras_has_the_inputs_by_name(made: str, tmp_path: Path) -> None:
    import tensorflow as tf

    features, _ = data()
    encoder = compiled().encoder
    model = {
        "tagger": lambda: TokenClassifier(encoder, TAGS),
        "pooling tagger": lambda: TokenClassifier(encoder, TAGS, pool="mean"),
        "spans": lambda: SpanExtractor(encoder),
        "encoder": lambda: encoder,
    }[made]()
    if made == "pooling tagger":
        features["word_lengths"] = np.ones_like(features["labeled_positions"])
    elif made != "tagger":
        del features["labeled_positions"]
    model.build()
    model.export(tmp_path / "export", verbose=False)
    run = tf.saved_model.load(tmp_path / "export").signatures["serving_default"]
    assert set(run.structured_input_signature[1]) == set(features)
    found = run(**{name: tf.constant(array[:5]) for name, array in features.items()})
    expected = model({name: array[:5] for name, array in features.items()})
    outputs = expected if isinstance(expected, dict) else {"output_0": expected}
    assert set(found) == set(outputs)
    for name, output in outputs.items():
        np.testing.assert_allclose(numpy(found[name]), numpy(output), atol=1e-5)
