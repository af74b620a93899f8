"""Places in one row of values, found for all of them at once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def ahead(values: Any, fill: Any = 0) -> Any:
    """Every place's right neighbour (N,); the last one's is `fill`."""
    return tf.concat(
        [values[1:], tf.fill(tf.shape(values[:1]), _like(fill, values))], 0
    )


def behind(values: Any, fill: Any = 0) -> Any:
    """Every place's left neighbour (N,); the first one's is `fill`."""
    return tf.concat(
        [tf.fill(tf.shape(values[:1]), _like(fill, values)), values[:-1]], 0
    )


def _like(fill: Any, values: Any) -> Any:
    return tf.cast(fill, values.dtype)


def changes(values: Any) -> Any:
    """Tell where a value (N,) is not its left neighbour's; the first one is not."""
    return tf.concat([tf.ones_like(values[:1], tf.bool), values[1:] != values[:-1]], 0)


def places(condition: Any) -> Any:
    """The places at which a condition (N,) holds, as int32."""
    return tf.cast(tf.where(condition)[:, 0], tf.int32)


def next_where(condition: Any) -> Any:
    """For every place the first one from it on at which a condition (N,) holds.

    Returns:
        (N,) int32; N where there is none.
    """
    found = tf.concat([places(condition), tf.shape(condition)], 0)
    return tf.gather(found, tf.cumsum(tf.cast(condition, tf.int32), exclusive=True))


def last_where(condition: Any) -> Any:
    """For every place the last one up to it at which a condition (N,) holds.

    Returns:
        (N,) int32. The condition must hold at the first place.
    """
    return tf.gather(places(condition), tf.cumsum(tf.cast(condition, tf.int32)) - 1)


def follow(values: Any, at: Any) -> Any:
    """The values (N,) at places (M,), those past the end taken for the last one."""
    return tf.gather(values, tf.minimum(at, tf.shape(values)[0] - 1))


def settle(jumps: Any) -> Any:
    """The ends of jumps (N,); a place that jumps to itself is one."""

    def leap(current: Any, _: Any) -> Any:
        further = tf.gather(current, current)
        return further, tf.reduce_any(further != current)

    settled, _ = tf.while_loop(lambda _, moved: moved, leap, (jumps, True))
    return settled


def reach(starts: Any, jumps: Any) -> Any:
    """The places that are met on the way from any start.

    Args:
        starts: (N,) bool.
        jumps: (N,) int32, from every place to one not before it; to itself at an end.

    Returns:
        (N,) bool.
    """

    def leap(met: Any, current: Any, _: Any) -> Any:
        landed = tf.boolean_mask(current, met)[:, tf.newaxis]
        met = tf.tensor_scatter_nd_update(
            met, landed, tf.ones_like(landed[:, 0], tf.bool)
        )
        further = tf.gather(current, current)
        return met, further, tf.reduce_any(further != current)

    met, _, _ = tf.while_loop(lambda _m, _j, moved: moved, leap, (starts, jumps, True))
    return met
