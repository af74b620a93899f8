"""The decoder of `tfner.tasks.decoding` as a graph, for clients without Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfner.models.heads.crf import chain_ends
from tfner.tasks.decoding import SMALLEST_PROBABILITY

if TYPE_CHECKING:
    from tfner.tasks.decoding import Steps


def graph_viterbi(probs: Any, steps: Steps, *, chains: Any, outside: int) -> Any:
    """The likeliest allowed path of every window.

    Args:
        probs: (B, W, T) float32.
        steps: (T, T) whether the tag of the column may follow that of the row.
        chains: (B, W) the window of every word, 0 past a row's last word.
        outside: id of O, which stands before and after every window.

    Returns:
        (B, W) int64 tag ids; O past a row's last word.
    """
    allowed = np.where(steps, 0, -np.inf).astype(np.float32)
    # Between two windows: from any tag that may come last to any that may come first.
    across = allowed[:, outside, None] + allowed[outside]
    only_outside = np.where(np.arange(len(steps)) == outside, 0, -np.inf)
    only_outside = only_outside.astype(np.float32)
    # A column of O behind the last word, so that every window ends within the row.
    chains = tf.pad(chains, [[0, 0], [0, 1]])[..., tf.newaxis]
    logs = tf.math.log(tf.maximum(probs, SMALLEST_PROBABILITY))
    scores = tf.where(chains > 0, tf.pad(logs, [[0, 0], [0, 1], [0, 0]]), only_outside)
    firsts, _ = chain_ends(chains)

    def forward(state: Any, word: Any) -> Any:
        score, first = word
        step = tf.where(first[..., tf.newaxis], across, allowed)
        paths = state[0][..., tf.newaxis] + step
        best = tf.reduce_max(paths, 1) + score
        return best - tf.reduce_max(best, 1, keepdims=True), tf.argmax(paths, 1)

    def backward(tags: Any, came_from: Any) -> Any:
        return tf.gather(came_from, tags, axis=1, batch_dims=1)

    by_word = [tf.transpose(array, (1, 0, 2)) for array in (scores, firsts)]
    before = tf.zeros_like(scores[:, 0]) + only_outside
    nowhere = tf.zeros_like(before, tf.int64)
    _, came_from = tf.scan(forward, by_word, (before, nowhere))
    last = tf.fill([tf.shape(probs)[0]], tf.constant(outside, tf.int64))
    return tf.transpose(tf.scan(backward, came_from[1:], last, reverse=True))
