"""Positions in a text, counted in characters, UTF-16 units or bytes of UTF-8.

Python counts code points, JavaScript and Java UTF-16, Go and Rust bytes.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Unit = Literal["characters", "utf16", "bytes"]
UNITS: tuple[Unit, ...] = get_args(Unit)


class Offsets:
    """Positions of one text in another unit than characters.

    Args:
        text: without lone surrogates.
        unit: that of the positions outside.

    Example:
        >>> offsets = Offsets("a😀é", "utf16")
        >>> [offsets.outside(position) for position in range(4)]
        [0, 1, 3, 4]
        >>> offsets.inside(3)
        2
    """

    def __init__(self, text: str, unit: Unit) -> None:
        self._at = None
        if unit == "characters" or text.isascii():
            return
        codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
        widths = np.ones(len(codes), np.int64)
        for first in (0x10000,) if unit == "utf16" else (0x80, 0x800, 0x10000):
            widths += codes >= first
        self._at = np.concatenate([[0], np.cumsum(widths)])

    def outside(self, position: int) -> int:
        """The position of a character in the other unit."""
        return position if self._at is None else int(self._at[position])

    def inside(self, position: int) -> int:
        """The character at a position of the other unit.

        Raises:
            ValueError: it lies inside a character, or beyond the text.
        """
        if self._at is None:
            return position
        found = int(np.searchsorted(self._at, position))
        if found == len(self._at) or self._at[found] != position:
            raise ValueError(f"position {position} is not between two characters")
        return found
