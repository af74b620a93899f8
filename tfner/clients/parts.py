"""Large requests in parts of so many rows, and the answers in one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.clients.signatures import Arrays

ROWS = "rows"
"""Output of span models that names rows, counted from the first of the request."""


def split(inputs: Arrays, max_rows: int | None) -> list[dict[str, NDArray[Any]]]:
    """Split a request by rows.

    Args:
        inputs: of the same number of rows.
        max_rows: most rows of a part; None for one part.
    """
    rows = len(next(iter(inputs.values())))
    step = max_rows or rows
    return [
        {name: array[first : first + step] for name, array in inputs.items()}
        for first in range(0, rows, step)
    ]


def join(
    parts: Sequence[Mapping[str, NDArray[Any]]], sizes: Sequence[int]
) -> dict[str, NDArray[Any]]:
    """Join the answers to the parts of a request.

    Outputs are as wide as the longest row of their part; narrower ones are filled up
    with zeros or empty strings.

    Args:
        parts: outputs by name, in order.
        sizes: rows of each part.

    Raises:
        ValueError: the parts do not fit together.
    """
    if len(parts) == 1:
        return dict(parts[0])
    firsts = np.cumsum([0, *sizes[:-1]])
    joined = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        if name == ROWS:
            arrays = [array + f for array, f in zip(arrays, firsts, strict=True)]
        joined[name] = np.concatenate(_alike(arrays))
    return joined


def _alike(arrays: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    if arrays[0].ndim < 2:
        return arrays
    width = max(array.shape[1] for array in arrays)
    fill: Any = "" if arrays[0].dtype == object else 0
    rest = [(0, 0)] * (arrays[0].ndim - 2)
    return [
        np.pad(
            array, [(0, 0), (0, width - array.shape[1]), *rest], constant_values=fill
        )
        for array in arrays
    ]
