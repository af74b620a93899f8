"""Rows of the table of pieces that learn by themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.checkpoints.families import FAMILIES

Make = Callable[..., Any]
KEPT = np.arange(50) % 3 == 0
"""Of 50 pieces, those that training does not meet."""
LENGTHS = ([5, 4], [7])


def gradients(encoder: Any, batch: Any) -> dict[str, np.ndarray]:
    """Gradients of a sum that no symmetry makes zero, by the weights' paths."""
    with tf.GradientTape() as tape:
        outputs = encoder(batch, training=False)
        loss = tf.reduce_sum(outputs * tf.cos(tf.range(12, dtype=tf.float32)))
    weights = encoder.trainable_variables
    found = tape.gradient(loss, weights, unconnected_gradients="zero")
    return {
        w.path: tf.convert_to_tensor(gradient).numpy()
        for w, gradient in zip(weights, found, strict=True)
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_what_an_encoder_says_and_its_gradients_stay(
    family: str, make: Make, rows: Any
) -> None:
    batch = rows(*LENGTHS, width=9)
    batch["input_ids"] = np.flatnonzero(~KEPT)[batch["input_ids"] % 33].astype("int32")
    encoder = make(family)
    before, whole = encoder(batch).numpy(), gradients(encoder, batch)
    encoder.learn_pieces(batch["input_ids"])
    met = np.unique(batch["input_ids"])
    np.testing.assert_array_equal(encoder(batch).numpy(), before)
    found = gradients(encoder, batch)
    (table,) = whole.keys() - found.keys()
    scale = encoder.embeddings.pieces.scale.path
    assert found[scale] == 0
    (learned,) = found.keys() - whole.keys() - {scale}
    assert found[learned].shape == (len(met), encoder.embeddings.width)
    np.testing.assert_allclose(found[learned], whole[table][met], atol=1e-6)
    for path in whole.keys() & found.keys():
        np.testing.assert_allclose(found[path], whole[path], atol=1e-5, err_msg=path)


def test_pieces_that_are_not_learned_are_still_known(make: Make, rows: Any) -> None:
    encoder, batch = make("bert"), rows(*LENGTHS, width=9)
    before = encoder(batch).numpy()
    encoder.learn_pieces([7, 3, 7])
    assert encoder.embeddings.pieces.learned.shape == (2, encoder.embeddings.width)
    np.testing.assert_array_equal(encoder(batch).numpy(), before)
    encoder.embeddings.pieces.scale.assign(2.0)
    assert np.abs(encoder(batch).numpy() - before).max() > 0.01


def test_the_file_holds_the_whole_table_as_learned(make: Make, tmp_path: Path) -> None:
    encoder, path = make("bert"), str(tmp_path / "it.weights.h5")
    table = encoder.embeddings.pieces.embeddings.numpy()
    encoder.learn_pieces([3, 7])
    encoder.embeddings.pieces.learned.assign_add(np.ones((2, 12), "float32"))
    encoder.embeddings.pieces.scale.assign(0.5)
    met = np.isin(np.arange(len(table)), [3, 7])
    table = np.where(met[:, None], table + 1, table / 2)
    encoder.save_weights(path)

    ordinary, learning = make("bert"), make("bert")
    learning.learn_pieces([7, 20, 21])
    for other in (ordinary, learning):
        other.load_weights(path)
        pieces = other.embeddings.pieces
        np.testing.assert_array_equal(pieces.embeddings, table)
    learned = learning.embeddings.pieces.learned
    np.testing.assert_array_equal(learned, table[[7, 20, 21]])
