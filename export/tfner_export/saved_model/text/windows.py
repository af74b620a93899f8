"""Windows of pieces as a graph, cut as `tfner.data.windows` cuts them."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from tfner_export.saved_model.text.jumps import (
    ahead,
    behind,
    changes,
    follow,
    last_where,
    next_where,
    places,
    reach,
)


class Windows(NamedTuple):
    """The windows of a batch, in order.

    Args:
        starts: (D,) int32, the first piece of each.
        ends: (D,) int32, one past the last.
        core_starts: (D,) int32, the first piece whose predictions count.
        core_ends: (D,) int32, one past the last.
    """

    starts: Any
    ends: Any
    core_starts: Any
    core_ends: Any


def cut(
    words: Any, texts: Any, *, capacity: int, overlap: int, truncate: bool
) -> Windows:
    """Cut the pieces of texts into windows.

    Args:
        words: (P,) the word of each piece, rising.
        texts: (P,) the text of each piece, rising.
        capacity: most pieces of a window, special ones not counted.
        overlap: pieces that neighbours share at least.
        truncate: keep the first window of every text alone.
    """
    first, begins = changes(texts), changes(words)
    at = tf.range(tf.shape(texts)[0])
    text_ends = ahead(next_where(first), tf.shape(texts)[0])
    ends = tf.minimum(at + capacity, text_ends)
    jumps = at
    if not truncate:
        latest = ends - overlap
        word = follow(last_where(begins), tf.maximum(latest, 0))
        # A word longer than the overlap allows is cut inside.
        following = tf.where(word > latest - capacity // 4, word, latest)
        following = tf.maximum(following, at + 1)
        jumps = tf.where(at + capacity < text_ends, following, at)
    starts = places(reach(first, jumps))
    ends = tf.gather(ends, starts)
    later = ~tf.gather(first, starts)  # than another window of the text
    limits = _limits(starts, behind(ends), begins)
    core_starts = tf.where(later, limits, starts)
    core_ends = tf.where(ahead(later, False), ahead(limits), ends)
    return Windows(starts, ends, core_starts, core_ends)


def _limits(starts: Any, ends: Any, begins: Any) -> Any:
    """The word boundary nearest to the middle of each window's overlap with the last.

    Args:
        starts: (D,) of the windows.
        ends: (D,) of the windows before them.
        begins: (P,) where words begin.
    """
    middle = -(-(starts + ends) // 2)
    after = tf.gather(tf.concat([next_where(begins), tf.shape(begins)], 0), middle)
    before = tf.gather(last_where(begins), tf.maximum(middle - 1, 0))
    nearer = starts + ends - 2 * before <= 2 * after - starts - ends
    nearest = tf.where(nearer, before, after)
    return tf.minimum(tf.maximum(nearest, starts), ends)
