"""The operators of what stands on an encoder: pooling, scores, neighbouring tags."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfner.engines.onnx_graph.graph import (
    BOOL,
    FLOAT,
    INT32,
    LAST,
    Tensor,
    joined,
    up_to,
)
from tfner.engines.onnx_graph.layers import activation, dense, norm, values_of
from tfner.models.heads.crf import RATE
from tfner.models.heads.pooling import OUTSIDE


def last_pieces(starts: Tensor, lengths: Tensor) -> Tensor:
    """The last piece (B, W) of every word, of where it begins and its pieces (B, W)."""
    more = lengths.graph.op("Max", lengths - 1, np.array(0, np.int32))
    return starts + more


def pool(layer: Any, rows: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """A vector (B, W, H) for every word, of all its pieces.

    Args:
        layer: a `tfner.models.heads.pooling.WordPooling`.
        rows: (B, S, H).
        starts: (B, W), where in its row each word begins.
        lengths: (B, W), its pieces.
    """
    after = up_to(rows.size(1)) - starts.expand(2)  # (B, W, S)
    inside = (after > -1) & (lengths.expand(2) > after)
    if layer.pool == "max":
        return _largest(rows, inside)
    scores: Any = 0.0
    if layer.score is not None:
        scores = dense(layer.score, rows).transpose(0, 2, 1)  # (B, 1, S)
    return inside.where(scores, OUTSIDE).softmax() @ rows


def _largest(rows: Tensor, inside: Tensor) -> Tensor:
    """The largest values (B, W, H) of the pieces inside (B, W, S); 0 without any."""
    graph, words = rows.graph, inside.size(1)
    numbers = (up_to(words) + 1).expand(1)
    word_of = _sum(inside.where(numbers, 0))  # (B, S); 0 of no word
    word_of = graph.op("Min", word_of, words)
    places = graph.op("Expand", word_of.expand(2), graph.op("Shape", rows))
    lowest = rows.cut(1, 0, 1) * 0.0 + float(np.finfo(np.float32).min)
    # (B, W + 1, H), a column for the pieces of no word.
    columns = joined(lowest, lowest.repeated(1, words, 1), axis=1)
    found = graph.op("ScatterElements", columns, places, rows, axis=1, reduction="max")
    return _any(inside).where(found.cut(1, 1, LAST), 0.0)


def _sum(numbers: Tensor) -> Tensor:
    return numbers.graph.op("ReduceSum", numbers, np.array([1]), keepdims=0)


def _any(booleans: Tensor) -> Tensor:
    """Booleans (B, W, 1) of booleans (B, W, S)."""
    numbers = booleans.cast(INT32)
    return numbers.graph.op("ReduceMax", numbers, np.array([2]), keepdims=1) > 0


def score(model: Any, words: Tensor) -> Tensor:
    """Scores (B, W, T) of tags, from the vectors (B, W, H) of words."""
    if model.head is not None:
        act = activation(model.head.settings["activation"])
        words = norm(model.head.norm, act(dense(model.head.dense, words)))
    return dense(model.classifier, words)


def with_neighbours(
    layer: Any, emissions: Tensor, mask: Tensor, positions: Tensor
) -> Tensor:
    """Scores (B, W, T) whose softmax are the probabilities of a CRF.

    Args:
        layer: a `tfner.models.heads.crf.CRF`.
        emissions: (B, W, T).
        mask: (B, S), the window of every piece.
        positions: (B, W), where in its row each word begins.
    """
    firsts, lasts = (ends.expand(2) for ends in _chain_ends(mask, positions))
    transitions, start, end = (
        RATE * values_of(weight)
        for weight in (layer.transitions, layer.start, layer.end)
    )
    nodes = emissions + firsts.where(start, 0.0) + lasts.where(end, 0.0)
    left = _messages(nodes, firsts, transitions, backwards=False)
    right = _messages(nodes, lasts, transitions.T, backwards=True)
    return nodes + left + right


def _chain_ends(mask: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last words of chains: two (B, W) of booleans."""
    graph = mask.graph
    windows = graph.op("GatherElements", mask, positions, axis=1)
    is_first = up_to(positions.size(1)).equal(0)
    is_word = graph.op("Or", positions > 0, is_first)
    chains = is_word.where(windows, 0)
    same = chains.cut(1, 1, LAST).equal(chains.cut(1, 0, -1))
    changes = graph.op("Not", same)
    column = chains.cut(1, 0, 1)
    edge = column.equal(column)
    return joined(edge, changes, axis=1), joined(changes, edge, axis=1)


def _messages(
    nodes: Tensor, firsts: Tensor, transitions: np.ndarray, *, backwards: bool
) -> Tensor:
    """Messages (B, W, T) along the chains, of which each begins with 0.

    See `tfner.models.heads.crf`; here the sum of a word's message and scores is what
    goes on to the next word.

    Args:
        nodes: (B, W, T), scores of tags.
        firsts: (B, W, 1), where chains begin.
        transitions: (T, T), from the tag before to the tag.
        backwards: whether to go from the last word to the first.
    """
    graph = nodes.graph
    step = graph.inner()
    sums = step.input("sums", ("B", "T"), kind=FLOAT)
    scores = step.input("scores", ("B", "T"), kind=FLOAT)
    first = step.input("first", ("B", 1), kind=BOOL)
    paths = sums.expand(2) + transitions  # (B, T, T)
    message = step.op("ReduceLogSumExp", paths, np.array([1]), keepdims=0)
    message = step.op("LogSoftmax", message, axis=-1)
    message = first.where(0.0, message)
    body = step.body({"next": message + scores, "message": message})
    directions = {
        f"scan_{kind}_directions": [int(backwards)] * count
        for kind, count in (("input", 2), ("output", 1))
    }
    begin = nodes.cut(1, 0, 1).reshape(0, -1) * 0.0
    _, messages = graph.ops(
        "Scan",
        *(begin, nodes, firsts),
        outputs=2,
        body=body,
        num_scan_inputs=2,
        scan_input_axes=[1, 1],
        scan_output_axes=[1],
        **directions,
    )
    return messages
