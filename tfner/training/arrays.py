"""Files of arrays that are never half-written, and variables filled from them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import numpy as np

from tfner.errors import TrainingError
from tfner.storage.atomic import whole_bytes

ENCRYPTED = 1
"""Flag of a member of a ZIP archive."""


def save_arrays(path: Path, arrays: Sequence[Any], about: str = "") -> None:
    """Write arrays and a text into one file that is never half-written.

    Args:
        path: the file.
        arrays: in order.
        about: text about them.

    Raises:
        StorageError: the file cannot be written.
    """
    named = {f"{number:05d}": array for number, array in enumerate(arrays)}
    with written(path) as file:
        np.savez(file, about=np.array(about), **named)


def written(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a file of a run, which takes its place only when it is complete.

    Raises:
        StorageError: it cannot be written.
    """
    return whole_bytes(path, remedy="Make room, then go on with --resume.")


def load_arrays(path: Path) -> tuple[list[Any], str]:
    """Read the arrays and the text that `save_arrays` wrote.

    Raises:
        TrainingError: the file is damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            _check_stored(file.zip.infolist())
            names = sorted(name for name in file.files if name != "about")
            return [file[name] for name in names], str(file["about"])
    except Exception as error:
        raise TrainingError(
            f"{path} is damaged ({error}). Start afresh with --overwrite."
        ) from error


def _check_stored(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what `save_arrays` does not write: arrays that grow as they are read."""
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & ENCRYPTED:
            raise ValueError(f"{member.filename} is compressed or encrypted")


def assign_variables(
    variables: Sequence[Any], arrays: Sequence[Any], path: Path
) -> None:
    """Set variables to arrays.

    Args:
        variables: of a model or optimizer, in order.
        arrays: one for each variable.
        path: file of the arrays, for the message.

    Raises:
        TrainingError: their numbers or shapes differ.
    """
    fits = len(variables) == len(arrays) and all(
        tuple(v.shape) == a.shape for v, a in zip(variables, arrays, strict=False)
    )
    if not fits:
        raise TrainingError(
            f"{path} belongs to another model. Give the settings and the encoder that "
            "it was written with."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
