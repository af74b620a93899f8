"""The operators of a span extractor: starts, ends, and the pairs of both."""

from __future__ import annotations

from typing import Any

from tfner.engines.onnx_graph.bert import Inputs
from tfner.engines.onnx_graph.graph import INT32, INT64, Output, Tensor, joined, up_to
from tfner.engines.onnx_graph.layers import dense, gelu, values_of
from tfner.models.heads.span_extractor import logit


def extract(model: Any, inputs: Inputs, rows: Tensor) -> dict[str, Output]:
    """The outputs of `SpanExtractor.predictions`.

    Only the pairs of a likely start and a likely end are scored, all at once.

    Args:
        model: a `tfner.models.heads.span_extractor.SpanExtractor`.
        inputs: of its encoder.
        rows: (B, S, H), vectors of pieces.
    """
    borders = dense(model.borders, rows)  # (B, S, 2)
    start, end = (borders.cut(2, n, n + 1).reshape(0, -1) for n in range(2))
    places, match = _pairs(model, inputs, rows, start, end)
    chosen = match > logit(model.span_threshold)
    spans = _compress(places, chosen)  # (N, 3)
    row, first, last = (spans.cut(1, n, n + 1).reshape(-1) for n in range(3))
    scores = [
        _at(start, row, first),
        _at(end, row, last),
        _compress(match, chosen),
    ]
    logs = [_log_sigmoid(values) for values in scores]
    mean = (logs[0] + logs[1] + logs[2]) / 3.0
    pieces, found = ("B", "S"), ("N",)
    return {
        "start_probs": Output(_sigmoid(start), pieces),
        "end_probs": Output(_sigmoid(end), pieces),
        "spans": Output(spans, ("N", 3), INT32),
        "match_probs": Output(_sigmoid(scores[2]), found),
        "scores": Output(mean.graph.op("Exp", mean), found),
    }


def _pairs(
    model: Any, inputs: Inputs, rows: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """The candidates (C, 3), row, first and last piece, and their scores (C,).

    Args:
        model: see `extract`.
        inputs: see `extract`.
        rows: see `extract`.
        start: (B, S) scores.
        end: (B, S) scores.
    """
    firsts = start > logit(model.start_threshold)
    lasts = end > logit(model.end_threshold)
    candidates = _within(inputs) & (firsts.expand(2) & lasts.expand(1))
    places = rows.graph.op("NonZero", candidates).cast(INT32).transpose(1, 0)
    row, first, last = (places.cut(1, n, n + 1).reshape(-1) for n in range(3))
    pairs = model.pairs
    begins = rows @ values_of(pairs.first_kernel) + values_of(pairs.bias)
    ends = rows @ values_of(pairs.last_kernel)
    hidden = gelu(_at(begins, row, first) + _at(ends, row, last))  # (C, D)
    kernel = values_of(pairs.output_kernel).reshape(-1, 1)
    scores = (hidden @ kernel).reshape(-1) + values_of(pairs.output_bias)
    return places, scores


def _within(inputs: Inputs) -> Tensor:
    """Booleans (B, S, S): pairs of pieces in the context of one window, in order."""
    window = inputs.types.equal(1).where(inputs.mask, 0)
    same = window.expand(2).equal(window.expand(1))
    index = up_to(window.size(1))
    ordered = (index.expand(0) + 1) > index.expand(1)
    return same & ordered & (window > 0).expand(2)


def _at(values: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """The entries (C, …) of (B, S, …) at rows and places (C,)."""
    places = joined(row.expand(1), place.expand(1), axis=1).cast(INT64)
    return values.graph.op("GatherND", values, places)


def _compress(values: Tensor, chosen: Tensor) -> Tensor:
    """The entries of the first axis that are chosen."""
    places = values.graph.op("NonZero", chosen)  # (1, N)
    return values.take(places.reshape(-1))


def _sigmoid(scores: Tensor) -> Tensor:
    return scores.graph.op("Sigmoid", scores)


def _log_sigmoid(scores: Tensor) -> Tensor:
    """Exact also for scores far below 0."""
    negative = scores.graph.op("Neg", scores)
    soft = scores.graph.op("Softplus", negative)
    return soft.graph.op("Neg", soft)
