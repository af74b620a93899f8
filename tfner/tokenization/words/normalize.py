"""Unicode normalisation with alignment to the original characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Literal, NamedTuple

import numpy as np

from tfner.tokenization.encoding import Int32

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

LONGEST = 4096
"""Characters normalised at once: sorting a run of marks takes quadratic time."""


class Normalized(NamedTuple):
    """A changed text and, for each of its characters, the original range.

    Args:
        text: N characters.
        starts: (N,) first original character, or None where every character comes
            from the one at its own place.
        ends: (N,) one past the last original character, or None.
    """

    text: str
    starts: Int32 | None = None
    ends: Int32 | None = None


def normalize(text: str, form: Form = "NFKC") -> Normalized:
    """Bring a text into a normal form, with alignment.

    Example:
        >>> normal = normalize("㈱ｶﾞ")
        >>> normal.text, normal.ends.tolist()
        ('(株)ガ', [1, 1, 1, 3])
    """
    if unicodedata.is_normalized(form, text):
        return Normalized(text)
    parts: list[str] = []
    lengths: list[int] = []
    for stretch in _stretches(text, form):
        normal = unicodedata.normalize(form, stretch)
        apart = stretch.translate(_characters(form))
        if apart == normal and len(normal) == len(stretch) == len(text):
            return Normalized(normal)  # such as full-width letters
        for part in [stretch] if apart == normal else _segments(stretch, form):
            normals = _parts(part, form)
            parts += normals
            lengths += [1] * len(part) if len(normals) == len(part) else [len(part)]
    return aligned(parts, lengths)


def lower(text: str) -> Normalized:
    """Lower-case a text, with alignment: `İ` becomes two characters.

    Example:
        >>> lower("İx").ends.tolist()
        [1, 1, 2]
    """
    parts = [character.lower() for character in text]
    # A final Σ depends on its neighbours.
    return aligned(parts, [1] * len(text))._replace(text=text.lower())


def aligned(parts: Sequence[str], lengths: Sequence[int]) -> Normalized:
    """Put changed parts of a text together, with alignment.

    Args:
        parts: the changed parts; the original characters of an empty one go to the
            part before it.
        lengths: number of original characters of each part.
    """
    text = "".join(parts)
    total = sum(lengths)
    if len(parts) == len(text) == total and all(parts):
        return Normalized(text)
    kept: list[tuple[int, int, int]] = []
    position = 0
    for part, length in zip(parts, lengths, strict=True):
        start, position = position, position + length
        if part:
            kept.append((len(part), start, position))
        elif kept:
            kept[-1] = (*kept[-1][:2], position)
    sizes, starts, ends = np.array(kept, np.int32).reshape(-1, 3).T
    return Normalized(text, np.repeat(starts, sizes), np.repeat(ends, sizes))


def chained(first: Normalized, second: Normalized) -> Normalized:
    """Compose two changes, the second made to the outcome of the first."""
    if first.starts is None or first.ends is None:
        return second
    if second.starts is None or second.ends is None:
        return first._replace(text=second.text)
    return Normalized(
        second.text, first.starts[second.starts], first.ends[second.ends - 1]
    )


def _parts(text: str, form: Form) -> list[str]:
    """The normal forms of the characters, or that of a text where these differ."""
    apart = list(map(_characters(form).__getitem__, map(ord, text)))
    normal = unicodedata.normalize(form, text)
    return apart if "".join(apart) == normal else [normal]


class _Characters(dict[int, str]):
    """A cache of the normal forms of code points."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def __missing__(self, code: int) -> str:
        self[code] = unicodedata.normalize(self._form, chr(code))
        return self[code]


_characters = cache(_Characters)


def _stretches(text: str, form: Form) -> Iterator[str]:
    """A long text in stretches, cut where that changes nothing if possible."""
    start = 0
    while len(text) - start > LONGEST:
        limit = start + LONGEST
        end = limit
        while end > start and _interacts(
            form, text[max(start, end - 3) : end], text[end]
        ):
            end -= 1
        end = end if end > start else limit
        yield text[start:end]
        start = end
    yield text[start:]


def _segments(text: str, form: Form) -> Iterator[str]:
    """The shortest stretches that normalise independently of each other."""
    start = 0
    for position in range(1, len(text)):
        before = text[max(start, position - 3) : position]
        if not _interacts(form, before, text[position]):
            yield from _without_base(text[start:position], form)
            start = position
    yield from _without_base(text[start:], form)


def _without_base(segment: str, form: Form) -> list[str]:
    """A letter or space and the marks on it, apart where these only change places.

    Some mark may pass all before it and compose, so that no shorter part tells.
    """
    parts = [segment[:1], segment[1:]]
    normals = [unicodedata.normalize(form, part) for part in parts]
    apart = "".join(normals) == unicodedata.normalize(form, segment)
    return parts if all(parts) and apart else [segment]


@lru_cache(maxsize=65536)
def _interacts(form: Form, before: str, character: str) -> bool:
    """True if a character reorders or composes with those before it."""
    decomposed: Form = "NFKD" if "K" in form else "NFD"
    if unicodedata.combining(unicodedata.normalize(decomposed, character)[0]):
        return True
    apart = [unicodedata.normalize(form, part) for part in (before, character)]
    return unicodedata.normalize(form, before + character) != "".join(apart)
