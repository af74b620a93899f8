"""The original spaces of a column file, from a second file that holds its sentences.

A raw text has one line for each sentence, in the same order: the same tokens with the
white space of the original between them. Lines that are blank are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from tfner.corpus.joining import place_words, text_key
from tfner.errors import CorpusError, joined, shorten
from tfner.storage.lines import read_lines

ALIGNED = 500
"""Sentences that are aligned at once."""
CONTEXT = 10  # characters shown before the first that differs


class NumberedWords(NamedTuple):
    """The words of a sentence, and the line number of the first."""

    line: int
    words: Sequence[str]


class Difference(NamedTuple):
    """A line at which a column file and its raw text differ, and how they do."""

    path: str
    line: int
    message: str


def read_raw_text(path: str) -> list[tuple[int, str]]:
    """Number and content of each line that is not blank."""
    return [(n, line) for n, line in read_lines(path) if line.strip(" \t")]


def texts_of(path: str, sentences: Iterable[NumberedWords], raw: str) -> list[str]:
    """The text of each sentence, held in memory.

    Args:
        path: the column file, for messages.
        sentences: all of its sentences.
        raw: the file with their texts.

    Raises:
        CorpusError: sentences and lines differ; all of them are named.
    """
    sentences, lines = list(sentences), read_raw_text(raw)
    differences = find_differences(path, sentences, raw, lines)
    if differences:
        problems = [f"{file}:{line}: {message}" for file, line, message in differences]
        raise CorpusError(
            f"{joined(problems, what='differences')}\nA raw text has one line for each "
            "sentence: its tokens with the spaces of the original. Here are "
            f"{len(sentences)} sentences and {len(lines)} lines. Mend either file."
        )
    return [text for _, text in lines]


def find_differences(
    path: str,
    sentences: Sequence[NumberedWords],
    raw: str,
    lines: Sequence[tuple[int, str]],
) -> list[Difference]:
    """Compare a column file with the raw text that is said to be its own.

    The two are aligned first: a line too few or too many is one difference, not one for
    each sentence after it.

    Args:
        path: the column file, for messages.
        sentences: its sentences.
        raw: the file of the raw text, for messages.
        lines: its lines that are not blank, with their numbers.
    """
    ours = [text_key("".join(words)) for _, words in sentences]
    theirs = [text_key(text) for _, text in lines]
    compared = []
    for begin, end, raw_begin, raw_end in _aligned(ours, theirs):
        pairs = zip_longest(sentences[begin:end], lines[raw_begin:raw_end])
        compared += [_compare(path, sentence, raw, line) for sentence, line in pairs]
    return [difference for difference in compared if difference is not None]


def _aligned(
    ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Half-open ranges of either side that correspond, in order.

    What is equal at both ends is left aside, and what lies between is aligned piece by
    piece: the time grows with the square of a piece, or more.
    """
    size = min(len(ours), len(theirs))
    start = next((n for n in range(size) if ours[n] != theirs[n]), size)
    most = size - start
    end = next((n for n in range(most) if ours[-1 - n] != theirs[-1 - n]), most)
    yield 0, start, 0, start
    left, right = start, start
    last, raw_last = len(ours) - end, len(theirs) - end
    while left < last or right < raw_last:
        mine = ours[left : min(left + ALIGNED, last)]
        other = theirs[right : min(right + ALIGNED, raw_last)]
        steps = SequenceMatcher(None, mine, other, autojunk=False).get_opcodes()
        equal = [n for n, (kind, *_) in enumerate(steps, 1) if kind == "equal"]
        is_full = len(mine) == len(other) == ALIGNED
        if is_full and equal and steps[equal[-1] - 1][2] > ALIGNED // 2:
            del steps[equal[-1] :]  # the next piece begins behind what is equal
        for _, begin, stop, raw_begin, raw_stop in steps:
            yield left + begin, left + stop, right + raw_begin, right + raw_stop
        left, right = left + steps[-1][2], right + steps[-1][4]
    yield last, len(ours), raw_last, len(theirs)


def _compare(
    path: str, sentence: NumberedWords | None, raw: str, line: tuple[int, str] | None
) -> Difference | None:
    if sentence is None:
        number, text = line or (0, "")
        message = f"no sentence of {path} is this line: {shorten(text)}"
        return Difference(raw, number, message)
    ours = text_key("".join(sentence.words))
    if line is None:
        message = f"no line of {raw} is this sentence: {shorten(ours)}"
        return Difference(path, sentence.line, message)
    number, text = line
    theirs = text_key(text)
    if ours != theirs:
        pairs = enumerate(zip(ours, theirs, strict=False))
        shared = next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
        start = max(0, shared - CONTEXT)
        message = f"{shorten(ours[start:])} is {shorten(theirs[start:])} in"
        return Difference(path, sentence.line, f"{message} {raw}:{number}")
    try:
        place_words(sentence.words, text)
    except ValueError as error:
        message = (
            f"{error} of {raw}:{number}; white space inside a token must stand in both "
            "files"
        )
        return Difference(path, sentence.line, message)
    return None
