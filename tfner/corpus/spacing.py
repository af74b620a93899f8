"""The spaces between the words of a file: one decision for all its sentences.

A pair of words cannot tell. Chinese and Japanese are written without spaces, but their
signs stand in Korean and English, too; and where a file has its blanks as words of
their own, every other space would be one too many.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

logger = logging.getLogger(__name__)

HAN, HANGUL, LETTERS, SIGN, BLANK = "han", "hangul", "letters", "sign", "blank"
"""Kinds of words: Han and kana, Hangul, other letters, signs of East Asia, and
white space alone."""

_HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u312f"
    "\u31a0-\u31ff\u3300-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U0001b000-\U0001b16f\U0001f200-\U0001f2ff\U00020000-\U0003ffff"
)
CJK = re.compile(f"[{_HAN}\u200b\u2ff0-\u3040\u3200-\u33ff\ufe30-\ufe4f\uff00-\uffef]")
"""Characters written without spaces: Han, kana, bopomofo, their punctuation and their
full-width forms. Not Hangul, which has spaces. U+200B stands alone as a word in some
Japanese corpora and takes no space of its own."""

SCRIPTS = {
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Burmese": "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f",
    "Khmer": "\u1780-\u17ff",
}
"""Scripts with spaces between phrases and none between words."""
PATTERNS = [
    (HANGUL, re.compile("[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb]")),
    (HAN, re.compile(f"[{_HAN}]")),
    *((script, re.compile(f"[{range_}]")) for script, range_ in SCRIPTS.items()),
]

SURVEYED = 20_000
"""Words that decide about a file."""
BLANKS_BETWEEN_WORDS, BLANKS_BETWEEN_PHRASES = 0.1, 0.01
"""Share of blanks above which they are a file's own spaces. Cut into characters, German
has 14 % of them and Korean 25 %; of the words of Thai they are 5 %."""
SHARE_OF_SCRIPT = 0.1
"""Share of the words with letters above which a script is named."""


class Spacing(NamedTuple):
    """The way in which the words of one file become texts.

    Args:
        rule: `space` between all words; `none`; `words` where a script has spaces
            between words; `characters` for Chinese and Japanese.
        script: one of `SCRIPTS`, for which `words` is not right, or "".
    """

    rule: str
    script: str = ""

    def between(self, words: Sequence[str]) -> Callable[[str, str], bool]:
        """A function that says whether a space stands between two words of a sentence.

        A sentence of the other kind of script is joined as such.

        Args:
            words: of the sentence.
        """
        if self.rule in ("space", "none"):
            return lambda left, right: self.rule == "space"
        counts = Counter(map(kind_of, words))
        others = _with_letters(counts) - counts[HAN]
        if self.rule == "characters":
            unspaced = _chinese(counts) > others or not others
        else:  # Han among Hangul has spaces
            unspaced = counts[HAN] > others and not counts[HANGUL]
        if unspaced:
            return lambda left, right: _is_spaced(left[-1]) and _is_spaced(right[0])
        if counts[HAN] and not counts[HANGUL]:
            return _meet_with_space
        if counts[BLANK]:
            return lambda left, right: BLANK not in (kind_of(left), kind_of(right))
        return lambda left, right: True


def find_spacing(sentences: Iterable[Sequence[str]], join: str = "auto") -> Spacing:
    """Decide how words become texts, by the first words of a file.

    Args:
        sentences: the words of each; no more is read than is looked at.
        join: `space` or `none` are the decision, `auto` looks at the words.

    Example:
        >>> find_spacing([["한", "국", " ", "은", "행"]]).rule
        'none'
    """
    if join != "auto":
        return Spacing(join)
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(map(kind_of, sentence))
        if counts.total() >= SURVEYED:
            break
    script = max(SCRIPTS, key=counts.__getitem__)
    if counts[script] <= SHARE_OF_SCRIPT * _with_letters(counts):
        script = ""
    unspaced = _chinese(counts) > _with_letters(counts) - counts[HAN]
    least = BLANKS_BETWEEN_PHRASES if unspaced or script else BLANKS_BETWEEN_WORDS
    if counts[BLANK] > least * counts.total():
        return Spacing("none")
    return Spacing("characters" if unspaced else "words", script)


def spacing_of_file(
    sentences: Iterable[Sequence[str]], join: str, *, path: str
) -> Spacing:
    """Decide as `find_spacing`, and warn where no decision is right.

    Args:
        sentences: the words of each sentence of the file.
        join: as there.
        path: of the file, for the warning.
    """
    spacing = find_spacing(sentences, join)
    if spacing.script:
        warn_of_script(path, spacing.script)
    return spacing


@lru_cache(maxsize=1 << 10)
def warn_of_script(path: str, script: str) -> None:
    """Log once for a file that spaces between its words are not those of its text."""
    logger.warning(
        "%s: the words are %s, which is written with spaces between phrases, not "
        "words; --join auto puts one between all words. Give the text itself, with "
        "`corpus convert --raw-text`, or use --join none and, for texts without "
        "words, `tfner train --word-splitter icu`",
        path,
        script,
    )


@lru_cache(maxsize=1 << 14)
def kind_of(word: str) -> str:
    """Tell what a word says of spaces: a kind, one of `SCRIPTS`, or "".

    Example:
        >>> list(map(kind_of, ["Sol", "東京", "《하늘》", "￥500", "500", " "]))
        ['letters', 'han', 'hangul', '', '', 'blank']
    """
    if word.isspace():
        return BLANK
    if word.isascii():
        return LETTERS if any(map(str.isalpha, word)) else ""
    for kind, pattern in PATTERNS:
        if pattern.search(word):
            return kind
    if any(map(_is_spaced, word)):
        return LETTERS
    is_sign = CJK.search(word) is not None and not any(map(str.isdigit, word))
    return SIGN if is_sign else ""


def _with_letters(counts: Counter[str]) -> int:
    return sum(counts[kind] for kind in (HAN, HANGUL, LETTERS, *SCRIPTS))


def _chinese(counts: Counter[str]) -> int:
    """The number of Chinese and Japanese words, signs among them if no Hangul is."""
    if not counts[HAN]:
        return 0
    return counts[HAN] + (0 if counts[HANGUL] else counts[SIGN])


def _is_spaced(character: str) -> bool:
    """True for a letter of a script that has spaces."""
    return character.isalpha() and CJK.match(character) is None


def _meet_with_space(left: str, right: str) -> bool:
    """Whether a space stands between two words among others that have some."""
    kinds = {kind_of(left), kind_of(right)}
    return BLANK not in kinds and not (HAN in kinds and kinds <= {HAN, SIGN})
