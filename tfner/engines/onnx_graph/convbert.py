"""The operators of ConvBERT's encoder."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tfner.engines.onnx_graph.bert import (
    Inputs,
    attended,
    by_head,
    embed,
    projected,
    read_windows,
    scores_of,
    transform,
)
from tfner.engines.onnx_graph.graph import Tensor, joined
from tfner.engines.onnx_graph.layers import dense, values_of
from tfner.engines.onnx_graph.relative import neighbours


def encode(encoder: Any, inputs: Inputs) -> Tensor:
    """Vectors (B, S, H) of pieces, by a `tfner.models.encoders.convbert` encoder."""
    positions, bias = read_windows(inputs.mask)
    rows = embed(encoder, inputs, positions)
    for block in encoder.blocks:
        context = _attend(block, rows, bias, inputs.mask)
        rows = transform(block, rows, context, linear=_grouped)
    return rows


def _grouped(layer: Any, rows: Tensor) -> Tensor:
    """A dense layer, or one of groups that do not mix, without its activation.

    The kernel of groups is written with zeros between them: one product is faster than
    many small ones.
    """
    groups = getattr(layer, "groups", 1)
    if groups == 1:
        return dense(layer, rows)
    kernel = values_of(layer.kernel)  # (O / G, I / G, G)
    outputs, inputs, _ = kernel.shape
    whole = np.zeros((groups, inputs, groups, outputs), np.float32)
    for group in range(groups):
        whole[group, :, group] = kernel[:, :, group].T
    flat = whole.reshape(groups * inputs, groups * outputs)
    return rows @ flat + values_of(layer.bias)


def _attend(block: Any, rows: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """Half of the numbers by attention, half by convolution: (B, S, H)."""
    heads, size = block.num_heads, block.head_size
    query, key, value = projected(block.query_key_value, rows, rows, rows)
    scores = scores_of(block, by_head(query, heads, size), by_head(key, heads, size))
    found = attended(scores + bias, by_head(value, heads, size))
    return joined(found, _convolve(block, rows, query, mask), axis=2)


def _convolve(block: Any, rows: Tensor, query: Tensor, mask: Tensor) -> Tensor:
    """Sums over the pieces around each, by weights that depend on it: (B, S, H / 2)."""
    heads, size, width = block.num_heads, block.head_size, block.kernel_size
    depthwise = values_of(block.depthwise)[:, 0]  # (H, K)
    parts = neighbours(rows, mask, width)
    mixed = reduce(add, (p * depthwise[:, n] for n, p in enumerate(parts)))
    pointwise, shift = values_of(block.pointwise)[:, :, 0].T, values_of(block.shift)
    key = mixed @ pointwise + shift[:, 0]
    kernels = dense(block.convolution_kernel, key * query)
    kernels = kernels.reshape(0, 0, heads, width).softmax()
    values = neighbours(dense(block.convolution_value, rows), mask, width)
    found = reduce(
        add,
        (
            part.reshape(0, 0, heads, size) * kernels.cut(3, n, n + 1)
            for n, part in enumerate(values)
        ),
    )
    return found.reshape(0, 0, heads * size)
