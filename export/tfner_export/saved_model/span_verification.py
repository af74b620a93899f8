"""Proof that a written SavedModel finds the spans that its Keras model finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    TOKEN_TYPE_IDS,
    to_wire,
)
from tfner_export.saved_model.signatures import SERVING
from tfner_export.saved_model.span_signatures import SPANS
from tfner_export.saved_model.verification import (
    BATCHES,
    LOADERS,
    TOLERANCE,
    Features,
    check_difference,
    joined_rows,
    text_batches,
)

if TYPE_CHECKING:
    import keras

    from tfner.tokenization import Tokenizer
    from tfner_export.exporter import Source


def compare_spans(saved_model: Path, source: Source) -> float:
    """The largest difference from the Keras model's probabilities and scores.

    Run are random batches of several sizes and lengths, and the self-test's texts, by
    the loader of servers and by that of Python.

    Args:
        saved_model: holds `saved_model.pb`.
        source: the model that was exported, its texts and the length of a row.

    Raises:
        ExportError: it is not below 1e-5, or a span differs.
    """
    tokenizer, length = source.bundle.task.tokenizer, source.serving.max_length
    batches = [
        *random_span_batches(tokenizer, length),
        *text_batches(source.bundle, length),
    ]
    expected = [_keras_outputs(source.model, features) for features in batches]
    wired = [to_wire(features) for features in batches]
    worst = 0.0
    for loader, run in LOADERS.items():
        probs, spans = (run(saved_model, wired, name) for name in (SERVING, SPANS))
        for outputs, *served in zip(expected, probs, spans, strict=True):
            difference = _difference(outputs, *served)
            check_difference(difference, loader=loader, rows=len(served[0]))
            worst = max(worst, difference)
    return worst


def _difference(
    expected: Mapping[str, Any], probs: Mapping[str, Any], spans: Mapping[str, Any]
) -> float:
    """Largest difference; infinite if shapes differ, or a span that is no tie."""
    worst = 0.0
    for name in ("start_probs", "end_probs"):
        columns = expected[name].shape[1]
        if probs[name].shape[1] < columns:
            return float("inf")
        error = np.abs(probs[name][:, :columns] - expected[name])
        worst = max(worst, float(error.max(initial=0)))
    places = np.stack([spans[n] for n in ("rows", "starts", "ends")], axis=1)  # (N, 3)
    served = _scores_by_span(places, spans["scores"])
    local = _scores_by_span(expected["spans"], expected["scores"])
    # Where a probability lies at its threshold, the span may be there or not.
    margins = expected["margins"]
    if any(margins[span] > TOLERANCE for span in served.keys() ^ local.keys()):
        return float("inf")
    both = served.keys() & local.keys()
    return max([worst, *(abs(served[span] - local[span]) for span in both)])


def _scores_by_span(places: Any, scores: Any) -> dict[tuple[int, ...], float]:
    """Scores (N,) of spans (N, 3): row, first and last piece."""
    return dict(zip(map(tuple, places.tolist()), scores.tolist(), strict=True))


def _keras_outputs(model: keras.Model, features: Features) -> dict[str, Any]:
    """Predictions of the Keras model, run at the batch's own length.

    Beside them `margins`: how far the least certain of a pair's three probabilities is
    from its threshold (B, S, S); of a pair that was not scored, that of its boundaries.
    """
    length = int(np.flatnonzero(features[ATTENTION_MASK.name].any(0)).max()) + 1
    inputs = {name: tf.constant(array[:, :length]) for name, array in features.items()}
    logits = model(inputs, training=False)
    outputs = {name: v.numpy() for name, v in model.predictions(logits).items()}
    start, end = (
        np.abs(outputs[f"{name}_probs"] - getattr(model, f"{name}_threshold"))
        for name in ("start", "end")
    )
    match = np.abs(tf.sigmoid(logits["match"]) - model.span_threshold)
    match = np.where(logits["candidates"], match, 1.0)
    margins = np.minimum(np.minimum(start[:, :, None], end[:, None]), match)
    context = (inputs[TOKEN_TYPE_IDS.name] == 1) & (inputs[ATTENTION_MASK.name] > 0)
    shown = {
        name: np.where(context, outputs[name], 0.0)
        for name in ("start_probs", "end_probs")
    }
    return {**outputs, **shown, "margins": margins}


def known_span_rows(source: Source) -> Features:
    """A row of full length and three shorter ones, (4, max_length) each."""
    tokenizer, length = source.bundle.task.tokenizer, source.serving.max_length
    return joined_rows(random_span_batches(tokenizer, length))


def random_span_batches(tokenizer: Tokenizer, max_length: int) -> Iterator[Features]:
    """Rows of random pieces, a fifth of them queries."""
    random = np.random.default_rng(0)
    for size, part in BATCHES:
        longest = min(max_length, max(max_length // part, 8))
        lengths = random.integers(min(4, longest), longest + 1, size)
        lengths[0] = longest
        position = np.arange(max_length)
        is_piece = position < lengths[:, None]
        ids = random.integers(0, tokenizer.vocab_size, is_piece.shape)
        in_context = is_piece & (position >= lengths[:, None] // 5)
        values = (np.where(is_piece, ids, tokenizer.pad_id), is_piece, in_context)
        names = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
        yield {
            feature.name: array.astype(np.int32)
            for feature, array in zip(names, values, strict=True)
        }
