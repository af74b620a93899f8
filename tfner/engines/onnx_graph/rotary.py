"""The operators of encoders that turn queries and keys by their positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfner.engines.onnx_graph.bert import (
    Inputs,
    attended,
    by_head,
    embed,
    heads_of,
    projected,
    read_windows,
)
from tfner.engines.onnx_graph.graph import FLOAT, Tensor, joined, up_to
from tfner.engines.onnx_graph.layers import activation, dense, norm
from tfner.models.encoders.windows import MASKED

Turns = tuple[Tensor, Tensor]


def encode(encoder: Any, inputs: Inputs) -> Tensor:
    """Vectors (B, S, H) of pieces, by a `tfner.models.encoders.rotary` encoder."""
    positions, bias = read_windows(inputs.mask)
    rows = embed(encoder, inputs, positions)
    size = encoder.hidden_size // encoder.num_heads
    everywhere = local = (bias, _turns(positions, size, encoder.theta))
    if encoder.local_layers:
        turns = _turns(positions, size, encoder.local_theta)
        local = (_nearby(bias, encoder.local_reach), turns)
    for number, block in enumerate(encoder.blocks):
        scope = local if number in encoder.local_layers else everywhere
        rows = _transform(block, rows, *scope)
    return norm(encoder.final_norm, rows)


def _turns(positions: Tensor, size: int, theta: float) -> Turns:
    """Cosines and sines (B, 1, S, D / 2) of positions (B, S).

    The rates are those of `tfner.models.encoders.rotary_layer.turns_of`.
    """
    powers = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    rates = (1 / np.power(np.float32(theta), powers)).astype(np.float32)
    angles = (positions.cast(FLOAT).expand(2) * rates).expand(1)
    return angles.graph.op("Cos", angles), angles.graph.op("Sin", angles)


def _nearby(bias: Tensor, reach: int) -> Tensor:
    """The bias of local attention: very low beyond some pieces to either side."""
    index = up_to(bias.size(3))
    far = bias.graph.op("Abs", index.expand(1) - index) > reach
    return far.where(MASKED, bias)


def _transform(block: Any, rows: Tensor, bias: Tensor, turns: Turns) -> Tensor:
    """Vectors (B, S, H) behind a `RotaryLayer`."""

    def feed(rows: Tensor) -> Tensor:
        gate, value = projected(block.intermediate, rows, rows)
        gate = activation(block.settings["activation"])(gate)
        return dense(block.output_dense, gate * value)

    if block.norm_first:
        first = norm(block.attention_norm, rows)
        rows = rows + _attend(block, first, bias, turns)
        return rows + feed(norm(block.output_norm, rows))
    rows = norm(block.attention_norm, rows + _attend(block, rows, bias, turns))
    return norm(block.output_norm, rows + feed(rows))


def _attend(block: Any, rows: Tensor, bias: Tensor, turns: Turns) -> Tensor:
    query, key, value = _heads(block, rows)
    query = _turned(query, turns) * float(block.head_size**-0.5)
    scores = query @ _turned(key, turns).transpose(0, 1, 3, 2)
    return dense(block.attention_output, attended(scores + bias, value))


def _heads(block: Any, rows: Tensor) -> list[Tensor]:
    """Queries, keys and values (B, A, S, D); several heads may share the latter."""
    if block.query_key_value is not None:
        return heads_of(block, rows)
    size, shared = block.head_size, block.num_key_value_heads
    query = by_head(dense(block.query, rows), block.num_heads, size)
    times = np.repeat(np.arange(shared, dtype=np.int32), block.num_heads // shared)
    pairs = [
        rows.graph.op("Gather", by_head(part, shared, size), times, axis=1)
        for part in projected(block.key_value, rows, rows)
    ]
    return [query, *pairs]


def _turned(heads: Tensor, turns: Turns) -> Tensor:
    """Queries or keys (B, A, S, D) turned by their positions."""
    cosines, sines = turns
    parts = heads.reshape(0, 0, 0, 2, -1)
    first, second = (heads.graph.op("Gather", parts, n, axis=3) for n in range(2))
    return joined(
        first * cosines - second * sines, second * cosines + first * sines, axis=3
    )
