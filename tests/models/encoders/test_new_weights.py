"""Weights that nobody gave: all different, as large as published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from tfner.models.encoders.bert import Encoder
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel
from tfner.models.pretraining.masking import Masking

MASKING = Masking(rate=0.15, mask_id=4, special_ids=(0, 2, 3, 4), vocab_size=60)


def encoder(**settings: Any) -> Encoder:
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_size": 48, "embedding_size": 16}
    return Encoder(vocab_size=60, intermediate_size=48, **{**sizes, **settings})


def electra() -> Electra:
    discriminator = encoder()
    generator = encoder(embeddings=discriminator.embeddings)
    return Electra(MaskedLanguageModel(generator, MASKING), discriminator)


@pytest.mark.parametrize(
    "make",
    [
        electra,
        lambda: SpanExtractor(encoder()),
        lambda: TokenClassifier(encoder(), 5, crf=True),
    ],
    ids=["electra", "span", "tagger"],
)
def test_no_two_matrices_begin_alike(make: Callable[[], keras.Model]) -> None:
    model = make()
    model.build()
    random = [w for w in model.trainable_variables if np.ptp(w.numpy()) > 0]
    begins = {tuple(weight.numpy().ravel()[:5]) for weight in random}
    assert len(begins) == len(random)


def test_heads_of_span_extraction_are_as_large_as_published() -> None:
    keras.utils.set_random_seed(0)
    model = SpanExtractor(encoder(hidden_size=256))
    model.build()
    for weight in (model.pairs.first_kernel, model.pairs.last_kernel):
        assert weight.numpy().std() == pytest.approx(0.02, rel=0.02)
    heads = (model.borders.kernel, model.pairs.output_kernel)
    values = np.concatenate([head.numpy().ravel() for head in heads])
    assert values.std() == pytest.approx(0.02, rel=0.1)
