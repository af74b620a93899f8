"""Generator and discriminator: what they share, what their losses reach."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import (
    BINS,
    FIGURES,
    Electra,
    MaskedLanguageModel,
    discriminator_sums,
)
from tfner.models.pretraining.masking import Masking

PIECES, ROWS, LENGTH = 60, 4, 24
MASKING = Masking(rate=0.15, mask_id=4, special_ids=(0, 2, 3, 4), vocab_size=PIECES)
SIZES: dict[str, Any] = {
    "vocab_size": PIECES,
    "embedding_size": 8,
    "num_layers": 1,
    "max_positions": LENGTH,
    "initializer_range": 0.3,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "family": "electra",
}


def make_electra(**settings: float) -> Electra:
    keras.utils.set_random_seed(0)
    encoder = Encoder(hidden_size=16, num_heads=2, intermediate_size=32, **SIZES)
    generator = Encoder(
        hidden_size=12,
        num_heads=1,
        intermediate_size=48,
        embeddings=encoder.embeddings,
        **SIZES,
    )
    model = Electra(MaskedLanguageModel(generator, MASKING), encoder, **settings)
    model.build()
    return model


@pytest.fixture
def rows() -> dict[str, tf.Tensor]:
    """Rows of [CLS], pieces, [SEP], padding."""
    ids = np.random.default_rng(0).integers(5, PIECES, (ROWS, LENGTH))
    lengths = np.array([LENGTH, LENGTH - 4, LENGTH - 9, 5])[:, None]
    mask = np.arange(LENGTH) < lengths
    ids[:, 0], ids[np.arange(ROWS), lengths[:, 0] - 1] = 2, 3
    types = mask & (np.arange(LENGTH) > 8)
    found = {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types}
    return {name: tf.constant(a.astype("int32")) for name, a in found.items()}


def reached(model: Electra, rows: Any, part: str) -> set[str]:
    """The weights that one part of the loss has a gradient for."""
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = model(rows, training=True)[FIGURES.index(part)]
    found = tape.gradient(loss, weights, unconnected_gradients="zero")
    return {
        weight.path
        for weight, gradient in zip(weights, found, strict=True)
        if np.asarray(tf.convert_to_tensor(gradient)).any()
    }


def paths(layer: Any) -> set[str]:
    return {v.path for v in layer.trainable_variables}


def test_generator_and_discriminator_share_their_embeddings() -> None:
    model = make_electra()
    own, other = model.discriminator.embeddings, model.generator.encoder.embeddings
    assert own is other
    assert len({id(v) for v in model.weights}) == len(model.weights)
    tables = [v for v in model.weights if tuple(v.shape) == (PIECES, 8)]
    assert len(tables) == 1


def test_the_loss_of_the_discriminator_does_not_reach_the_generator(
    rows: dict[str, tf.Tensor],
) -> None:
    model = make_electra()
    generator = paths(model.generator) - paths(model.discriminator.embeddings)
    assert reached(model, rows, "discriminator_loss") == paths(model) - generator


def test_the_loss_of_the_generator_does_not_reach_the_discriminator(
    rows: dict[str, tf.Tensor],
) -> None:
    model = make_electra()
    assert reached(model, rows, "mlm_loss") == paths(model.generator)


def test_sums_count_what_the_rows_hold(rows: dict[str, tf.Tensor]) -> None:
    model = make_electra()
    sums = np.asarray(model(rows))
    real = np.asarray(rows["attention_mask"]).sum()
    masked, tokens = np.asarray(model.counts(rows))
    assert sums[0] == masked == 3 + 3 + 2 + 1  # 15 % of each, at most 3
    assert sums[3] == tokens == sums[len(FIGURES) :].sum() == real
    # At most the hidden pieces are replaced; a draw may hit the right one.
    assert 0 < sums[len(FIGURES) + BINS :].sum() <= masked


def test_the_loss_weighs_its_two_parts(rows: dict[str, tf.Tensor]) -> None:
    model = make_electra(weight=7.0)
    sums, counts = model(rows), model.counts(rows)
    wanted = sums[1] / sums[0] + 7 * sums[4] / sums[3]
    assert float(model.batch_loss(sums, counts)) == pytest.approx(float(wanted))


def test_xla_gives_the_same_sums(rows: dict[str, tf.Tensor]) -> None:
    model = make_electra()
    state = model.generator.seed_generator.state
    found = []
    for compiled in (False, True):
        state.assign([3, 9])
        run = tf.function(model, jit_compile=compiled)
        found.append(np.asarray(run(rows, training=True)))
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_sums_of_the_discriminator_leave_padding_out() -> None:
    logits = tf.constant([[2.0, -1.0, 0.5, 9.0]])
    wrong = tf.constant([[True, False, False, True]])
    loss, bins = discriminator_sums(logits, wrong, tf.constant([[1, 1, 1, 0]]))
    p = 1 / (1 + np.exp([-2.0, 1.0, -0.5]))
    assert float(loss) == pytest.approx(
        -np.log(p[0]) - np.log(1 - p[1]) - np.log(1 - p[2]), rel=1e-5
    )
    original, replaced = np.asarray(bins).reshape(2, BINS)
    assert np.flatnonzero(original).tolist() == [int(p[1] * BINS), int(p[2] * BINS)]
    assert np.flatnonzero(replaced).tolist() == [int(p[0] * BINS)]


def test_a_masked_language_model_has_a_loss_at_hidden_pieces_alone(
    rows: dict[str, tf.Tensor],
) -> None:
    keras.utils.set_random_seed(0)
    sizes = SIZES | {"embedding_size": None, "family": "bert"}
    encoder = Encoder(hidden_size=16, num_heads=2, intermediate_size=32, **sizes)
    model = MaskedLanguageModel(encoder, MASKING)
    model.build()
    sums = np.asarray(model(rows))
    assert sums.shape == (len(FIGURES) + 2 * BINS,)
    assert sums[0] == float(model.counts(rows)[0])
    assert sums[1] > 0
    assert not sums[4:].any()
    assert float(model.batch_loss(sums, model.counts(rows))) == pytest.approx(
        sums[1] / sums[0]
    )
