"""The model that a pretraining run asks for; Keras alone, for any backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfner.config.pretrain import PretrainConfig, PretrainOptimizerConfig
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.embeddings import sinusoids
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel
from tfner.models.pretraining.masking import Masking
from tfner.training.optimizers import AdamW, adamw

DRAWS = 4
"""Numbers between two steps' seeds: a layer that two encoders share draws twice."""

EMBEDDING_RANGE = 0.02
"""Largest standard deviation of new embeddings."""


def make_model(
    config: PretrainConfig, *, vocab_size: int, mask_id: int, special_ids: Sequence[int]
) -> Electra | MaskedLanguageModel:
    """A new model with its weights, the same ones for the same seed.

    Args:
        config: sizes and objective.
        vocab_size: V.
        mask_id: of `[MASK]`.
        special_ids: pieces that are never hidden.
    """
    keras.utils.set_random_seed(config.optimizer.seed)
    electra = config.task.objective == "electra"
    masking = Masking(
        rate=config.task.mask_rate,
        mask_id=mask_id,
        special_ids=tuple(special_ids),
        vocab_size=vocab_size,
        masked=0.85 if electra else 0.8,
        random=0.0 if electra else 0.1,
    )
    encoder = new_encoder(config, vocab_size)
    model = (
        _with_generator(encoder, config, masking)
        if electra
        else MaskedLanguageModel(encoder, masking, name="mlm")
    )
    model.build()
    _shrink(encoder.embeddings, config.model.initializer_range)
    if config.model.sinusoidal_positions:
        table = encoder.embeddings.positions.embeddings
        table.assign(EMBEDDING_RANGE * sinusoids(*table.shape))
    return model


def new_encoder(config: PretrainConfig, vocab_size: int) -> Encoder:
    """The encoder that is wanted, not yet built."""
    return Encoder(
        hidden_size=config.model.hidden_size,
        num_heads=config.model.num_heads,
        intermediate_size=config.model.intermediate_size,
        name="encoder",
        **_shared(config, vocab_size),
    )


def _shared(config: PretrainConfig, vocab_size: int) -> dict[str, Any]:
    """What an encoder has in common with its generator."""
    electra, sizes = config.task.objective == "electra", config.model
    return {
        "vocab_size": vocab_size,
        "embedding_size": sizes.embedding_size if electra else sizes.hidden_size,
        "num_layers": sizes.num_layers,
        "max_positions": sizes.max_positions,
        "activation": sizes.activation,
        "hidden_dropout": sizes.hidden_dropout,
        "attention_dropout": sizes.attention_dropout,
        "initializer_range": sizes.initializer_range,
        "family": "electra" if electra else "bert",
    }


def _shrink(embeddings: keras.layers.Layer, initializer_range: float) -> None:
    """Draw embeddings as from 0.02: they are normalised, so only learning notices.

    What is drawn larger stays longer what it was: steps are of the size of the rate.
    """
    share = min(1.0, EMBEDDING_RANGE / initializer_range)
    for weight in embeddings.trainable_variables:
        if len(weight.shape) == 2:  # tables; not the normalisation
            weight.assign(weight * share)


def _with_generator(
    encoder: Encoder, config: PretrainConfig, masking: Masking
) -> Electra:
    """ELECTRA around the wanted encoder.

    Source: google-research/electra run_pretraining.py (get_generator_config).
    """
    generator = Encoder(
        hidden_size=config.model.generator_width,
        num_heads=config.model.generator_heads,
        intermediate_size=4 * config.model.generator_width,
        embeddings=encoder.embeddings,
        name="generator_encoder",
        **_shared(config, encoder.vocab_size),
    )
    return Electra(
        MaskedLanguageModel(generator, masking, name="generator"),
        encoder,
        temperature=config.task.temperature,
        weight=config.task.discriminator_weight,
        name="electra",
    )


def make_optimizer(
    config: PretrainOptimizerConfig, model: Electra | MaskedLanguageModel | None = None
) -> AdamW:
    """ELECTRA's Adam, with warm-up and linear decay.

    Args:
        config: rates and lengths.
        model: whose discriminator may have a rate of its own; without one it has not.
    """
    return adamw(
        learning_rate=config.learning_rate,
        steps=config.steps,
        warmup_steps=config.rise,
        weight_decay=config.weight_decay,
        epsilon=config.adam_epsilon,
        bias_correction=config.bias_correction,
        rates=_rates(model, config.discriminator_rate),
    )


def _rates(
    model: Electra | MaskedLanguageModel | None, share: float
) -> dict[str, float] | None:
    """Path of each weight that the discriminator has for itself -> its share."""
    if share == 1 or not isinstance(model, Electra):
        return None
    shared = {weight.path for weight in model.generator.trainable_variables}
    paths = [weight.path for weight in model.trainable_variables]
    return {path: share for path in paths if path not in shared}
