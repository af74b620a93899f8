"""Does a written SavedModel answer as its Keras model does?"""

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
from tfner.errors import ExportError
from tfner_export.saved_model.signatures import SERVING
from tfner_export.saved_model.span_signatures import SPANS
from tfner_export.saved_model.verification import (
    BATCHES,
    TOLERANCE,
    Features,
    run_in_python,
    run_in_session,
    text_batches,
)

if TYPE_CHECKING:
    import keras

    from tfner.inference.bundle import Bundle
    from tfner.inference.external import ForeignBundle


def compare_answers(
    saved_model: Path,
    bundle: Bundle | ForeignBundle,
    model: keras.Model,
    *,
    max_length: int,
) -> float:
    """The largest difference from the Keras model's probabilities and scores.

    Run are random batches of several sizes and lengths, and the self-test's texts, by
    the loader of servers and by that of Python.

    Args:
        saved_model: holds `saved_model.pb`.
        bundle: gives tokenizer and texts.
        model: what was exported.
        max_length: pieces of a row in the signature.

    Raises:
        ExportError: it is not below 1e-5, or an answer differs.
    """
    batches = [*_random_batches(bundle, max_length), *text_batches(bundle, max_length)]
    expected = [_keras_outputs(model, features) for features in batches]
    wired = [to_wire(features) for features in batches]
    worst = 0.0
    for loader, run in (("session", run_in_session), ("Python", run_in_python)):
        probs, spans = (run(saved_model, wired, name) for name in (SERVING, SPANS))
        for wanted, *found in zip(expected, probs, spans, strict=True):
            difference = _difference(wanted, *found)
            worst = max(worst, difference)
            if not difference < TOLERANCE:
                raise ExportError(
                    f"the export was not published: loaded by the {loader} loader it "
                    f"differs from the Keras model by {difference:.2g} in a batch of "
                    f"{len(wanted['start_probs'])}; {TOLERANCE:g} is allowed."
                )
    return worst


def _difference(
    wanted: Mapping[str, Any], probs: Mapping[str, Any], spans: Mapping[str, Any]
) -> float:
    """Largest difference; infinite if shapes differ, or an answer that is no tie."""
    worst = 0.0
    for name in ("start_probs", "end_probs"):
        if probs[name].shape[1] < wanted[name].shape[1]:
            return float("inf")
        part = probs[name][:, : wanted[name].shape[1]]
        worst = max(worst, float(np.abs(part - wanted[name]).max(initial=0)))
    places = np.stack([spans[n] for n in ("rows", "starts", "ends")], axis=1).tolist()
    found = dict(zip(map(tuple, places), spans["scores"].tolist(), strict=True))
    right = dict(
        zip(map(tuple, wanted["spans"].tolist()), wanted["scores"], strict=True)
    )
    # Where a probability lies at its threshold, either may be answered.
    margins = wanted["margins"]
    if any(margins[span] > TOLERANCE for span in found.keys() ^ right.keys()):
        return float("inf")
    both = found.keys() & right.keys()
    return max([worst, *(abs(float(found[s]) - float(right[s])) for s in both)])


def _keras_outputs(model: keras.Model, features: Features) -> dict[str, Any]:
    """Predictions of the Keras model, run at the batch's own length.

    Beside them `margins`: how far the least certain of a pair's three probabilities is
    from its threshold (B, S, S); of a pair that was not asked for, that of its borders.
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
    match = np.where(logits["asked"], match, 1.0)
    margins = np.minimum(np.minimum(start[:, :, None], end[:, None]), match)
    context = (inputs[TOKEN_TYPE_IDS.name] == 1) & (inputs[ATTENTION_MASK.name] > 0)
    shown = {
        name: np.where(context, outputs[name], 0.0)
        for name in ("start_probs", "end_probs")
    }
    return {**outputs, **shown, "margins": margins}


def _random_batches(
    bundle: Bundle | ForeignBundle, max_length: int
) -> Iterator[Features]:
    """Rows of random pieces, a fifth of them queries."""
    random = np.random.default_rng(0)
    tokenizer = bundle.task.tokenizer
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
