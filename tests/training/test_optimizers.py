"""The schedule's values, and which weights decay."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfner.errors import ConfigError
from tfner.models.encoders.bert import Encoder
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.training.optimizers import (
    AdamW,
    WarmupLinearDecay,
    adamw,
    layerwise_rates,
)


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.5), (99, 1 / 90), (100, 0.0)],
)
def test_the_rate_rises_then_falls_to_nothing(step: int, share: float) -> None:
    schedule = WarmupLinearDecay(0.02, steps=100, warmup_steps=10)
    assert float(schedule(step)) == pytest.approx(0.02 * share, rel=1e-6, abs=1e-12)


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert float(WarmupLinearDecay(0.5, steps=4, warmup_steps=0)(0)) == 0.5


def test_with_warmup_alone_the_rate_never_falls() -> None:
    schedule = WarmupLinearDecay(1.0, steps=4, warmup_steps=4)
    assert [float(schedule(step)) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_schedule_keeps_its_settings() -> None:
    schedule = WarmupLinearDecay(0.5, steps=4, warmup_steps=1)
    again = WarmupLinearDecay.from_config(schedule.get_config())
    assert float(again(2)) == float(schedule(2))


def small_tagger(num_layers: int = 1) -> TokenClassifier:
    encoder = Encoder(
        vocab_size=20,
        hidden_size=8,
        embedding_size=4,
        num_layers=num_layers,
        num_heads=2,
        intermediate_size=16,
        max_positions=8,
    )
    model = TokenClassifier(encoder, 3)
    model.build()
    return model


def test_weights_decay_but_biases_and_norms_do_not() -> None:
    model = small_tagger()
    optimizer = adamw(learning_rate=1.0, steps=1, warmup_steps=0, weight_decay=0.25)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape, "float32"))
    nothing = [keras.ops.zeros_like(v.value) for v in model.trainable_variables]
    optimizer.apply(nothing, model.trainable_variables)
    left = {v.path: float(np.ravel(v.numpy())[0]) for v in model.trainable_variables}
    kept = {path for path, value in left.items() if value == 1.0}
    decayed = {path for path, value in left.items() if value == 0.75}
    assert kept | decayed == set(left)
    assert {path.rpartition("/")[2] for path in kept} == {"bias", "gamma", "beta"}
    assert {path.rpartition("/")[2] for path in decayed} == {"kernel", "embeddings"}


def electra_adam(
    weight: float, gradients: list[float], *, rate: float, decay: float
) -> float:
    """The update of google-research/electra, written down from its formulas."""
    first = second = 0.0
    for gradient in gradients:
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weight -= rate * (first / (second**0.5 + 1e-6) + decay * weight)
    return weight


@pytest.mark.parametrize("decay", [0.0, 0.125])
def test_without_bias_correction_the_update_is_that_of_electra(decay: float) -> None:
    gradients = [0.5, -2.0, 0.25, 3.0]
    kernel, bias = (keras.Variable([1.5], name=name) for name in ("kernel", "bias"))
    optimizer = AdamW(
        0.01,
        decay=decay,
        rates={kernel.path: 0.5},
        bias_correction=False,
        epsilon=1e-6,
    )
    optimizer.build([kernel, bias])
    for gradient in gradients:
        values = [keras.ops.array([gradient])] * 2
        optimizer.apply(values, [kernel, bias])
    expected = electra_adam(1.5, gradients, rate=0.005, decay=decay)
    assert float(kernel.numpy()[0]) == pytest.approx(expected, rel=1e-5)
    expected = electra_adam(1.5, gradients, rate=0.01, decay=0.0)
    assert float(bias.numpy()[0]) == pytest.approx(expected, rel=1e-5)


def test_with_bias_correction_the_update_is_that_of_keras() -> None:
    ours, theirs = keras.Variable([1.5, -2.0]), keras.Variable([1.5, -2.0])
    settings = {"epsilon": 1e-8, "beta_1": 0.9}
    pairs = (
        (AdamW(0.01, decay=0.125, **settings), ours),
        (keras.optimizers.AdamW(0.01, weight_decay=0.125, **settings), theirs),
    )
    for optimizer, variable in pairs:
        optimizer.build([variable])
        for gradient in ([0.5, 1.0], [-2.0, 0.1], [0.25, 0.0]):
            optimizer.apply([keras.ops.array(gradient)], [variable])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_the_optimizer_keeps_its_settings() -> None:
    made = AdamW(0.5, decay=0.1, rates={"a/kernel": 0.3}, bias_correction=False)
    again = AdamW.from_config(made.get_config())
    assert again.get_config() == made.get_config()


def test_rates_fall_from_the_head_to_the_embeddings() -> None:
    model = small_tagger(num_layers=2)
    rates = layerwise_rates(model, 0.5)
    assert set(rates) == {weight.path for weight in model.trainable_variables}
    assert len(rates) == len(model.trainable_variables)
    encoder = model.encoder
    expected = [
        (model.classifier, 1.0),
        (encoder.blocks[1], 0.25),
        (encoder.blocks[0], 0.125),
        (encoder.embedding_projection, 0.0625),
        (encoder.embeddings, 0.0625),
    ]
    for layer, share in expected:
        assert {rates[weight.path] for weight in layer.trainable_variables} == {share}


def test_an_encoder_without_layers_has_no_rates_by_layer() -> None:
    model = keras.Sequential([keras.layers.Dense(1)])
    model.encoder = keras.layers.Dense(2)
    with pytest.raises(ConfigError, match="Received: encoder=Dense"):
        layerwise_rates(model, 0.5)
