"""The header of a table: what separates its columns, and which hold words and tags."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

DELIMITERS = ",\t;|"

WORD_NAMES = (
    *("word", "words", "token", "tokens", "form", "surface", "text", "sentence"),
    *("sentences", "tokenized_text"),
)
TAG_NAMES = (
    *("ner_tags", "ner_tag", "nertag", "ne_tag", "ner", "ne", "named_entity", "tags"),
    *("tag", "bio", "iob", "iob_tags", "word_labels", "entities", "entity", "labels"),
    "label",
)
"""Names of columns, the likelier ones first."""
SENTENCE = re.compile(
    r"(sentence|sent)([ _-]?(#|id|ids|idx|index|no|nr|num|number))?|sid|seq_id"
)


class Header(NamedTuple):
    """The columns of a table.

    Attributes:
        names: as in its first row.
        delimiter: what separates columns.
        word: column of the words, from 0; None if none is called so.
        tag: column of the tags, likewise.
        sentence: column that says where sentences begin, likewise.
    """

    names: list[str]
    delimiter: str
    word: int | None
    tag: int | None
    sentence: int | None


def find_header(
    line: str, *, words: str | None = None, tags: str | None = None
) -> Header | None:
    """The columns that the first line of a table names; None if it has but one.

    Args:
        line: the first line.
        words: name of the column of words; None goes by the usual names.
        tags: name of the column of tags, likewise.

    Example:
        >>> find_header("Sentence #,Word,POS,Tag")[2:]
        (1, 3, 0)
    """
    found = [_header(line, delimiter, words, tags) for delimiter in DELIMITERS]
    best = max(found, key=lambda h: (_named(h), len(h.names)))
    return best if len(best.names) > 1 else None


def _named(header: Header) -> int:
    return sum(part is not None for part in header[2:])


def _header(line: str, delimiter: str, words: str | None, tags: str | None) -> Header:
    line = line.rstrip("\r\n")
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # it is no row
        names = [line]
    lower = [name.strip().lower() for name in names]
    sentence = next((n for n, c in enumerate(lower) if SENTENCE.fullmatch(c)), None)
    word = _column(lower, WORD_NAMES if words is None else (words.lower(),))
    if word is None and words is None and sentence is not None:
        sentence = None
    tag = _column(lower, TAG_NAMES if tags is None else (tags.lower(),))
    if word == sentence:  # a column of whole sentences
        others = enumerate(lower)
        sentence = next(
            (n for n, c in others if n != word and SENTENCE.fullmatch(c)), None
        )
    return Header(names, delimiter, word, tag, sentence)


def _column(names: Sequence[str], wanted: Iterable[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)"|(-?\d+)""", re.S)
ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.S
)
LETTERS = {"n": "\n", "t": "\t", "r": "\r"}


def parse_list(cell: str) -> list[str]:
    """The words or tags of a cell: a list of Python, JSON or numpy, or with blanks.

    Raises:
        ValueError: it begins like a list and is none.

    Example:
        >>> parse_list("['Ada', 'ran']"), parse_list("Ada ran")
        (['Ada', 'ran'], ['Ada', 'ran'])
    """
    cell = cell.strip(" \r\n")
    if not (cell.startswith("[") and cell.endswith("]")):
        return [part for part in re.split("[ \n]", cell) if part]
    items, at, end = [], 1, len(cell) - 1
    while at < end:
        if cell[at] in ", \r\n\t":
            at += 1
            continue
        match = QUOTED.match(cell, at, end)
        if match is None:
            raise ValueError(f"no list: {cell[at : at + 20]!r} stands in it")
        text = match[1] if match[1] is not None else match[2]
        items.append(match[3] if text is None else ESCAPE.sub(_character, text))
        at = match.end()
    return items


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return LETTERS.get(match[4], match[4])
    number = int(code, 16)
    return (
        chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    )
