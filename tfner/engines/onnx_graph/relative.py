"""The operators of encoders that add to attention what they learn of distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfner.engines.onnx_graph.bert import (
    Inputs,
    attended,
    embed,
    heads_of,
    read_windows,
    run,
    transform,
)
from tfner.engines.onnx_graph.graph import Tensor, joined, up_to
from tfner.engines.onnx_graph.layers import activation, norm, values_of
from tfner.models.encoders.deberta import distance_buckets
from tfner.models.encoders.mpnet import position_buckets


def encode_mpnet(encoder: Any, inputs: Inputs) -> Tensor:
    """Vectors (B, S, H) of pieces, by a `tfner.models.encoders.mpnet` encoder."""
    positions, bias = read_windows(inputs.mask)
    graph, table = inputs.ids.graph, values_of(encoder.relative_bias.embeddings)
    by_distance = graph.constant(table[position_buckets()], "relative_bias")
    index = up_to(inputs.ids.size(1))
    apart = _clipped(index.expand(0) - index.expand(1), len(position_buckets()))
    learnt = by_distance.take(apart).transpose(2, 0, 1).expand(0)  # (1, A, S, S)
    return run(encoder, embed(encoder, inputs, positions), bias + learnt)


def encode_deberta(encoder: Any, inputs: Inputs) -> Tensor:
    """Vectors (B, S, H) of pieces, by a `tfner.models.encoders.deberta` encoder."""
    positions, bias = read_windows(inputs.mask)
    rows = embedded = embed(encoder, inputs, positions)
    buckets = _buckets(encoder, inputs.ids.size(1))
    learnt = _distances(encoder)
    for number, block in enumerate(encoder.blocks):
        query, key, value = heads_of(block, rows)
        scores = _disentangled(block, query, key, learnt, buckets)
        rows = transform(block, rows, attended(scores + bias, value))
        if number == 0 and encoder.first_convolution is not None:
            rows = _convolved(encoder.first_convolution, embedded, rows, inputs.mask)
    return rows


def _clipped(distances: Tensor, count: int) -> Tensor:
    """Places in a table for the distances -count // 2 to count // 2."""
    graph, reach = distances.graph, count // 2
    return graph.op("Clip", distances, -reach, reach) + reach


def _buckets(encoder: Any, length: Tensor) -> tuple[Tensor, Tensor]:
    """The buckets (2 S - 1,) of the distances from -(S - 1) to S - 1, and back."""
    table = distance_buckets(encoder.buckets, encoder.farthest)
    rising = up_to(length * 2 - 1) - (length - 1)
    falling = (length - 1) - up_to(length * 2 - 1)
    constant = length.graph.constant(table, "buckets")
    forth, back = (constant.take(_clipped(d, len(table))) for d in (rising, falling))
    return forth, back


def _distances(encoder: Any) -> np.ndarray:
    """The vectors (R, H) of distances, which depend on weights alone."""
    from keras import ops

    learnt = encoder.distances.embeddings
    if encoder.distances_norm is not None:
        learnt = encoder.distances_norm(ops.convert_to_tensor(learnt))
    return values_of(learnt)


def _disentangled(
    block: Any,
    query: Tensor,
    key: Tensor,
    learnt: np.ndarray,
    buckets: tuple[Tensor, Tensor],
) -> Tensor:
    """Attention scores (B, A, S, S) of what pieces say and how far apart they are.

    Args:
        block: a `DisentangledLayer`.
        query: (B, A, S, D).
        key: (B, A, S, D).
        learnt: (R, H).
        buckets: from `_buckets`.
    """
    graph = query.graph
    scale = float((block.head_size * (1 + len(block.terms))) ** -0.5)
    query = query * scale
    scores = query @ key.transpose(0, 1, 3, 2)
    of_query, of_key = block.projected(learnt)  # (A, R, D) each, constants

    def near(table: Any, places: Tensor) -> Tensor:  # (A, D, 2 S - 1)
        rows = graph.constant(values_of(table), "distances")
        return graph.op("Gather", rows, places, axis=1).transpose(0, 2, 1)

    forth, back = buckets

    if of_key is not None:
        scores = scores + _pairs(query @ near(of_key, back))
    if of_query is not None:
        scores = scores + _pairs(key @ near(of_query * scale, forth)).transpose(
            0, 1, 3, 2
        )
    return scores


def _pairs(scores: Tensor) -> Tensor:
    """Scores (B, A, S, 2 S - 1) of distances as scores of pairs, without a gather.

    See `tfner.models.encoders.windows.pairs_of_distances`.
    """
    length = scores.size(2)
    width = length * 2 - 1
    flat = scores.pad(3, 0, 1, axes=4).reshape(0, 0, -1)
    flat = flat.cut(2, length - 1, length - 1 + length * width)
    return flat.reshape(0, 0, length, width).cut(3, 0, length)


def neighbours(rows: Tensor, mask: Tensor, width: int) -> list[Tensor]:
    """Each piece's neighbours in its window, from the left to the right: (B, S, H).

    Args:
        rows: (B, S, H).
        mask: (B, S), numbers of windows.
        width: odd number of neighbours, the piece itself among them.
    """
    half, length = width // 2, mask.size(1)
    wide, windows = rows.pad(1, half, half, axes=3), mask.pad(1, half, half, axes=2)
    found = []
    for start in range(width):
        end = length + start
        same = windows.cut(1, start, end).equal(mask) & (mask > 0)
        found.append(same.expand(2).where(wide.cut(1, start, end), 0.0))
    return found


def _convolved(layer: Any, rows: Tensor, first: Tensor, mask: Tensor) -> Tensor:
    """The first layer's output with what the embeddings around a piece say."""
    size, width, _ = layer.kernel.shape
    kernel = values_of(layer.kernel).reshape(size * width, width)
    around = joined(*neighbours(rows, mask, size), axis=2)
    found = around @ kernel + values_of(layer.bias)
    return norm(layer.norm, first + activation(layer.settings["activation"])(found))
