"""Requests that are refused before they are sent.

A server would answer them with something that looks right (TensorFlow Serving takes
rows of any length, unknown positions and negative ids), fail its other clients in the
same batch with them, or, for zero rows under batching, never answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfner.clients.signatures import Arrays, Signature, TensorInfo

IDS, MASK, POSITIONS = "input_ids", "input_mask", "labeled_positions"
"""Names on the wire."""
ASSETS = "Give the assets of the model that the server runs with --assets."


def checked(
    inputs: Mapping[str, Any], signature: Signature | None, vocab_size: int | None
) -> dict[str, NDArray[Any]]:
    """The inputs as arrays of the types that a signature takes.

    Args:
        inputs: arrays of the same number of rows, by name.
        signature: None if the server does not tell.
        vocab_size: pieces that the model knows; None if that is not known.

    Raises:
        ValueError: they may not be sent; the message is a sentence without a place.
    """
    arrays = {name: np.asarray(values) for name, values in inputs.items()}
    if signature is not None and signature.inputs:
        _check_names(arrays, signature)
        arrays = {
            name: _typed(name, array, signature.inputs[name])
            for name, array in arrays.items()
        }
    _check_rows(arrays)
    if IDS in arrays:
        _check_ids(arrays[IDS], vocab_size)
        if POSITIONS in arrays:
            _check_positions(arrays)
    return arrays


def _check_names(arrays: Arrays, signature: Signature) -> None:
    sent, taken = set(arrays), set(signature.inputs)
    if sent != taken:
        raise ValueError(
            f"signature {signature.name!r} takes {', '.join(sorted(taken))}. Received: "
            f"{', '.join(sorted(sent)) or 'nothing'}. {ASSETS}"
        )


def _typed(name: str, array: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    kind = np.dtype(info.dtype)
    if array.dtype.kind == "U" and kind.kind == "O":
        array = array.astype(object)
    if array.dtype != kind:
        as_kind = array.astype(kind) if array.dtype.kind in "iu" else array
        if as_kind.dtype != kind or (as_kind != array).any():
            raise ValueError(
                f"`{name}` must hold values of type {kind}. Received: {array.dtype}."
            )
        array = as_kind
    if info.shape is None:
        return array
    fits = array.ndim == len(info.shape) and all(
        size in (-1, have) for size, have in zip(info.shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size < 0 else str(size) for size in info.shape)
        raise ValueError(
            f"`{name}` must be of shape ({wanted}). Received: {array.shape}."
        )
    return array


def _check_rows(arrays: Arrays) -> None:
    if not arrays or any(array.ndim == 0 for array in arrays.values()):
        raise ValueError("a request needs inputs with rows. Received: none.")
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(f"all inputs need the same number of rows. Received: {rows}.")
    if any(array.size == 0 for array in arrays.values()):
        raise ValueError(
            "a request needs at least one row that is not empty: a batching server "
            "never answers others. Received: none."
        )


def _check_ids(ids: NDArray[Any], vocab_size: int | None) -> None:
    wrong = ids < 0
    if vocab_size is not None:
        wrong |= ids >= vocab_size
    if not wrong.any():
        return
    place = np.argwhere(wrong)[0]
    known = "0 and up" if vocab_size is None else f"0 to {vocab_size - 1}"
    raise ValueError(
        f"row {place[0]} of `{IDS}` holds {ids[tuple(place)]}, and the model knows "
        f"{known}. {ASSETS}"
    )


def _check_positions(arrays: Arrays) -> None:
    positions, ids = arrays[POSITIONS], arrays[IDS]
    wrong = (positions < 0) | (positions >= ids.shape[1])
    if not wrong.any() and MASK in arrays:
        real = np.take_along_axis(arrays[MASK], positions, axis=1) > 0
        wrong = (positions > 0) & ~real
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    raise ValueError(
        f"row {row} of `{POSITIONS}` holds {positions[row, column]}, which is beyond "
        "the pieces of that row: what the server answered for it would mean nothing."
    )
