"""JSON lists of records: their elements with the lines on which they begin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tfner.errors import CorpusError, shorten

QUESTION_KEYS = {"context", "query"}
"""Keys that tell a record of reading comprehension from any other."""
BLANKS = re.compile(r"[ \t\r\n]*")


def elements(content: str, path: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON list, each with the line on which it begins.

    Raises:
        CorpusError: where the content is no JSON any more, or at once if it is no list.
    """
    line, begin = 1, 0
    try:
        for at, element in _elements(content, path):
            line, begin = line + content.count("\n", begin, at), at
            yield line, element
    except json.JSONDecodeError as error:
        hint = ""
        if error.msg == "Extra data":
            hint = ". A file with one record a line is jsonl: name that format"
        message = f"not JSON: {error.msg} at column {error.colno}{hint}"
        raise CorpusError(message, path=path, line=error.lineno) from None
    except (ValueError, RecursionError) as error:  # endless digits, endless nesting
        raise CorpusError(f"JSON beyond all measure: {error}", path=path) from None


def _elements(content: str, path: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON list, each with its place; see `elements`."""
    decode, at = json.JSONDecoder().raw_decode, _skip(content, 0)
    if at == len(content):
        return
    if content[at] != "[":
        _check_end(content, decode(content, at)[1])
        raise CorpusError(
            "must be a JSON list of records: [{…}, …]. Received: "
            f"{shorten(content.strip())}",
            path=path,
            line=1,
        )
    at = _skip(content, at + 1)
    closed = content.startswith("]", at)
    while not closed:
        element, end = decode(content, at)
        yield at, element
        at = _skip(content, end)
        closed = content.startswith("]", at)
        if not closed and not content.startswith(",", at):
            raise json.JSONDecodeError("Expecting ',' delimiter", content, at)
        at = at if closed else _skip(content, at + 1)
    _check_end(content, at + 1)


def _check_end(content: str, at: int) -> None:
    at = _skip(content, at)
    if at < len(content):
        raise json.JSONDecodeError("Extra data", content, at)


def _skip(content: str, at: int) -> int:
    blanks = BLANKS.match(content, at)
    return blanks.end() if blanks else at
