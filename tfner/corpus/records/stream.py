"""The records of JSON files, one at a time and in constant memory.

A file is a list of records, lines with a record each, or one object. An object may
stand on several lines, so that a pretty-printed one is a record, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard

from tfner.errors import CorpusError, shorten
from tfner.storage.lines import MAX_LINE, read_text

QUESTION_KEYS = {"context", "query"}
"""Keys that tell a record of reading comprehension from any other."""
BLANKS = re.compile(r"[ \t\r\n]*")
CUT = 16
"""Characters at the end of a text in which JSON may fail because the text is cut."""


class NotFinite(ValueError):
    """A number that is none, or larger than any: JSON knows neither."""


def _refuse(name: str) -> float:
    raise NotFinite(f"not JSON: {name[:20]}; write a finite number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
DECODE = DECODER.raw_decode


class Found(NamedTuple):
    r"""A record of a JSON file.

    Attributes:
        line: on which it begins.
        number: of the record in a list, of the line otherwise.
        value: the record.
        problem: what is wrong with its JSON; the value is then None.
        has_escapes: there are `\\u` escapes in it, which may be half characters.
    """

    line: int
    number: int
    value: Any
    problem: str | None = None
    has_escapes: bool = False


class JsonStream:
    """The records of one file.

    Args:
        path: a file, or "-" for standard input.

    Attributes:
        is_list: the file is a JSON list; known once iteration has begun.
    """

    def __init__(self, path: str) -> None:
        self.path, self.is_list = path, False
        self._text = _Text(path)

    def __iter__(self) -> Iterator[Found]:
        """Yield the records.

        Raises:
            CorpusError: where a list is no JSON any more.
        """
        text = self._text
        if not text.skip():
            return
        self.is_list = text.next() == "[" and not text.is_line_of_pair()
        if self.is_list:
            yield from self._elements()
        else:
            yield from self._lines()

    def _elements(self) -> Iterator[Found]:
        try:
            yield from _elements(self._text)
        except (ValueError, RecursionError) as error:
            message, line = self._text.explain(error)
            raise CorpusError(message, path=self.path, line=line) from None

    def _lines(self) -> Iterator[Found]:
        text, may_span = self._text, True
        while text.skip():
            line, begin = text.line, text.column()
            content = text.rest_of_line(self.path)
            has_escapes = "\\u" in content
            try:
                value = DECODER.decode(content)
            except (ValueError, RecursionError) as error:
                found = self._spanning(content, error) if may_span else None
                if found is not None:
                    yield found
                    continue
                may_span = False
                yield Found(line, line, None, _line_problem(error, begin))
            else:
                yield Found(line, line, value, None, has_escapes)
            text.advance(text.at + len(content))

    def _spanning(self, line: str, error: Exception) -> Found | None:
        """An object that begins on a line and ends on another, or None.

        Raises:
            CorpusError: it spans lines, and is no JSON on one of the later ones.
        """
        text, begin = self._text, self._text.line
        if not (
            line.startswith("{")
            and isinstance(error, json.JSONDecodeError)
            and is_cut(line, error)
        ):
            return None
        text.hold()
        try:
            value, has_escapes = text.value()
        except (ValueError, RecursionError) as later:
            message, place = text.explain(later)
            if place > begin + 1:
                raise CorpusError(message, path=self.path, line=place) from None
            text.release()
            return None
        text.release(keep=True)
        return Found(begin, begin, value, None, has_escapes)


def _line_problem(error: Exception, begin: int) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno + begin - 1}"
    return beyond_measure(error)


def beyond_measure(error: Exception) -> str:
    """Say what is wrong with JSON that is well-formed, and yet not read."""
    if isinstance(error, NotFinite):
        return str(error)
    deep = isinstance(error, RecursionError)
    what = "nested too deeply" if deep else "a number of thousands of digits"
    return f"JSON beyond all measure: {what}; mend it, or leave it out"


def _elements(text: _Text) -> Iterator[Found]:
    """The elements of the list that begins at the place of a text."""
    number = 0
    text.advance(text.at + 1)
    text.skip()
    closed = text.next() == "]"
    while not closed:
        number, line = number + 1, text.line
        value, has_escapes = text.value()
        yield Found(line, number, value, None, has_escapes)
        text.skip()
        closed = text.next() == "]"
        if not closed and text.next() != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text.text, text.at)
        if not closed:
            text.advance(text.at + 1)
            text.skip()
    text.advance(text.at + 1)
    if text.skip():
        raise json.JSONDecodeError("Extra data", text.text, text.at)


def is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Tell whether JSON may fail only because its text breaks off."""
    at_end = not text[error.pos + CUT :].strip()
    return at_end or error.msg.startswith("Unterminated string")


