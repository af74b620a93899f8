"""Span extraction: which pairs are scored, and its losses against plain formulas."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfner.models.encoders.bert import Encoder
from tfner.models.heads.span_extractor import CANDIDATES, SpanExtractor
from tfner.models.heads.span_losses import SpanLoss, match_labels

IGNORED = -100
# Two windows in a row: [CLS] q [SEP] a b ##b c [SEP] and [CLS] q [SEP] d e [SEP].
MASK = np.array([[1] * 8 + [2] * 6 + [0] * 2], np.int32)
TYPES = np.array([[0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]], np.int32)
FEATURES = {
    "input_ids": np.arange(16, dtype=np.int32)[None],
    "attention_mask": MASK,
    "token_type_ids": TYPES,
}
STARTS, ENDS = (np.full((1, 16), IGNORED, np.int32) for _ in range(2))
STARTS[0, [3, 4, 6, 11, 12]] = [1, 0, 1, 0, 1]
ENDS[0, [3, 5, 6, 11, 12]] = [1, 0, 1, 0, 1]
SPANS = np.full((1, 16, 2), IGNORED, np.int32)
SPANS[0, 3] = [0, 3]
SPANS[0, 12, 0] = 0
TARGETS = {"start_labels": STARTS, "end_labels": ENDS, "span_labels": SPANS}
LEARNING = {**FEATURES, "start_labels": STARTS, "end_labels": ENDS}


@pytest.fixture(scope="module")
def make_model() -> Any:
    def make(**settings: Any) -> SpanExtractor:
        keras.utils.set_random_seed(1)
        encoder = Encoder(
            vocab_size=20,
            hidden_size=8,
            num_layers=1,
            num_heads=2,
            intermediate_size=16,
            max_positions=16,
            initializer_range=0.5,
            hidden_dropout=0.0,
            attention_dropout=0.0,
        )
        model = SpanExtractor(encoder, dropout=0.0, **settings)
        model.build()
        model.borders.kernel.assign(np.random.default_rng(3).normal(size=(8, 2)))
        for weight in model.pairs.weights[:5]:
            weight.assign(np.random.default_rng(4).normal(size=weight.shape))
        return model

    return make


def arrays(outputs: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in outputs.items()}


def allowed() -> np.ndarray:
    """Pairs of a first and a last piece of words, in order, within one window."""
    pairs = (STARTS[0] >= 0)[:, None] & (ENDS[0] >= 0)[None]
    pairs &= np.triu(np.ones((16, 16), bool)) & (MASK[0][:, None] == MASK[0][None])
    return pairs


@pytest.mark.parametrize("candidates", CANDIDATES)
def test_training_scores_the_published_candidates(
    make_model: Any, candidates: str
) -> None:
    found = arrays(make_model(candidates=candidates)(LEARNING, training=True))
    gold = (STARTS[0] > 0)[:, None] & (ENDS[0] > 0)[None]
    predicted = (found["start"][0] > 0)[:, None] & (found["end"][0] > 0)[None]
    wanted = {
        "all": np.ones_like(gold),
        "gold": gold,
        "pred_and_gold": gold | predicted,
        "pred_gold_random": gold | predicted,
    }[candidates]
    scored, expected = found["candidates"][0], wanted & allowed()
    if candidates == "pred_gold_random":
        assert (scored >= expected).all()
        assert not (scored & ~allowed()).any()
    else:
        np.testing.assert_array_equal(scored, expected)
    assert (found["match"][0][scored] != 0).all()
    assert (found["match"][0][~scored] == 0).all()


def test_prediction_asks_for_pairs_of_predicted_borders_within_the_context(
    make_model: Any,
) -> None:
    model = make_model(start_threshold=0.4, end_threshold=0.3)
    found = arrays(model(FEATURES, training=False))
    chances = {n: 1 / (1 + np.exp(-found[n][0])) for n in ("start", "end")}
    expected = (chances["start"] > 0.4)[:, None] & (chances["end"] > 0.3)[None]
    context = (TYPES[0] == 1) & (MASK[0] > 0)
    expected &= context[:, None] & context[None] & np.triu(np.ones((16, 16), bool))
    expected &= MASK[0][:, None] == MASK[0][None]
    assert expected.any()
    np.testing.assert_array_equal(found["candidates"][0], expected)


def test_packed_windows_score_as_they_do_alone(make_model: Any) -> None:
    model = make_model(candidates="all")
    packed = arrays(model(LEARNING))
    for part in (slice(0, 8), slice(8, 14)):
        alone = {name: values[:, part] for name, values in LEARNING.items()}
        alone["attention_mask"] = np.ones_like(alone["attention_mask"])
        found = arrays(model(alone))
        assert np.abs(found["start"] - packed["start"][:, part]).max() < 1e-5
        assert np.abs(found["match"] - packed["match"][:, part, part]).max() < 1e-5
        assert found["candidates"].any()


def bce(logits: np.ndarray, gold: np.ndarray) -> np.ndarray:
    chance = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return -np.log(np.where(gold, chance, 1 - chance))


@pytest.mark.parametrize("candidates", ["all", "pred_and_gold", "gold"])
def test_the_loss_is_the_published_one(make_model: Any, candidates: str) -> None:
    outputs = make_model(candidates=candidates)(LEARNING, training=True)
    total, count = SpanLoss()(TARGETS, outputs)
    found = arrays(outputs)
    match = np.zeros((16, 16), bool)
    match[[3, 3, 12], [3, 6, 12]] = True
    start = bce(found["start"][0], STARTS[0] > 0)[STARTS[0] >= 0].mean()
    end = bce(found["end"][0], ENDS[0] > 0)[ENDS[0] >= 0].mean()
    pairs = bce(found["match"][0], match)[found["candidates"][0]].mean()
    expected = (start + end + 0.1 * pairs) / 2.1
    assert float(count) == 5
    assert float(total) / 5 == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(np.asarray(match_labels(SPANS))[0], match)


def test_dice_is_one_less_the_overlap(make_model: Any) -> None:
    outputs = make_model(candidates="all")(LEARNING, training=True)
    total, count = SpanLoss("dice", (1.0, 0.0, 0.0))(TARGETS, outputs)
    valid = STARTS[0] >= 0
    chance = 1 / (1 + np.exp(-np.asarray(outputs["start"])[0][valid]))
    gold = STARTS[0][valid] > 0
    expected = 1 - 2 * (chance * gold).sum() / (chance.sum() + gold.sum())
    assert float(total) / float(count) == pytest.approx(expected, rel=1e-5)


def test_predictions_are_the_positive_pairs_with_their_mean_probability(
    make_model: Any,
) -> None:
    model = make_model(start_threshold=0.1, end_threshold=0.1)
    model.pairs.output_bias.assign(4.0)
    outputs = model(FEATURES, training=False)
    found, logits = arrays(model.predictions(outputs)), arrays(outputs)
    positive = np.argwhere(logits["candidates"] & (logits["match"] > 0))
    assert len(positive) > 1
    np.testing.assert_array_equal(found["spans"], positive)
    for (row, first, last), score in zip(positive, found["scores"], strict=True):
        parts = (
            logits["start"][row, first],
            logits["end"][row, last],
            logits["match"][row, first, last],
        )
        chances = [1 / (1 + np.exp(-part)) for part in parts]
        assert score == pytest.approx(np.prod(chances) ** (1 / 3), rel=1e-4)


def test_a_model_is_made_again_from_its_config(make_model: Any) -> None:
    config = make_model(candidates="gold", span_threshold=0.7).get_config()
    again = SpanExtractor.from_config(config)
    assert (again.candidates, again.span_threshold) == ("gold", 0.7)
