"""Texts and words of JSON records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfner.corpus.joining import join_words, place_words
from tfner.corpus.records.spans import check_surrogates, is_range
from tfner.corpus.records.tags import is_words
from tfner.corpus.spacing import Spacing
from tfner.document import Word
from tfner.errors import shorten

TEXT_KEYS = ("text", "data")
"""Keys of a text, in the order in which they are looked for."""


def text_key(record: Mapping[str, Any]) -> str | None:
    """The key of a text that is a string, or None."""
    return next((k for k in TEXT_KEYS if isinstance(record.get(k), str)), None)


def text_of(record: Mapping[str, Any]) -> str:
    """The text of a record.

    Raises:
        ValueError: it has none, or holds half a character.
    """
    key = text_key(record)
    if key is None:
        raise ValueError(
            f"`text` must be a string. Received: {shorten(str(record.get('text')))}"
        )
    text: str = record[key]
    check_surrogates(text)
    return text


def own_tokens(record: Mapping[str, Any]) -> Sequence[str] | None:
    """The tokens of a record with offsets, if it has a list of strings."""
    tokens = record.get("tokens")
    return tokens if is_words(tokens) else None


def text_and_words(
    record: Mapping[str, Any],
    tokens: Sequence[str] | None,
    spacing: Callable[[Sequence[str]], Spacing],
) -> tuple[str, tuple[Word, ...] | None]:
    """The text of a record, given or made of its tokens, and its words.

    Args:
        record: an object.
        tokens: its tokens, if it has any.
        spacing: tells how tokens become a text.

    Raises:
        ValueError: says what is wrong with them.
    """
    text = record.get("text", record.get("data"))
    if tokens is not None:
        if not isinstance(text, str):
            joined, ranges = join_words(tokens, spacing(tokens))
            check_surrogates(joined)
            return joined, tuple(ranges)
        check_surrogates(text)
        return text, _place_tokens(tokens, text)
    if text is None and record.get("tokens") is None:
        raise ValueError("a record needs `text`, or `tokens`")
    if record.get("tokens") is not None and not is_token_objects(record["tokens"]):
        raise ValueError("`tokens` must be a list of strings")
    text = text_of(record)
    words = record.get("words")
    if words is None:
        return text, None
    if not isinstance(words, list) or not all(map(is_range, words)):
        raise ValueError("`words` must be a list of [start, end], integers")
    return text, tuple(Word(*word) for word in words)


def is_token_objects(value: object) -> bool:
    """True for a list of objects, as Prodigy has tokens."""
    return isinstance(value, list) and all(isinstance(token, dict) for token in value)


def _place_tokens(tokens: Sequence[str], text: str) -> tuple[Word, ...]:
    try:
        return tuple(place_words(tokens, text))
    except ValueError as error:
        raise ValueError(f"{error}; drop `text`, or mend it") from None
