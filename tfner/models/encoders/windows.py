"""Rows that hold several windows: where positions restart and attention ends."""

from __future__ import annotations

from typing import Any

from keras import ops
from numpy.typing import NDArray

# Added to masked scores: exp of it is 0, yet a row of nothing else stays finite.
MASKED = -1e9


def read_windows(mask: Any) -> tuple[Any, Any]:
    """Positions within windows, and the bias that confines attention to them.

    Args:
        mask: (B, S) integers: 0 padding, 1, 2, … the window; windows are contiguous.

    Returns:
        Positions (B, S), 0 in padding; the bias (B, 1, S, S) float32, which is added to
        attention scores: 0 within the window, very low elsewhere.
    """
    mask = ops.cast(mask, "int32")
    length = ops.shape(mask)[1]
    index = ops.arange(length, dtype="int32")  # (S,)
    real = mask > 0  # (B, S)
    same = ops.expand_dims(mask, 2) == ops.expand_dims(mask, 1)  # (B, S, S)
    first = ops.min(ops.where(same, index, length), axis=-1)  # (B, S) of its window
    positions = ops.where(real, index - first, 0)
    allowed = ops.logical_and(same, ops.expand_dims(real, 1))
    bias = ops.where(allowed, 0.0, MASKED)
    return positions, ops.expand_dims(ops.cast(bias, "float32"), 1)


def nearby(bias: Any, reach: int) -> Any:
    """The bias of local attention: as the given one, and very low beyond `reach`.

    Args:
        bias: (B, 1, S, S), from `read_windows`.
        reach: how many pieces to either side a piece attends to.
    """
    index = ops.arange(ops.shape(bias)[-1], dtype="int32")
    far = ops.abs(ops.expand_dims(index, 1) - index) > reach  # (S, S)
    return ops.where(far, MASKED, bias)


def by_distance(table: NDArray[Any], length: Any) -> Any:
    """The rows of a table for the distances from -(S - 1) to S - 1: (2 S - 1,).

    Within a window distances are those within the row, which alone count: attention
    ends at its borders.

    Args:
        table: (2 R + 1,) for the distances -R to R; farther ones are taken for these.
        length: S.
    """
    reach = len(table) // 2
    distances = ops.arange(2 * length - 1, dtype="int32") - (length - 1)
    at = ops.clip(distances, -reach, reach) + reach
    return ops.take(ops.convert_to_tensor(table), at, axis=0)


def pairs_of_distances(scores: Any) -> Any:
    """Scores of pieces and distances as scores of pairs of pieces, without a gather.

    Args:
        scores: (…, S, 2 S - 1): of piece i with the distance d at [i, d + S - 1].

    Returns:
        (…, S, S): of the pieces i and j, where d = j - i.

    Source: the shift of Dai et al. 2019, "Transformer-XL", appendix B.
    """
    *outer, length, width = ops.shape(scores)  # width: 2 S - 1
    padded = ops.pad(scores, [[0, 0]] * (len(outer) + 1) + [[0, 1]])
    flat = ops.reshape(padded, (*outer, length * (width + 1)))
    flat = flat[..., length - 1 : length - 1 + length * width]
    return ops.reshape(flat, (*outer, length, width))[..., :length]


def neighbours(rows: Any, mask: Any, width: int) -> list[Any]:
    """Each piece's neighbours in its window, from the left to the right, itself among.

    Args:
        rows: (B, S, H).
        mask: (B, S), as for `read_windows`.
        width: odd number of pieces.

    Returns:
        That many tensors (B, S, H); zeros where the window ends.
    """
    half, length = width // 2, ops.shape(rows)[1]
    wide = ops.pad(rows, [[0, 0], [half, half], [0, 0]])
    windows = ops.pad(mask, [[0, 0], [half, half]])
    found = []
    for start in range(width):
        same = windows[:, start : start + length] == mask
        kept = ops.expand_dims(ops.logical_and(same, mask > 0), -1)
        found.append(ops.where(kept, wide[:, start : start + length], 0.0))
    return found
