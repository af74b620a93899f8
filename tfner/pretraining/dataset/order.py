"""The order of records in every epoch, computed for any step without those before.

Nothing is kept: no permutation in memory, no position of an iterator. The same
expressions run on NumPy arrays and TensorFlow tensors, as they use operators alone.
"""

from __future__ import annotations

from typing import Any

ROUNDS = 32
# Odd numbers without pattern: the golden ratio, and splitmix64's two as int64.
GOLDEN, FIRST, SECOND = 0x1E3779B97F4A7C15, 0x3F58476D1CE4E5B9, 0x14D049BB133111EB


def record_at(position: Any, *, count: int, seed: int) -> Any:
    """The record at a position of the endless sequence of epochs.

    Every epoch holds every record once, in an order of its own.

    Args:
        position: int64 of any shape, counted from 0 through all epochs.
        count: number of records, at least 1.
        seed: decides all orders.

    Returns:
        int64 of the same shape, 0 <= record < `count`.

    Source: Hoang, Morris and Rogaway, "An enciphering scheme based on a card shuffle"
    (2012), the swap-or-not shuffle.
    """
    epoch, card = position // count, position % count
    key = _mixed(epoch * GOLDEN + seed % 2**62)
    for number in range(ROUNDS):
        key = _mixed(key + number * GOLDEN % 2**62)
        # An involution: the partner of a card's partner is the card itself.
        partner = (key % count - card) % count
        larger = (card + partner + abs(card - partner)) // 2  # maximum, by operators
        # Both partners see the same coin, so that they swap or both stay.
        coin = _mixed(larger * GOLDEN + key) // 2**40 % 2
        card = card + coin * (partner - card)
    return card


def _mixed(value: Any) -> Any:
    """A hash; products wrap around, as integers of 64 bits do in both libraries."""
    value = (value + value // 2**31) * FIRST
    value = (value + value // 2**29) * SECOND
    return value + value // 2**32
