"""The beginning of a corpus, by which formats recognise their files."""

from __future__ import annotations

import json
import os
import re
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

from tfner.errors import StorageError
from tfner.storage.encodings import BOM
from tfner.storage.leftovers import put_back
from tfner.storage.lines import open_bytes

SAMPLE_BYTES = 1 << 16
BLANKS = re.compile(r"[ \t\r\n]*")
JSON_DECODER = json.JSONDecoder()


class Sample:
    """A path and the beginning of what lies there.

    Args:
        path: a file or a directory; not a standard stream.

    Attributes:
        path: as given.
        suffix: its last suffix in lower case, `.gz` aside.
        is_directory: there is a directory.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.suffix = Path(path.removesuffix(".gz")).suffix.lower()
        put_back(Path(path))
        self.is_directory = os.path.isdir(path)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KB, unpacked; nothing of a directory or an unreadable file."""
        if self.is_directory:
            return b""
        try:
            with open_bytes(self.path) as stream:
                return stream.read(SAMPLE_BYTES)
        except (StorageError, OSError, EOFError, zlib.error):
            return b""  # whoever reads it will say what is wrong

    @property
    def is_whole(self) -> bool:
        """True if the file ends within the sample."""
        return len(self.head) < SAMPLE_BYTES

    @cached_property
    def text(self) -> str:
        """The head as text without byte order mark; what is no UTF-8 is replaced."""
        return self.head.removeprefix(BOM).decode("utf-8", "replace")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the head, the last one only if it is whole."""
        lines = re.split(r"\r\n|\n|\r", self.text)
        return lines if self.is_whole else lines[:-1]

    @cached_property
    def filled(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.lines if line.strip()]

    @cached_property
    def value(self) -> Any:
        """The first JSON record: of a list, of lines, or the object that the file is.

        An object that goes on after the sample has the keys that stand in it; the value
        of the last of these may be None. None if the file is no JSON.
        """
        try:
            at = _skip(self.text, 0)
            if self.text.startswith("[", at):
                at = _skip(self.text, at + 1)
            if self.text.startswith("{", at):
                return _object(self.text, at)
            return JSON_DECODER.raw_decode(self.text, at)[0]
        except (ValueError, RecursionError):
            return None

    @cached_property
    def record(self) -> dict[str, Any]:
        """The first JSON record if it is an object, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def is_list(self) -> bool:
        """True if the file begins as a JSON list."""
        return self.text.startswith("[", _skip(self.text, 0))


def _object(text: str, at: int) -> dict[str, Any]:
    """A JSON object, or as much of it as the text holds.

    Raises:
        ValueError: it is none.
    """
    try:
        value: dict[str, Any] = JSON_DECODER.raw_decode(text, at)[0]
        return value
    except ValueError:
        found: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text.startswith('"', at):
        key, at = JSON_DECODER.raw_decode(text, at)
        found[key] = None
        at = _skip(text, at)
        if not text.startswith(":", at):
            break
        try:
            found[key], at = JSON_DECODER.raw_decode(text, _skip(text, at + 1))
        except ValueError:
            break
        at = _skip(text, at)
        at = _skip(text, at + 1) if text.startswith(",", at) else len(text)
    return found


def _skip(text: str, at: int) -> int:
    blanks = BLANKS.match(text, at)
    return blanks.end() if blanks else at
