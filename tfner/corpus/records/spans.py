"""Entities as JSON records hold them: objects and lists with offsets."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from tfner.document import Entity
from tfner.errors import SHOWN_CHARACTERS, SHOWN_PROBLEMS, listed, shorten

Names = tuple[str, str, str]
"""Keys of start, end and label in an object."""

OWN: Names = ("start", "end", "label")


def is_integer(value: object) -> TypeGuard[int]:
    """True for an integer that is no truth value."""
    return type(value) is int


def is_range(value: object) -> bool:
    """True for `[start, end]`, two integers."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and type(value[0]) is int
        and type(value[1]) is int
    )


def is_triple(value: object) -> bool:
    """True for `[start, end, "label"]`."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and is_range(value[:2])
        and isinstance(value[2], str)
    )


def check_surrogates(text: str) -> None:
    """Refuse half a character, which JSON can write and UTF-8 cannot hold.

    Raises:
        ValueError: says where it is.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text holds a lone surrogate at character {error.start}; remove it"
        ) from None


def parse_triple(value: object, text: str) -> Entity:
    """Read an entity from `[start, end, "label"]`.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(
            f'an entity must be [start, end, "label"]. Received: {shorten(str(value))}'
        )
    return parse_entity(dict(zip(OWN, value, strict=True)), text)


def parse_entity(value: object, text: str, names: Names = OWN) -> Entity:
    """Read an entity from its JSON object; its `text`, if any, must be that there.

    Args:
        value: as JSON gives it.
        text: what the offsets count in.
        names: keys of its start, end and label.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(value, dict):
        keys = ", ".join(f'"{name}":' for name in names)
        raise ValueError(f"an entity must be {{{keys}}}")
    start, end, label = (value.get(key) for key in names)
    if value and not {*names[:2]} & value.keys():
        keys = show_keys(tuple(map(str, value)))
        raise ValueError(
            f"an entity needs `{names[0]}` and `{names[1]}`, integers; it has {keys}"
        )
    place = f"entity {shorten(f'{start}-{end} {label}')[1:-1]}"
    if not is_integer(start) or not is_integer(end):
        raise ValueError(f"{place}: `{names[0]}` and `{names[1]}` must be integers")
    if not isinstance(label, str) or not label:
        raise ValueError(f"{place}: `{names[2]}` must be a string that is not empty")
    if not 0 <= start < end <= len(text):
        raise ValueError(
            f"{place} must satisfy 0 <= start < end <= {len(text)}, the text's length"
        )
    if "text" in value and not stands_at(value["text"], text, start, end):
        raise ValueError(
            f"{place} is {excerpt(text, start, end)} in the text, not "
            f"{shorten(str(value['text']))}; offsets count characters, ends are "
            "exclusive"
        )
    return Entity(start, end, label, parse_score(value, place))


def stands_at(quoted: object, text: str, start: int, end: int) -> bool:
    """Tell whether a quotation is a range of a text.

    No more is looked at than is quoted: thousands of ranges may be the whole text.

    Args:
        quoted: as JSON gives it.
        text: what the range is of.
        start: first character.
        end: one past the last character.
    """
    return (
        isinstance(quoted, str)
        and len(quoted) == end - start
        and text.startswith(quoted, start)
    )


def is_quoted(
    quoted: str,
    text: str,
    ranges: Sequence[tuple[int, int]],
    *,
    plain: Callable[[str], str],
    most: int,
) -> bool:
    """Tell whether a quotation is what ranges of a text hold, some signs aside.

    Ranges that hold far more are not looked at: thousands may be the whole text.

    Args:
        quoted: as a file gives it.
        text: what the ranges are of.
        ranges: first characters, and those past the last; put together by blanks.
        plain: takes away the signs that do not count.
        most: characters of the ranges, with the blanks, that are looked at.
    """
    size = sum(max(0, end - start) for start, end in ranges) + len(ranges) - 1
    if size > most:
        return False
    here = " ".join(text[start:end] for start, end in ranges)
    return plain(here) == plain(quoted)


def excerpt(text: str, start: int, end: int) -> str:
    """The beginning of a range of a text, for a message.

    Args:
        text: what the range is of.
        start: first character.
        end: one past the last character.
    """
    return shorten(text[start : min(end, start + SHOWN_CHARACTERS + 1)])


def parse_score(value: Mapping[str, Any], place: str) -> float | None:
    """The score of an entity, if it has one.

    Raises:
        ValueError: it is no number.
    """
    score = value.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise ValueError(f"{place}: `score` must be a number")
    if not math.isfinite(score):
        raise ValueError(f"{place}: `score` must be a finite number")
    return score


def show_keys(keys: tuple[str, ...]) -> str:
    """Keys for a message: `a`, `b` or `c`."""
    if len(keys) > SHOWN_PROBLEMS:
        return listed(f"`{key}`" for key in keys)
    shown = [f"`{key}`" for key in keys]
    last = shown.pop()
    return f"{', '.join(shown)} or {last}" if shown else last
