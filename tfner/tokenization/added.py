"""Pieces that were added to a vocabulary, and are found in text before its words are.

transformers looks for them in the raw text and cuts what lies between them; so does
this, and each is a word of its own. The special pieces of the model (`[CLS]`, `<pad>`,
…) are not among them: written by a user, they are text like any other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tokenizers
from tokenizers import AddedToken, models

from tfner.document import Word, as_words
from tfner.errors import TokenizerError, shorten
from tfner.marks import trimmed

SURROGATES = re.compile("[\ud800-\udfff]")
FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
REST = "\uffff"
"""The finder's only own piece, for all text between added ones."""


class AddedPieces:
    """Finds added pieces in texts.

    Args:
        tokens: as `added_tokens` of a `tokenizer.json` lists them.
        normalizer: of that file; pieces may be found in the text that it gives.

    Raises:
        TokenizerError: the library cannot read a token.
    """

    def __init__(
        self, tokens: Sequence[Mapping[str, Any]], normalizer: Any = None
    ) -> None:
        self._finder = tokenizers.Tokenizer(models.WordLevel({REST: 0}, unk_token=REST))
        self._finder.normalizer = normalizer
        self._any = self._finder.add_tokens([read_token(token) for token in tokens]) > 0

    def find(self, text: str) -> list[Word]:
        """Ranges of the added pieces of a text, with the white space they take along.

        They are in order and without overlap.
        """
        if not self._any:
            return []
        readable = SURROGATES.sub("\ufffd", text)
        found = self._finder.encode(readable, add_special_tokens=False)
        pairs = zip(found.ids, found.offsets, strict=True)
        return [Word(*place) for number, place in pairs if number]


def read_token(token: Mapping[str, Any]) -> AddedToken:
    """Make the library's token of one in a file.

    Raises:
        TokenizerError: it lacks its content, or a setting is not true or false.
    """
    try:
        return AddedToken(
            token["content"], **{name: token[name] for name in FLAGS if name in token}
        )
    except (KeyError, TypeError) as error:
        raise TokenizerError(
            "an added piece must be an object with `content`, a text; "
            f"{', '.join(FLAGS)} are true or false. "
            f"Received: {shorten(str(dict(token)))}"
        ) from error


def words_around(
    text: str,
    found: Sequence[Word],
    find_words: Callable[[str], Sequence[tuple[int, int]]],
) -> list[Word]:
    """The words of a text, each added piece one of them.

    Args:
        text: the whole text.
        found: its added pieces, of `AddedPieces.find`.
        find_words: cuts the text between two of them into words.
    """
    if not found:
        return list(as_words(find_words(text)))
    words: list[Word] = []
    position = 0
    for start, end in (*found, (len(text), len(text))):
        between = find_words(text[position:start])
        words += [Word(position + first, position + last) for first, last in between]
        place = Word(*trimmed(text, start, end))
        if place.start < place.end:  # some vocabularies hold runs of blanks
            words.append(place)
        position = end
    return words


def without_pieces(
    text: str, words: Sequence[Word], found: Sequence[Word], filler: str
) -> str:
    """A text with added pieces overwritten, except those that words cut.

    Args:
        text: the whole text.
        words: ordered ranges without overlap.
        found: its added pieces, of `AddedPieces.find`.
        filler: a character.
    """
    if not found:
        return text
    characters, starts = list(text), [start for start, _ in words]
    for start, end in found:
        first, last = trimmed(text, start, end)
        owner = bisect_right(starts, first) - 1
        if owner >= 0 and last <= words[owner].end:
            characters[start:end] = filler * (end - start)
    return "".join(characters)
