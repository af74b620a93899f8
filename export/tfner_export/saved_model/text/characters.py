"""A table of what the tokenizer does with every character.

The table is made of the tokenizer's and the word splitter's own behaviour, character by
character: the Unicode versions of Python, of the tokenizers library and of TensorFlow
differ.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import IntFlag
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import normalizers, pre_tokenizers

from tfner.marks import JOINERS as SHAPERS
from tfner.marks import MARK, SEPARATOR, VIRAMA
from tfner.tokenization.added import SURROGATES
from tfner.tokenization.words import splitters

Ints = NDArray[np.int32]

NUM_CODES = 0x110000
END = NUM_CODES
"""The code that stands behind every text; it is in no class, as white space is."""
PAGE = 256
NONE = -1
"""A place in the table without a character."""


class Class(IntFlag):
    """Classes of characters: bits of the table's first column."""

    CJK = 1 << 0
    CJK_MARK = 1 << 1
    MARK = 1 << 2
    LETTER = 1 << 3
    JOINER = 1 << 4
    LOOKS = 1 << 5
    FLAG = 1 << 6
    ZERO_WIDTH_JOINER = 1 << 7
    DIGIT = 1 << 8
    COMMA = 1 << 9
    APOSTROPHE = 1 << 10
    ESS = 1 << 11
    INVISIBLE = 1 << 12
    SEPARATOR = 1 << 13
    SHAPER = 1 << 14
    VIRAMA = 1 << 15
    STARTER = 1 << 16
    """Marks behind it are not sorted together with those before it."""
    SORTED = 1 << 17
    """It leaves a mark that changes places with its neighbours."""


RANK_SHIFT = 20
"""From this bit on stands a mark's rank among those that change places."""


class Kind:
    """Kinds of normalised characters to the pre-tokenizer."""

    INNER, ALONE, SPACE = 0, 1, 2


KIND_BITS = 2


class Characters(NamedTuple):
    """A table of all code points, equal pages of 256 stored once.

    Args:
        page_of: (C / 256,) the page of every 256 code points.
        pages: (pages, 256, 3) the `Class` bits; the first normalised character minus
            the character itself, both with their `Kind` in the lowest bits, or
            `GONE`; and the row of `more` with the others.
        more: (R, M) further normalised characters with their kinds, filled with -1.
    """

    page_of: Ints
    pages: Ints
    more: Ints


GONE = np.iinfo(np.int32).min
"""In place of a first character: the normaliser leaves nothing."""


PAGES: Ints = np.array(
    [*range(0x401), *range(0xE00, 0xE11), 0xF00, 0xFFF, 0x10FF], np.int32
)
"""Numbers of the pages that are looked at, one for all that are alike.

Planes 4 to 13 hold no characters, plane 14 a few, 15 and 16 private ones, but for the
last two of each.
"""
CODES: Ints = np.concatenate([page * PAGE + np.arange(PAGE) for page in PAGES])


