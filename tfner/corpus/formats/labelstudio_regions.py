"""Regions of Label Studio: labelled parts of a text, and the text that they are of."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tfner.corpus.records.spans import (
    excerpt,
    is_integer,
    is_quoted,
    parse_entity,
    parse_score,
    show_keys,
)
from tfner.document import Entity
from tfner.errors import listed, shorten

KINDS = ("labels", "hypertextlabels", "paragraphlabels")
"""Types of results that label parts of a text; also the keys of their labels."""


LOOKED_AT = 100
"""Regions by whose quotations the text is found that all are of."""
MOST_BLANKS = 1000
"""White space that a region may hold beyond twice its quotation."""
PAIR = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Region:
    """One result of an annotation.

    Attributes:
        value: its offsets and labels, as JSON gives them.
        type: as Label Studio names it; None in JSON-MIN, which does not.
        result: what stands around the value.
    """

    value: Any
    type: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_of_text(self) -> bool:
        """True for labels of a part of a text."""
        if self.type is not None and self.type not in KINDS:
            return False
        return isinstance(self.value, dict) and ("start" in self.value)


def is_region(value: object) -> bool:
    """True for a labelled part of a text, as JSON-MIN has it."""
    return (
        isinstance(value, dict)
        and "start" in value
        and any(isinstance(value.get(kind), list) for kind in KINDS)
    )


def find_text(
    data: Mapping[str, Any], regions: Sequence[Region], before: str | None
) -> str:
    """The key of the text that regions are of.

    Args:
        data: of a task.
        regions: of its labels.
        before: that of the task before, for tasks without regions.

    Raises:
        ValueError: there is none, or several may be meant.
    """
    names = {str(r.result["to_name"]) for r in regions if r.result.get("to_name")}
    if len(names) > 1:
        raise ValueError(
            f"the labels are of several texts ({listed(sorted(names))}); export one "
            "at a time"
        )
    texts = [key for key, value in data.items() if isinstance(value, str)]
    if len(texts) > 1:
        first = regions[:LOOKED_AT]
        fitting = [k for k in texts if all(_stands_in(r, data[k]) for r in first)]
        wanted = [*names, before, "text"]
        key = next((key for key in wanted if key in fitting), None)
        texts = [key] if key is not None else fitting
    if len(texts) != 1:
        keys = show_keys(tuple(data)) if data else "none"
        raise ValueError(f"no one text is to be found in the task's data; keys: {keys}")
    return texts[0]


def _stands_in(region: Region, text: str) -> bool:
    """Whether a region's quotation is in a text where the region says."""
    quoted = region.value.get("text")
    return not isinstance(quoted, str) or _plain(quoted) in _plain(text)


def parse_region(region: Region, text: str, counts: Counter[str]) -> Iterator[Entity]:
    """The entities of a region: one for each of its labels.

    Args:
        region: one of a text.
        text: what it is of.
        counts: gets what is left out or mended.

    Raises:
        ValueError: says what is wrong with it.
    """
    value = region.value
    labels: Any = next((value[kind] for kind in KINDS if kind in value), [])
    if not isinstance(labels, list):
        raise ValueError("`labels` of a region must be a list of strings")
    if not labels:
        counts["have regions without a label, which are left out"] += 1
    start, end = _offsets(value, text, counts)
    score = parse_score(value if "score" in value else region.result, "a region")
    for label in labels:
        found = {"start": start, "end": end, "label": label, "score": score}
        yield parse_entity(found, text)


def _offsets(
    value: Mapping[str, Any], text: str, counts: Counter[str]
) -> tuple[int, int]:
    """Where a region is, checked by its quotation.

    Raises:
        ValueError: it is elsewhere, or has no offsets.
    """
    whole = value.get("globalOffsets")
    start, end = (
        _number(part.get(key))
        for part in (whole if isinstance(whole, dict) else value,)
        for key in ("start", "end")
    )
    if start is None or end is None:
        raise ValueError(
            "a region of HyperText has no offsets into the text, but "
            f"{shorten(str(value.get('start')))}; label the text by the tag Text, or "
            "export with globalOffsets"
        )
    quoted = value.get("text")
    if not isinstance(quoted, str) or _is(quoted, text, start, end):
        return start, end
    other = _from_utf16(text, start), _from_utf16(text, end)
    if _is(quoted, text, *other):
        counts["have offsets that count UTF-16 units; they were converted"] += 1
        return other
    raise ValueError(
        f"the region {start}-{end} is {excerpt(text, start, end)} in the text, not "
        f"{shorten(quoted)}; offsets count characters, ends are exclusive"
    )


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value if is_integer(value) else None


def _plain(text: str) -> str:
    r"""A text to compare: Label Studio writes line breaks as `\n` and may trim."""
    return " ".join(text.replace("\\n", "\n").split())


def _is(quoted: str, text: str, start: int, end: int) -> bool:
    """Whether a quotation is a range of a text, white space aside."""
    most = 2 * len(quoted) + MOST_BLANKS
    return is_quoted(quoted, text, [(start, end)], plain=_plain, most=most)


def _from_utf16(text: str, offset: int) -> int:
    """The number of characters in so many UTF-16 units of a text."""
    return min(max(offset, 0) - bisect_left(_pairs(text), offset), len(text))


@lru_cache(maxsize=1)
def _pairs(text: str) -> Sequence[int]:
    """The places in UTF-16 units of the characters that have two of them.

    They are found once for all regions of a text.
    """
    found = (match.start() for match in PAIR.finditer(text))
    return [place + number for number, place in enumerate(found)]
