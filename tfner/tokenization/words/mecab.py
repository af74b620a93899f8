"""Japanese words by MeCab, as ranges of the original text.

Japanese BERTs were trained on NFKC text cut by MeCab. The words here are the same, on
texts of any length; where MeCab itself loses text or takes quadratic time it is given
the text in parts.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
from functools import cache
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from tfner.document import Word
from tfner.errors import TokenizerError
from tfner.marks import trimmed_words
from tfner.tokenization.encoding import Int32
from tfner.tokenization.words.mecab_dictionaries import (
    COMPILED,
    PACKAGES,
    find_dictionary,
    read_user_dictionary,
    reason_of,
)
from tfner.tokenization.words.normalize import Normalized, normalize

# A NUL ends the text for MeCab, and UTF-8 has no lone surrogates.
UNREADABLE = re.compile("[\x00\ud800-\udfff]")
READABLE = {0: " ", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
# Stands after each word in MeCab's output; the dot keeps fugashi from stripping that.
SEPARATOR = "\x1f"
OUTPUT = f'-O "" -B "" -F "%m{SEPARATOR}" -U "%m{SEPARATOR}" -E "."'

LONGEST = 4096
"""Characters given to MeCab at once. A run of n equal characters takes it n² steps, and
after 65,535 bytes of white space it drops a word."""
MARGIN = 256
"""Characters at a cut whose words are left to the part that sees both their sides."""

USER_FILE = "user.dic"
SYSTEM_FOLDER = "dictionary"


class Cut(NamedTuple):
    """Words of a text in order.

    Args:
        surfaces: W words.
        starts: (W,) first character of each.
        ends: (W,) one past the last character of each.
    """

    surfaces: list[str]
    starts: Int32
    ends: Int32


class Mecab:
    """MeCab with a dictionary, and possibly a user dictionary.

    Args:
        dictionary: `ipadic`, `unidic_lite`, `unidic`, or the directory of a compiled
            dictionary.
        user_dictionary: a compiled one, or a CSV file that is compiled here.
        normalizes: bring the text into NFKC first.

    Raises:
        TokenizerError: MeCab or a dictionary is missing, damaged, or they do not fit
            each other.
    """

    kind = "mecab"

    def __init__(
        self,
        dictionary: str | Path = "ipadic",
        user_dictionary: str | Path | None = None,
        *,
        normalizes: bool = True,
    ) -> None:
        self.dictionary, self.normalizes = str(dictionary), normalizes
        self._folder = find_dictionary(dictionary)
        self._user: bytes | None = None
        if user_dictionary is not None:
            path = Path(user_dictionary).expanduser()
            self._user = read_user_dictionary(path, self._folder, normalizes=normalizes)
        self._tagger = self._open(user_dictionary)

    def _open(self, user_dictionary: str | Path | None) -> Any:
        try:
            fugashi = importlib.import_module("fugashi")
        except ImportError as error:
            raise TokenizerError(
                f"Japanese words need MeCab: pip install fugashi. Received: {error}"
            ) from error
        with TemporaryDirectory(prefix="tfner-") as folder:
            # An rc file could change anything, so MeCab gets an empty one.
            options = f"-r {os.devnull} -d {shlex.quote(str(self._folder))} {OUTPUT}"
            if self._user is not None:
                file = Path(folder) / USER_FILE
                file.write_bytes(self._user)
                options += f" -u {shlex.quote(str(file))}"
            try:
                tagger = fugashi.GenericTagger(options)
            except RuntimeError as error:
                raise TokenizerError(
                    self._refusal(user_dictionary, reason_of(error))
                ) from error
        for dictionary in tagger.dictionary_info:
            if dictionary["charset"].lower().replace("-", "") != "utf8":
                raise TokenizerError(
                    f"{self._folder}: MeCab dictionaries must be in UTF-8. Received: "
                    f"charset={dictionary['charset']}; compile it again with -t utf-8"
                )
        return tagger

    def _refusal(self, user_dictionary: str | Path | None, reason: str) -> str:
        if "incompatible" in reason:
            return (
                f"{user_dictionary}: compiled for another dictionary than "
                f"{self.dictionary}; compile it for this one, or give the CSV file"
            )
        if user_dictionary is not None and USER_FILE in reason:
            return (
                f"{user_dictionary}: no compiled user dictionary of MeCab; give one, "
                "or a file whose name ends in .csv"
            )
        return f"{self._folder}: MeCab cannot open its dictionary: {reason}"

    def normalize(self, text: str) -> Normalized:
        """Bring a text into the form that MeCab is given."""
        if UNREADABLE.search(text):
            text = text.translate(READABLE)
        return normalize(text) if self.normalizes else Normalized(text)

    def cut(self, text: str) -> Cut:
        """Cut a normalised text into MeCab's words; white space belongs to none."""
        if len(text) > LONGEST:
            return _cut_in_parts(self, text)
        return _placed(text, self.surfaces(text))

    def surfaces(self, text: str) -> list[str]:
        """The words of `cut` alone, in half the time."""
        if len(text) > LONGEST:
            return _cut_in_parts(self, text).surfaces
        if SEPARATOR in text:
            return [node.surface for node in self._tagger(text)]
        words: list[str] = self._tagger.parse(text).split(SEPARATOR)
        words.pop()
        return words

    def split(self, text: str) -> list[Word]:
        """Words of the text in NFKC, as ranges of the original text.

        Words cut out of a single original character (`㈱` is `(`, `株`, `)`) are one.
        """
        normalized = self.normalize(text)
        words, _ = original_words(normalized, self.cut(normalized.text))
        return trimmed_words(text, words)

    def save(self, directory: Path) -> dict[str, Any]:
        """Copy dictionaries that are not installed packages into a directory.

        Returns:
            `mecab_kwargs` for a Hugging Face configuration.
        """
        named = self.dictionary in PACKAGES
        options = []
        if not named:
            target = directory / SYSTEM_FOLDER
            if target.resolve() != self._folder:
                target.mkdir(exist_ok=True)
                for name in COMPILED:
                    shutil.copyfile(self._folder / name, target / name)
                (target / "mecabrc").touch()
            options += ["-d", SYSTEM_FOLDER, "-r", f"{SYSTEM_FOLDER}/mecabrc"]
        if self._user is not None:
            (directory / USER_FILE).write_bytes(self._user)
            options += ["-u", USER_FILE]
        kwargs: dict[str, Any] = {"mecab_dic": self.dictionary if named else None}
        if options:
            kwargs["mecab_option"] = shlex.join(options)
        if not self.normalizes:
            kwargs["normalize_text"] = False
        return kwargs