def _pages_of(numbers: Ints) -> Ints:
    """The page of every 256 code points, given those of `PAGES`.

    Args:
        numbers: (pages looked at + 1,) the last is that of `END`.
    """
    known = dict(zip(PAGES.tolist(), numbers[:-1].tolist(), strict=True))
    page_of = np.full(NUM_CODES // PAGE + 1, known[0xF00], np.int32)
    page_of[:0xF00] = known[0x400]
    page_of[PAGES] = numbers[:-1]
    page_of[-1] = numbers[-1]
    return page_of


def characters(definition: Mapping[str, Any]) -> Characters:
    """Make the table for a tokenizer.

    Args:
        definition: its normaliser is BERT's, its pre-tokenizer, too.
    """
    return _characters(json.dumps(definition["normalizer"], sort_keys=True))


@lru_cache(maxsize=4)
def _characters(normalizer: str) -> Characters:
    settings = json.loads(normalizer)
    del settings["type"]
    texts = list(_each(normalizers.BertNormalizer(**settings)))
    classes = _classes()
    strips = settings["strip_accents"]
    if settings["lowercase"] if strips is None else strips:
        classes |= _sorting(settings, texts)
    first, row_of, more = _expansions(texts)
    table = np.stack([classes, first, row_of], axis=1).reshape(-1, PAGE * 3)
    table = np.concatenate([table, np.zeros_like(table[:1])])  # END's
    pages, numbers = np.unique(table, axis=0, return_inverse=True)
    page_of = _pages_of(numbers.reshape(-1).astype(np.int32))
    return Characters(page_of, pages.reshape(-1, PAGE, 3), more)


def _each(normalizer: Any, before: str = "", after: str = "") -> Iterator[str]:
    """What becomes of each of `CODES` by itself; surrogates, which no text has, stay.

    Args:
        normalizer: of the tokenizers library.
        before: text around every character.
        after: likewise.
    """
    for start in (PAGES * PAGE).tolist():
        page = map(chr, range(start, start + PAGE))
        if 0xD800 <= start < 0xE000:
            yield from page
            continue
        mark = "|" if start else "‖"  # one that is not on the page
        text = mark.join(f"{before}{character}{after}" for character in page)
        yield from normalizer.normalize_str(text).split(mark)


def _classes() -> Ints:
    """The bits of the word splitter, and of marks that nobody sees, of `CODES`."""
    marks = splitters.character_ranges("PS")
    cjk = splitters.CJK
    members = {
        Class.CJK: f"[{cjk}]",
        Class.CJK_MARK: f"[{splitters.CJK_MARKS}]",
        Class.MARK: f"[{marks}]",
        Class.LETTER: rf"[^\s{marks}{cjk}]",
        Class.JOINER: f"[{splitters.JOINERS}]",
        Class.LOOKS: f"[\ufe0f{splitters.SKIN_TONES}]",
        Class.FLAG: f"[{splitters.FLAGS}]",
        Class.ZERO_WIDTH_JOINER: "\u200d",
        Class.DIGIT: "[0-9]",
        Class.COMMA: "[,:]",
        Class.APOSTROPHE: "['’]",
        Class.ESS: "[sS]",
        Class.INVISIBLE: MARK.pattern,
        Class.SEPARATOR: SEPARATOR,
        Class.SHAPER: f"[{SHAPERS}]",
    }
    everything = "".join(map(chr, CODES))
    classes = np.zeros(len(CODES), np.int32)
    for bit, pattern in members.items():
        for match in re.finditer(f"(?:{pattern})+", everything):
            classes[match.start() : match.end()] |= bit
    classes[[unicodedata.combining(c) == VIRAMA for c in everything]] |= Class.VIRAMA
    return classes


def _sorting(settings: Mapping[str, Any], texts: list[str]) -> Ints:
    """The bits by which marks are sorted as NFD sorts them, of `CODES`.

    Stripping takes most marks away, but not those that are spacing, or newer than the
    library's list of marks.

    Args:
        settings: of the normaliser.
        texts: what it makes of every character.
    """
    kept = {**settings, "strip_accents": False, "lowercase": False}
    sorts = normalizers.Sequence(
        [normalizers.BertNormalizer(**kept), normalizers.NFD()]
    )
    # A mark of the lowest class passes the acute unless something stands between.
    passed = _each(sorts, before="a\u0301", after="\u0334")
    starter = np.array([not text.startswith("a\u0334") for text in passed])
    classes = np.where(starter, np.int32(Class.STARTER), np.int32(0))
    ranks = _ranks({text for text in itertools.compress(texts, ~starter) if text})
    for place, text in enumerate(texts):
        if not ranks.keys().isdisjoint(text):
            classes[place] |= Class.SORTED
        if text in ranks:
            classes[place] |= ranks[text] << RANK_SHIFT
    return classes


def _ranks(marks: Iterable[str]) -> dict[str, int]:
    """For every mark the number of classes of marks that it comes after, plus one."""
    form = normalizers.NFD()
    # The first mark of each combining class.
    of_class = {unicodedata.combining(chr(c)): chr(c) for c in range(0x20000, 0, -1)}
    classes = [of_class[number] for number in sorted(of_class) if number]
    return {
        mark: 1 + sum(form.normalize_str(mark + other)[0] == other for other in classes)
        for mark in marks
    }


def _expansions(texts: list[str]) -> tuple[Ints, Ints, Ints]:
    """The second and third column of the table, of `CODES`, and its further rows."""
    kinds = _kinds("".join(set("".join(texts))))
    first, row_of = np.zeros((2, len(texts)), np.int32)
    rows: list[list[int]] = [[]]
    for place, (code, text) in enumerate(zip(CODES.tolist(), texts, strict=True)):
        if len(text) == 3 and text[0] == text[2] == " ":  # a Chinese character
            parts = [(ord(text[1]) << KIND_BITS) + Kind.ALONE]
        else:
            parts = [(ord(c) << KIND_BITS) + kinds[c] for c in text]
        first[place] = parts[0] - (code << KIND_BITS) if parts else GONE
        if len(parts) > 1:
            row_of[place] = len(rows)
            rows.append(parts[1:])
    more = np.full((len(rows), max(map(len, rows))), NONE, np.int32)
    for number, row in enumerate(rows):
        more[number, : len(row)] = row
    return first, row_of, more


def _kinds(found: str) -> dict[str, int]:
    """The kind of every character, by what the pre-tokenizer makes of it."""
    cutter = pre_tokenizers.BertPreTokenizer()
    kinds = dict.fromkeys(found, Kind.INNER)
    readable = SURROGATES.sub("", found)
    for start in range(0, len(readable), PAGE):
        chunk = readable[start : start + PAGE]
        text = "".join(f"a{character}" for character in chunk) + "a"
        kind = np.full(len(text), Kind.SPACE)
        for _, (first, last) in cutter.pre_tokenize_str(text):
            kind[first:last] = Kind.ALONE if last - first == 1 else Kind.INNER
        kinds |= zip(chunk, kind[1::2].tolist(), strict=True)
    return kinds