class _Text:
    """The text of a file from the place where reading stands.

    Attributes:
        text: as much of it as is held.
        at: the place in `text`.
        line: number of the line of that place, from 1.
    """

    def __init__(self, path: str) -> None:
        self._blocks = read_text(path)
        self.text, self.at, self.line = "", 0, 1
        self._end = ""
        self._is_whole = False
        self._before = 0  # characters of the line that are held no more
        self._held: tuple[int, int] | None = None

    def more(self) -> bool:
        """Read as much again as is held and not yet read; False at the end."""
        if self._is_whole:
            return False
        if self._held is None:
            self._drop()
        held, size = [self.text], 0
        for block in self._blocks:
            held.append(block)
            size += len(block)
            if size >= max(1, len(self.text) - self.at):
                break
        else:
            self._is_whole = True
        self.text = "".join(held)
        if not self._end:
            has_feed = "\n" in self.text or "\r" not in self.text
            self._end = "\n" if has_feed else "\r"
        return bool(size)

    def _drop(self) -> None:
        """Hold no longer what is before the place."""
        last = self.text.rfind(self._end, 0, self.at) if self._end else -1
        self._before = self.at - last - 1 if last >= 0 else self._before + self.at
        self.text, self.at = self.text[self.at :], 0

    def hold(self) -> None:
        """Keep the text from here on, so that reading can come back to this place."""
        if 2 * self.at > len(self.text):  # else it is copied for every record
            self._drop()
        self._held = self.at, self.line

    def release(self, *, keep: bool = False) -> None:
        """Go back to the place of `hold`, or stay here."""
        if self._held is not None and not keep:
            self.at, self.line = self._held
        self._held = None

    def skip(self) -> bool:
        """Go to the next character that is not blank; False at the end."""
        while True:
            blanks = BLANKS.match(self.text, self.at)
            self.advance(blanks.end() if blanks else self.at)
            if self.at < len(self.text):
                return True
            if not self.more():
                return False

    def next(self) -> str:
        """The character at the place."""
        return self.text[self.at : self.at + 1]

    def advance(self, to: int) -> None:
        """Go to a place in the text that is held."""
        self.line += self.text.count(self._end, self.at, to) if self._end else 0
        self.at = to

    def column(self, at: int | None = None) -> int:
        """The column, from 1, of a place; that of the place if None."""
        at = self.at if at is None else at
        last = self.text.rfind(self._end or "\n", 0, at)
        return at - last if last >= 0 else at + 1 + self._before

    def rest_of_line(self, path: str) -> str:
        """The line from the place on, without its end.

        Raises:
            CorpusError: it is longer than any line of text.
        """
        while (end := self.text.find(self._end, self.at)) < 0:
            if len(self.text) - self.at > MAX_LINE:
                raise CorpusError(
                    f"a line of more than {MAX_LINE >> 20} MB. Give each record a line "
                    "of its own, or check that this is the file that you mean.",
                    path=path,
                    line=self.line,
                )
            if not self.more():
                return self.text[self.at :]
        return self.text[self.at : end]

    def is_line_of_pair(self) -> bool:
        """True for a line `["text", {…}]`, the training data of spaCy 2 as lines."""
        while (end := self.text.find(self._end, self.at)) < 0 and self.more():
            if len(self.text) - self.at > MAX_LINE:
                return False
        try:
            line = json.loads(self.text[self.at : end if end >= 0 else None])
        except (ValueError, RecursionError):
            return False
        return is_pair(line)

    def value(self) -> tuple[Any, bool]:
        r"""The JSON value at the place, and whether it has `\u`; go to its end.

        Raises:
            ValueError: it is none.
            RecursionError: it is nested too deeply.
        """
        while True:
            try:
                value, end = DECODE(self.text, self.at)
            except json.JSONDecodeError as error:
                if self._is_whole or not is_cut(self.text, error):
                    raise
            else:
                if self._is_whole or end < len(self.text):
                    has_escapes = self.text.find("\\u", self.at, end) >= 0
                    self.advance(end)
                    return value, has_escapes
            self.more()

    def explain(self, error: Exception) -> tuple[str, int]:
        """Say what is wrong with the JSON at the place, and on which line."""
        if not isinstance(error, json.JSONDecodeError):
            return beyond_measure(error), self.line
        line = self.line + self.text.count(self._end or "\n", self.at, error.pos)
        message = f"not JSON: {error.msg} at column {self.column(error.pos)}"
        return message, line


def is_pair(value: object) -> TypeGuard[list[Any]]:
    """True for `["text", {"entities": …}]`, as spaCy 2 is trained with."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], dict)
    )


def described(value: object) -> str:
    """A JSON value for a message, shortened."""
    return shorten(json.dumps(value, ensure_ascii=False))