def _placed(text: str, surfaces: list[str]) -> Cut:
    lengths = np.fromiter(map(len, surfaces), np.int32, len(surfaces))
    if "".join(surfaces) == text:
        ends = lengths.cumsum(dtype=np.int32)
        return Cut(surfaces, ends - lengths, ends)
    starts = []
    position = 0
    for surface in surfaces:
        # Exact: only white space lies between, with which no word begins.
        start = text.index(surface, position)
        position = start + len(surface)
        starts.append(start)
    firsts = np.array(starts, np.int32)
    return Cut(surfaces, firsts, firsts + lengths)


def _cut_in_parts(mecab: Mecab, text: str) -> Cut:
    """Cut a long text in parts; these overlap, so that no word is cut at an edge."""
    words: list[Word] = []
    done = 0
    while done < len(text):
        first = max(0, done - MARGIN)
        last = min(len(text), first + LONGEST)
        settled = last if last == len(text) else last - MARGIN
        part = mecab.cut(text[first:last])
        for start, end in zip(part.starts + first, part.ends + first, strict=True):
            if done < end and start < settled:
                words.append(Word(max(start, done), end))
        done = max(settled, words[-1].end if words else 0)
    ranges = np.array(words, np.int32).reshape(-1, 2)
    return Cut([text[start:end] for start, end in words], ranges[:, 0], ranges[:, 1])


def original_words(
    normalized: Normalized, cut: Cut
) -> tuple[tuple[Word, ...], Int32 | None]:
    """Map words of a normalised text to ranges of the original one.

    Returns:
        The words, those that share an original character as one; and for each of `cut`
        (W,) the index of its word, or None where each is a word of its own.
    """
    _, starts, ends = cut
    if normalized.starts is None or normalized.ends is None:
        return _as_words(starts, ends), None
    firsts, lasts = normalized.starts[starts], normalized.ends[ends - 1]
    apart = np.ones(len(firsts), np.bool_)
    apart[1:] = firsts[1:] >= lasts[:-1]
    last_of_word = np.append(apart[1:], True)[: len(lasts)]
    owners = np.cumsum(apart, dtype=np.int32) - 1
    return _as_words(firsts[apart], lasts[last_of_word]), owners


def _as_words(starts: Int32, ends: Int32) -> tuple[Word, ...]:
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    # Half the time of Word(start, end), whose own code is Python's.
    return tuple(map(tuple.__new__, repeat(Word), pairs))


@cache
def default_mecab() -> Mecab:
    """MeCab with IPADIC, opened once."""
    return Mecab()


def split_mecab(text: str) -> list[Word]:
    """Cut a text into MeCab/IPADIC words, as ranges of it; see `Mecab.split`.

    Raises:
        TokenizerError: fugashi or the dictionary is not installed.

    Example:
        >>> split_mecab("大学へ 行く")
        [Word(start=0, end=2), Word(start=2, end=3), Word(start=4, end=6)]
    """
    return default_mecab().split(text)
