"""The labels of a model that does not hold them, from the file kept beside it."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfner.checkpoints.tagger_labels import in_order, stored_label_set
from tfner.errors import LabelError, StorageError, shorten
from tfner.schemes import LabelSet
from tfner.storage.foreign_files import check_files, parse_json
from tfner.storage.lines import open_bytes
from tfner.storage.remote import is_remote

LARGEST_FILE = 1 << 20
"""Bytes; tens of thousands of tags."""
PICKLES = (".pkl", ".pickle")
MAPPINGS = ("id2label", "label2id", "label_map")
"""Keys of configs under which mappings stand; the last one is of BERT-NER."""


class LabelUnpickler(pickle._Unpickler):
    """Reads a dict of str and int; any other instruction of a pickle stops it.

    The standard way, to override `find_class`, still builds what needs no import, and
    the unpickler in C makes room for whatever memo index the file names. Python's own
    looks its instructions up in a table, which here holds a few of them alone.
    """

    dispatch = {  # noqa: RUF012 (declared by the base class)
        opcode[0]: pickle._Unpickler.dispatch[opcode[0]]
        for opcode in (
            *(pickle.PROTO, pickle.FRAME, pickle.MARK, pickle.STOP),
            *(pickle.DICT, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
            *(pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE),
            *(pickle.BINSTRING, pickle.SHORT_BINSTRING),  # the str of Python 2
            *(pickle.INT, pickle.BININT, pickle.BININT1, pickle.BININT2),
            *(pickle.LONG, pickle.LONG1),
            *(pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE),
            *(pickle.GET, pickle.BINGET, pickle.LONG_BINGET),
        )
    }


def read_labels(path: str | Path) -> LabelSet | list[str]:
    """The labels of a file: a label set where it tells the scheme, else the names.

    Args:
        path: `.pkl`, a dict from tag to id such as google-research/electra's
            `chunk_label_mapping.pkl`; `.txt`, a tag a line; or `.json`: such a dict,
            also with ids from 1 (0 is then a padding's), a list of tags, a bundle's
            `labels.json`, or a `config.json` with `id2label`.

    Raises:
        LabelError: the file is too large, holds anything else, or its ids do not run
            from 0 without a gap.
        StorageError: it cannot be read, or is no regular file.
    """
    path = Path(path)
    content = _content(path)  # refuses names of other files
    record = READERS[path.suffix](path, content)
    try:
        if isinstance(record, dict) and "tags" in record:
            return LabelSet.from_json(record)
        if isinstance(record, dict) and (labels := stored_label_set(record)):
            return labels
        return _ordered(record)
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    if path.suffix not in READERS:
        raise LabelError(
            f"{path}: labels are read from a pickle (.pkl), JSON (.json) or lines "
            f"(.txt). Received: a name that ends in {path.suffix!r}."
        )
    if not is_remote(path):
        check_files(path)  # opening a pipe may wait for ever
    with open_bytes(path) as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise LabelError(
            f"{path}: a file of labels has at most {LARGEST_FILE} bytes; this one is "
            "larger. Give the one that belongs to the model."
        )
    return content


def _unpickle(path: Path, content: bytes) -> dict[str, int]:
    refused = LabelError(
        f"{path}: a pickle of labels may hold one dict from tag (str) to id (int) and "
        "nothing else; this one is damaged or holds more, and nothing of it was run. "
        "Give the labels as JSON."
    )
    try:
        found = LabelUnpickler(io.BytesIO(content), encoding="utf-8").load()
    except (
        *(AttributeError, EOFError, LookupError, TypeError, ValueError),
        *(pickle.UnpicklingError, struct.error),
    ) as error:
        raise refused from error
    if type(found) is not dict or not _holds(found, key=str, value=int):
        raise refused
    return found


def _parse(path: Path, content: bytes) -> Any:
    try:
        return parse_json(content, place=path)
    except StorageError as error:
        raise LabelError(str(error)) from error


def _lines(path: Path, content: bytes) -> list[str]:
    """The tags of a text, one a line, without empty lines."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: no text in UTF-8.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


READERS = {
    **dict.fromkeys(PICKLES, _unpickle),
    ".json": _parse,
    ".txt": _lines,
}


def _ordered(record: Any) -> list[str]:
    """Tags in the order of their ids.

    Raises:
        LabelError: the record is of no known form, or its ids have gaps.
    """
    if isinstance(record, dict):
        key = next((key for key in MAPPINGS if key in record), None)
        record = record if key is None else record[key]
    if isinstance(record, list) and all(isinstance(tag, str) for tag in record):
        return record
    if isinstance(record, dict) and _holds(record, key=str, value=int):
        return in_order([(number, tag) for tag, number in record.items()])
    if isinstance(record, dict) and _holds(record, key=str, value=str):
        with contextlib.suppress(ValueError):  # a key that is no number
            return in_order([(int(number), tag) for number, tag in record.items()])
    raise LabelError(
        "labels are a dict from tag to id, a list of tags, or Hugging Face's id2label. "
        f"Received: {shorten(json.dumps(record, ensure_ascii=False))}"
    )


def _holds(found: Mapping[Any, Any], *, key: type, value: type) -> bool:
    """Whether all keys and values are exactly of these types: True is no int here."""
    return all(type(k) is key and type(v) is value for k, v in found.items())
