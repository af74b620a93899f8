"""Files of models, which anybody may have written: read within limits.

A model comes from a colleague, a hub or a broken download. What its files hold is
checked before it is believed; this module bounds what reading them may cost.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar, overload

from tfner.errors import StorageError, shorten
from tfner.storage.pointers import refuse_pointer
from tfner.storage.remote import AnyPath

LARGEST = 16 << 20
"""Bytes of a JSON file of settings; those of real models have a few thousand."""
NAMED = frozenset(
    {
        *(".bin", ".h5", ".index", ".json", ".model", ".onnx", ".pb", ".pkl"),
        *(".safetensors", ".tflite", ".txt", ".xml"),
    }
)
"""Ends of the names that files of models have."""
LARGEST_VOCABULARY = 48 << 20
"""Bytes of a vocabulary; that of Gemma, among the largest, has 33 million."""
DEEPEST = 64
"""Lists and objects within each other."""
LONGEST_INTEGER = 40
"""Digits; transformers writes one of 31 for a length without limit."""
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character as JSON may write it, alone or as one of two."""

Json = TypeVar("Json", dict[str, Any], list[Any])


def read_bytes(path: Path, *, largest: int = LARGEST) -> bytes:
    """Read a whole file.

    Args:
        path: of a regular file, or a link to one.
        largest: bytes that it may have.

    Raises:
        StorageError: it cannot be read, is a device, a pipe or a directory, has more
            bytes, or is what Git LFS leaves where it has not fetched a file.
    """
    try:
        _check_kind(path)  # opening a pipe may wait for ever
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}.", path=path) from error
    refuse_pointer(content, path)
    if len(content) > largest:
        raise _too_large(path, largest)
    return content


def _too_large(path: Path, largest: int) -> StorageError:
    return StorageError(
        f"is too large: at most {largest:,} bytes of such a file are read. Check that "
        "it is the right one.",
        path=path,
    )


def _check_kind(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):
        raise StorageError(
            "must be a regular file, or a link to one. Received: a directory, a device "
            "or a pipe.",
            path=path,
        )


def check_files(*paths: Path, largest: int | None = None) -> None:
    """Refuse what no library is to open: devices, pipes, and pointers of Git LFS.

    Args:
        *paths: of files.
        largest: bytes that each may have; None for any number.

    Raises:
        StorageError: one is such, cannot be read, or has more bytes.
    """
    for path in paths:
        try:
            _check_kind(path)
            if largest is not None and path.stat().st_size > largest:
                raise _too_large(path, largest)
            with path.open("rb") as file:
                refuse_pointer(file.read(64), path)
        except OSError as error:
            reason = error.strerror
            raise StorageError(f"cannot be read: {reason}.", path=path) from error


def check_directory(model: Path) -> None:
    """Refuse a directory where something has the name of a model's file and is none.

    It would be taken for missing, and an older file, or a guess, in its place.

    Args:
        model: the directory, or what the names of its files begin with; one that is
            not there is not looked at.

    Raises:
        StorageError: names a directory, device, pipe, or link to nothing; or the
            directory cannot be read.
    """
    folder = model if model.is_dir() else model.parent
    names = sorted(_names(folder)) if folder.is_dir() else []
    if folder != model and not any(name.startswith(model.name) for name in names):
        return  # a name of something else, as on a hub
    for name in names:
        path = folder / name
        if path.suffix in NAMED:
            try:
                _check_kind(path)
            except OSError as error:
                raise StorageError(
                    f"is a link to what is not there ({error.strerror}). Fetch the "
                    "model again, with its files.",
                    path=path,
                ) from error


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}.", path=folder) from error


def read_text(path: Path, *, largest: int = LARGEST_VOCABULARY) -> str:
    """Read a file of text; a byte order mark is passed over.

    Raises:
        StorageError: as for `read_bytes`, or it is no UTF-8.
    """
    try:
        return read_bytes(path, largest=largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StorageError(f"damaged; it is no UTF-8 ({error}).", path=path) from error


@overload
def read_json(path: Path, *, largest: int = ...) -> dict[str, Any]: ...
@overload
def read_json(path: Path, kind: type[Json], *, largest: int = ...) -> Json: ...
def read_json(path: Path, kind: type[Any] = dict, *, largest: int = LARGEST) -> Any:
    """Read a JSON file.

    Args:
        path: the file; a byte order mark is passed over.
        kind: what it must hold: an object, or `list`.
        largest: bytes that it may have.

    Raises:
        StorageError: as for `read_bytes`, or it is no JSON within the limits of
            `parse_json`, or holds something else.
    """
    record = parse_json(read_bytes(path, largest=largest), place=path)
    if not isinstance(record, kind):
        raise StorageError(
            f"must hold a JSON {'list' if kind is list else 'object'}. Received: "
            f"{shorten(str(record))}",
            path=path,
        )
    return record


def parse_json(content: bytes | str, *, place: AnyPath) -> Any:
    """Read a JSON text, which may not be nested deeply or say one thing twice.

    Args:
        content: of UTF-8, if bytes.
        place: where it stands, for messages.

    Raises:
        StorageError: it is no JSON; lists and objects stand within each other more than
            64 deep; a key is there twice; a number is none (NaN, Infinity), larger than
            64 bits hold, or an integer of more than 40 digits; or half a character
            stands alone.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        record = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
        _check_depth(record)
        if SURROGATE.search(text):
            json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise StorageError(
            f"damaged; it cannot be read as JSON ({_reason(error)}).", path=place
        ) from error
    return record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {shorten(twice)} is there twice")
    return record


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shorten(text)} is too large a number")
    return value


def _integer(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > LONGEST_INTEGER:
        raise ValueError(f"an integer of {digits:,} digits")
    return int(text)


def _check_depth(record: Any) -> None:
    """Refuse what is nested deeply, without descending into it by recursion."""
    level = [record]
    for _ in range(DEEPEST + 1):
        inner = (
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, dict | list)
        )
        level = [part for parts in inner for part in parts]
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return
    raise RecursionError


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"lists and objects within each other more than {DEEPEST} deep"
    if isinstance(error, UnicodeEncodeError):
        return "half of a character, a surrogate, stands alone"
    return str(error)
