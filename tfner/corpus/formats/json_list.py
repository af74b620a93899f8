"""JSON lists of records: their elements with the lines on which they begin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tfner.errors import CorpusError, StorageError, shorten
from tfner.storage.lines import read_lines

QUESTION_KEYS = {"context", "query"}
"""Keys that tell a record of reading comprehension from any other."""
BETWEEN = re.compile(r"[ \t\r\n,]*")
BEGINNING = 200
"""Lines that are looked at to find the first record."""


def holds_questions(path: str) -> bool:
    """True if the first record of a file is one of reading comprehension."""
    try:
        lines = islice(read_lines(path, keep_ends=True, announce=False), BEGINNING)
        content = "".join(line for _, line in lines)
        begin = content.index("[") + 1
        record, _ = json.JSONDecoder().raw_decode(content, _next(content, begin))
    except (CorpusError, StorageError, ValueError, RecursionError):
        return False  # whoever reads it will say what is wrong
    return isinstance(record, dict) and record.keys() >= QUESTION_KEYS


def elements(content: str, path: str) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON list, each with the line on which it begins."""
    if not content.strip():
        return
    try:
        if not isinstance(json.loads(content), list):
            raise CorpusError(
                f"must be a JSON list of records: [{{…}}, …]. Received: "
                f"{shorten(content.strip())}",
                path=path,
                line=1,
            )
    except json.JSONDecodeError as error:
        hint = ""
        if error.msg == "Extra data":
            hint = ". A file with one record a line is jsonl: name that format"
        message = f"not JSON: {error.msg} at column {error.colno}{hint}"
        raise CorpusError(message, path=path, line=error.lineno) from None
    except (ValueError, RecursionError) as error:  # endless digits, endless nesting
        raise CorpusError(f"JSON beyond all measure: {error}", path=path) from None
    # It is sound; a second decoding tells where each element begins.
    decoder, line, begin = json.JSONDecoder(), 1, 0
    at = _next(content, content.index("[") + 1)
    while content[at] != "]":
        line, begin = line + content.count("\n", begin, at), at
        element, end = decoder.raw_decode(content, at)
        yield line, element
        at = _next(content, end)


def _next(content: str, at: int) -> int:
    between = BETWEEN.match(content, at)
    return between.end() if between else at
