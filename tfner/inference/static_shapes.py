"""Rows padded to few shapes, for engines that prepare themselves for every one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfner.data.features import WORD_INPUTS
from tfner.data.windows import Ints
from tfner.inference.batching import POSITIONS, ROW_LENGTH, STEP, Floats, Runner


class StaticShapes:
    """Runs a tagger on rows of few numbers and lengths: see `padded_shape`.

    Args:
        run: of the tagger; rows of padding alone do it no harm.
    """

    row_length: int | None = None

    def __init__(self, run: Runner) -> None:
        self._run, self.packs = run, run.packs

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T) of the rows that were given."""
        rows, length = features["input_ids"].shape
        words = features[WORD_INPUTS[0]].shape[1]
        shape = padded_shape(rows, length)
        padded = {
            name: np.pad(
                values, [(0, n - m) for n, m in zip(shape, values.shape, strict=True)]
            )
            for name, values in features.items()
        }
        found = self._run(padded)
        return {name: values[:rows, :words] for name, values in found.items()}


def padded_shape(rows: int, length: int) -> tuple[int, int]:
    """The number and the length of rows, with padding.

    Lengths are multiples of `STEP`, those of long rows powers of two. Numbers are
    powers of two, but for that of a full batch, which most batches have.

    Args:
        rows: that are filled.
        length: pieces of each.

    Example:
        >>> padded_shape(3, 40), padded_shape(42, 48), padded_shape(1, 200)
        ((4, 48), (42, 48), (1, 256))
    """
    length = -(-length // STEP) * STEP
    if length > ROW_LENGTH:
        length = _power_of_two(length)
    full = max(1, POSITIONS // length)
    return max(rows, min(full, _power_of_two(rows))), length


def _power_of_two(number: int) -> int:
    """The least power of two that is not below a number."""
    return 1 << (number - 1).bit_length()
