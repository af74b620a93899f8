"""Annotations under keys that no shape of records reads: they are never passed over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tfner.corpus.formats.rasa_attributes import ATTRIBUTES
from tfner.corpus.records.spans import is_integer, is_range, is_triple, show_keys

USUAL = (
    "entities",
    "entity",
    "ents",
    "named_entities",
    "label",
    "labels",
    "spans",
    "annotations",
    "annotation",
    "completions",
    "ner",
    "ner_tags",
    "tags",
    "tag",
)
"""Keys under which annotations usually stand."""
READ_FROM = "`entities`, `label`, `spans`, or `tokens` with `ner_tags`"
"""Keys from which annotations are read, the most usual ones."""
STARTS = {"start", "begin", "offset", "from", "first", "s"}
ENDS = {"end", "stop", "length", "finish", "to", "last", "until", "e"}
PARTS = re.compile("[a-z]+")
CAMEL = re.compile("(?<=[a-z])(?=[A-Z])")
RANGES = ("span", "offsets", "range", "position", "char_span")
OTHER = {ATTRIBUTES, "relations", "words", "tokens"}
"""Keys whose lists of offsets are known to be something else."""


def unread_problem(rest: Mapping[str, Any], size: int, *, has_text: bool) -> str | None:
    """Say what is wrong with a record whose annotations are not read, or None.

    Args:
        rest: what was not read of a record in which no entity was found.
        size: length of its text.
        has_text: the record has one, and not tokens alone.
    """
    for key, value in rest.items():
        if key not in OTHER and holds_annotations(value, size):
            return (
                f"`{key}` holds what looks like annotations, and is not read. "
                f"{_meant(value, has_text)}"
            )
    return None


def _meant(value: object, has_text: bool) -> str:
    """Where annotations such as these are read from."""
    if not has_text:
        return (
            "Spans of tokens are read from `ner`, ends inclusive, of `tokenized_text`"
        )
    if isinstance(value, list) and all(map(is_triple, value)):
        return "Name the key `label`, or `entities`"
    return 'They are read from `entities`, as {"start":, "end":, "label":}'


def unusual_problem(record: Mapping[str, Any]) -> str | None:
    """Say what is wrong where a usual key holds no entities, or None.

    Args:
        record: one that no shape knows.
    """
    for key in USUAL:
        value = record.get(key)
        if value is None or value == []:
            continue
        if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
            what = "classes of the whole text, or tags without `tokens`"
        elif isinstance(value, str | int | float):
            what = "a class of the whole text"
        else:
            what = "what is not known"
        return (
            f"`{key}` holds no entities, but {what}. Entities are read from "
            '`entities`, `label` or `spans`, as {"start":, "end":, "label":}'
        )
    return None


def may_annotate(key: str, value: object, size: int) -> bool:
    """Tell whether a key holds what are annotations, or looks like them.

    Args:
        key: of a record.
        value: what stands there.
        size: length of the text.
    """
    return key in USUAL or key == ATTRIBUTES or holds_annotations(value, size)


def may_be_empty(record: Mapping[str, Any]) -> bool:
    """True for a record that says by an empty list that it has no entities."""
    return any(record.get(key) == [] for key in USUAL)


def holds_annotations(value: object, size: int) -> bool:
    """Tell whether a value is a list of offsets into a text, or an object with one."""
    if isinstance(value, dict):
        return any(_is_annotations(part, size) for part in value.values())
    return _is_annotations(value, size)


def _is_annotations(value: object, size: int) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(_is_annotation(element, size) for element in value)
    )


def _is_annotation(value: object, size: int) -> bool:
    if isinstance(value, list):
        numbers = [part for part in value if is_integer(part)]
        return len(numbers) >= 2 and _fit(numbers[:2], size) and _has_text(value)
    if not isinstance(value, dict):
        return False
    ranges = [value[key] for key in RANGES if is_range(value.get(key))]
    offsets = _offset(value, STARTS), _offset(value, ENDS)
    if None not in offsets:
        ranges.append([*offsets])
    # Sentences have offsets, too, and no label.
    return _has_text(value.values()) and any(_fit(part, size) for part in ranges)


def _offset(value: Mapping[str, Any], names: set[str]) -> int | None:
    for key, number in value.items():
        words = PARTS.findall(CAMEL.sub(" ", key).lower())
        if is_integer(number) and not names.isdisjoint(words):
            return int(number)
    return None


def _fit(numbers: Iterable[int], size: int) -> bool:
    return all(0 <= number <= size for number in numbers)


def _has_text(value: Iterable[object]) -> bool:
    """Whether there is what may be a label."""
    return any(isinstance(p, str) or (isinstance(p, list) and p) for p in value)


def no_tags_problem(
    record: Mapping[str, Any], keys: tuple[str, ...], words: int
) -> str:
    """Say what is wrong with tokens without tags.

    Args:
        record: has tokens.
        keys: those of the tags.
        words: the number of the tokens.
    """
    likely = [
        key
        for key, value in record.items()
        if key not in OTHER and isinstance(value, list) and len(value) == words
    ]
    hint = f", as --tags-key {likely[0]}" if likely else ""
    return (
        f"tokens without tags; these are read from {show_keys(keys)}. Name another key "
        f"by --tags-key{hint}"
    )
