"""The operators of BERT's encoder, and of all that are built as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfner.engines.onnx_graph.graph import Graph, Tensor, up_to
from tfner.engines.onnx_graph.layers import activation, dense, norm, values_of
from tfner.models.encoders.windows import MASKED


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of an encoder.

    Args:
        ids: (B, S) int32.
        mask: (B, S) int32: 0 padding, 1, 2, … the window.
        types: (B, S) int32, segments; 0 for an encoder of a single one.
        read: (B, W) int32, the places of the pieces that alone are read; None where
            all are.
    """

    ids: Tensor
    mask: Tensor
    types: Tensor
    read: Tensor | None = None


def read_windows(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (B, S) within windows, and the bias (B, 1, S, S) of attention.

    They are as `tfner.models.encoders.windows.read_windows` makes them.
    """
    graph, length = mask.graph, mask.size(1)
    index, real = up_to(length), mask > 0
    same = mask.expand(2).equal(mask.expand(1))  # (B, S, S)
    starts = same.where(index, length)
    first = graph.op("ReduceMin", starts, np.array([2], np.int64), keepdims=0)
    positions = real.where(index - first, 0)
    bias = (same & real.expand(1)).where(0.0, MASKED)
    return positions, bias.expand(1)


def encode(encoder: Any, inputs: Inputs) -> Tensor:
    """Vectors (B, S, H) of pieces, by a `tfner.models.encoders.Encoder`.

    Of the pieces that are read, (B, W, H), where not all are.
    """
    positions, bias = read_windows(inputs.mask)
    return run(encoder, embed(encoder, inputs, positions), bias, read=inputs.read)


def run(
    encoder: Any, rows: Tensor, bias: Tensor, *, read: Tensor | None = None
) -> Tensor:
    """Vectors (B, S, H) behind all layers, in the order in which they are run.

    Args:
        encoder: see `embed`.
        rows: (B, S, H) before them.
        bias: (B, 1 or A, S, S), added to attention scores.
        read: (B, W), the places whose vectors are wanted, of a bias (B, 1, S, S); the
            last layer asks for these alone, and all W of them are given.
    """
    *blocks, last = encoder.order()
    for block in blocks:
        rows = _layer(block, rows, rows, bias)
    if read is None:
        return _layer(last, rows, rows, bias)
    own = pieces_at(bias.reshape(0, -1, bias.size(3)), read).expand(1)
    return _layer(last, pieces_at(rows, read), rows, own)


def _layer(block: Any, asking: Tensor, rows: Tensor, bias: Tensor) -> Tensor:
    """Vectors (B, W, H) behind a layer, of those that ask (B, W, H) all of the rows."""
    query, key, value = heads_of(block, rows, asking=asking)
    context = attended(scores_of(block, query, key) + bias, value)
    return transform(block, asking, context)


def pieces_at(rows: Tensor, places: Tensor) -> Tensor:
    """The vectors (B, W, H) of rows (B, S, H) at places (B, W)."""
    starts = up_to(places.size(0)) * rows.size(1)  # of rows that are put end to end
    flat = rows.reshape(-1, rows.size(2))
    return flat.take(places + starts.expand(1))


def embed(encoder: Any, inputs: Inputs, positions: Tensor) -> Tensor:
    """Vectors (B, S, H) of pieces, positions and segments, normalised.

    Args:
        encoder: a `tfner.models.encoders.Encoder`.
        inputs: of the encoder.
        positions: (B, S) int32, within windows.
    """
    graph, layer = inputs.ids.graph, encoder.embeddings
    rows = table(graph, layer.pieces).take(inputs.ids)
    if layer.positions is not None:
        unused = getattr(encoder, "position_offset", 0)
        rows = rows + table(graph, layer.positions, unused).take(positions)
    if layer.types is not None:
        rows = rows + table(graph, layer.types).take(inputs.types)
    rows = norm(layer.norm, rows)
    projection = encoder.embedding_projection
    return rows if projection is None else dense(projection, rows)


def table(graph: Graph, layer: Any, unused: int = 0) -> Tensor:
    """The rows of a `keras.layers.Embedding`, without unused ones at its start.

    Args:
        graph: that gets them.
        layer: the table.
        unused: rows at its start that are left out.
    """
    return graph.constant(values_of(layer.embeddings)[unused:], layer.path)


def transform(
    block: Any,
    rows: Tensor,
    context: Tensor,
    linear: Callable[[Any, Tensor], Tensor] = dense,
) -> Tensor:
    """Vectors (B, W, H) behind a `tfner.models.encoders.transformer` layer.

    Args:
        block: a `TransformerLayer`.
        rows: (B, W, H) before it, of the pieces that ask.
        context: (B, W, H), what its attention has found.
        linear: computes the two dense layers behind attention.
    """
    rows = norm(block.attention_norm, rows + dense(block.attention_output, context))
    inner = activation(block.settings["activation"])(linear(block.intermediate, rows))
    return norm(block.output_norm, rows + linear(block.output_dense, inner))


def heads_of(block: Any, rows: Tensor, *, asking: Tensor | None = None) -> list[Tensor]:
    """Queries (B, A, W, D), keys and values (B, A, S, D), by products of their own.

    Engines look for three products, and are no slower by them.

    Args:
        block: a `TransformerLayer`.
        rows: (B, S, H).
        asking: (B, W, H), those that ask; all of the rows if None.
    """
    parts = projected(block.query_key_value, asking or rows, rows, rows)
    return [by_head(part, block.num_heads, block.head_size) for part in parts]


def scores_of(block: Any, query: Tensor, key: Tensor) -> Tensor:
    """Attention scores (B, A, W, S), without bias; see `heads_of`."""
    return (query * float(block.head_size**-0.5)) @ key.transpose(0, 1, 3, 2)


def attended(scores: Tensor, value: Tensor) -> Tensor:
    """Values (B, A, S, D) weighted by attention, all heads side by side: (B, W, A * D).

    Scores of pieces that are not to be attended to are very low.
    """
    context = (scores.softmax() @ value).transpose(0, 2, 1, 3)
    return context.reshape(0, 0, -1)


def projected(layer: Any, *inputs: Tensor) -> list[Tensor]:
    """The parts of a dense layer's output, each by a product of its own.

    Args:
        layer: a `keras.layers.Dense`.
        *inputs: (…, I), of each part; the parts are of equal width.
    """
    graph, path, parts = inputs[0].graph, layer.path, len(inputs)
    kernels = np.split(values_of(layer.kernel), parts, axis=1)
    biases = [] if layer.bias is None else np.split(values_of(layer.bias), parts)
    found = [
        rows @ graph.constant(kernel, f"{path}/kernel")
        for rows, kernel in zip(inputs, kernels, strict=True)
    ]
    if layer.bias is None:
        return found
    return [
        product + graph.constant(bias, f"{path}/bias")
        for product, bias in zip(found, biases, strict=True)
    ]


def by_head(rows: Tensor, heads: int, size: int) -> Tensor:
    """Vectors (B, S, A * D) as (B, A, S, D).

    Args:
        rows: the vectors.
        heads: A.
        size: D.
    """
    return rows.reshape(0, 0, heads, size).transpose(0, 2, 1, 3)
