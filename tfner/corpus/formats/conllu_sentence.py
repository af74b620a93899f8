"""One sentence of CoNLL-U: its rows checked, its text, words and tags read and set.

Source: https://universaldependencies.org/format.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from tfner.corpus.joining import place_words
from tfner.corpus.tagging import check_prefixes, entities_of
from tfner.corpus.tags.schemes import TagCensus
from tfner.document import Entity, Word
from tfner.errors import shorten
from tfner.schemes import (
    OUTSIDE,
    Scheme,
    Span,
    decode_tags,
    encode_spans,
    find_scheme,
    is_tag,
)

WIDTH = 10
ID, FORM, MISC = 0, 1, 9
EMPTY = "_"
NO_SPACE = "SpaceAfter=No"
TAG_KEYS = ("NE", "NER", "ner")
"""NE in UD_Japanese-GSD of Megagon Labs, GiNZA and others; ner in Stanza."""
OTHER_KEYS = ("name", "Entity")
"""NorNE and Coptic Scriptorium write tags here; elsewhere there are other things."""
IDENTIFIER = re.compile(r"([0-9]{1,9})(?:([-.])([0-9]{1,9}))?")
COMMENT = re.compile(r"#\s*(text|sent_id|newdoc id|newdoc)\s*(?:= ?(.*))?", re.S)

Row = Sequence[str]


class Token(NamedTuple):
    """A word or range of the text: the row of its form, and those of its tag."""

    row: int
    tagged: list[int]


class ConlluSentence(NamedTuple):
    """The text, words, tags and entities of one sentence.

    `widened` counts entities that begin or end inside a range; they are read as the
    whole of it.
    """

    text: str
    words: tuple[Word, ...]
    tags: tuple[str, ...]
    entities: tuple[Entity, ...]
    tokens: list[Token]
    widened: int = 0


def read_comments(comments: Iterable[str]) -> dict[str, str]:
    """The values of the comments `text`, `sent_id`, `newdoc id` and `newdoc`."""
    values: dict[str, str] = {}
    for comment in comments:
        match = COMMENT.fullmatch(comment)
        if match is not None and (match[2] is not None or match[1] == "newdoc"):
            values.setdefault(match[1], match[2] or "")
    return values


def find_problems(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Find the rules that the rows of a sentence break, each with the row's number."""
    problems: list[tuple[int, str]] = []
    following, range_end, tagged_range = 1, 0, False
    for number, row in enumerate(rows):
        if len(row) != WIDTH or not all(row):
            problems.append((number, _width_problem(row)))
            following += row[ID] == str(following)
            continue
        match = IDENTIFIER.fullmatch(row[ID])
        start, kind, end = match.groups() if match else ("", "", "")
        if kind is None and int(start) == following:
            if following <= range_end and tagged_range and find_tag(row[MISC]):
                message = "a range and its words both have tags; keep those of one"
                problems.append((number, message))
            following += 1
        elif kind == "-" and range_end < int(start) == following <= int(end):
            range_end, tagged_range = int(end), find_tag(row[MISC]) is not None
        elif kind != "." or int(start) != following - 1:
            rule = f"ID must be {following}, {following}-N or {following - 1}.N"
            problems.append((number, f"{rule}, received {shorten(row[ID])}"))
            following += kind is None
        problems += [(number, message) for message in _value_problems(row[MISC])]
    if range_end >= following:
        message = f"the sentence ends before word {range_end} of its last range"
        problems.append((len(rows) - 1, message))
    return problems


def _width_problem(row: Row) -> str:
    received = f"{len(row)} with {row.count('')} empty"
    return (
        f"expected {WIDTH} columns, none empty, received {received}: {shorten(row[0])}"
    )


def _value_problems(misc: str) -> Iterator[str]:
    for item in misc.split("|"):
        key, _, value = item.partition("=")
        if key in TAG_KEYS and not is_tag(value):
            yield (
                f"{shorten(item)} in MISC is not a tag; a tag is O or one of B I E L S "
                "U, a hyphen and a label"
            )


def find_tag(misc: str) -> tuple[str, str] | None:
    """The first tag of a MISC column, with its key."""
    for item in misc.split("|"):
        key, _, value = item.partition("=")
        if key in (*TAG_KEYS, *OTHER_KEYS) and is_tag(value):
            return key, value
    return None


def misc_tag(row: Row) -> str:
    """The tag of a row; O if it has none."""
    return (find_tag(row[MISC]) or ("", OUTSIDE))[1]


def parse_sentence(
    comments: Iterable[str], rows: Sequence[Row], scheme: str | None = None
) -> ConlluSentence:
    """The text, words, tags and entities of one sentence.

    Args:
        comments: lines that start with `#`.
        rows: without problems, see `find_problems`.
        scheme: the scheme of the tags, if it is known.

    Raises:
        ValueError: `# text` differs from the forms, tags contradict the scheme, or two
            entities meet inside a range.
    """
    tokens = find_tokens(rows)
    if not tokens:
        raise ValueError("a sentence needs a word; this one has only empty nodes")
    text, words = _place(read_comments(comments).get("text"), rows, tokens)
    tags = tuple(misc_tag(rows[row]) for token in tokens for row in token.tagged)
    check_prefixes(tags, scheme)
    if len(tags) == len(tokens):
        return ConlluSentence(text, words, tags, entities_of(tags, words), tokens)
    owners = [n for n, token in enumerate(tokens) for _ in token.tagged]
    parts = decode_tags(tags)
    spans = [Span(owners[s], owners[e - 1] + 1, label) for s, e, label in parts]
    for left, right in pairwise(spans):
        if right.start < left.end:
            form = rows[tokens[right.start].row][FORM]
            raise ValueError(f"two entities meet inside the range {shorten(form)}")
    boundaries = {0, *accumulate(len(token.tagged) for token in tokens)}
    widened = sum(not {start, end} <= boundaries for start, end, _ in parts)
    chosen = find_scheme(scheme) if scheme else scheme_of(tags)
    tags = tuple(encode_spans(spans, len(tokens), chosen))
    return ConlluSentence(text, words, tags, entities_of(tags, words), tokens, widened)


def scheme_of(tags: Sequence[str]) -> Scheme:
    """The scheme that explains the tags of one sentence best."""
    census = TagCensus()
    census.add(tags, [0] * len(tags))
    return census.best()


def find_tokens(rows: Sequence[Row]) -> list[Token]:
    """The tokens of rows; a range has a tag of its own, or that of its words."""
    tokens: list[Token] = []
    range_end = 0
    for number, row in enumerate(rows):
        start, is_range, end = row[ID].partition("-")
        if is_range:
            tokens.append(Token(number, []))
            range_end = int(end)
        elif "." in start:
            continue
        elif int(start) <= range_end:
            tokens[-1].tagged.append(number)
        else:
            tokens.append(Token(number, [number]))
    return [
        token
        if any(find_tag(rows[row][MISC]) for row in token.tagged)
        else Token(token.row, [token.row])
        for token in tokens
    ]


def _place(
    text: str | None, rows: Sequence[Row], tokens: Sequence[Token]
) -> tuple[str, tuple[Word, ...]]:
    """The text, and the ranges of the tokens in it."""
    forms = [rows[token.row][FORM] for token in tokens]
    joined = [NO_SPACE in rows[token.row][MISC].split("|") for token in tokens]
    if text is None:
        pairs = zip(forms, [*joined[:-1], True], strict=True)
        text = "".join(form if close else f"{form} " for form, close in pairs)
    try:
        words = place_words(forms, text)
    except ValueError as error:
        raise ValueError(f"# text does not match the forms: {error}") from None
    for number, (left, right) in enumerate(pairwise(words)):
        if joined[number] != (left.end == right.start):
            has, says = ("a", "has") if joined[number] else ("no", "lacks")
            raise ValueError(
                f"# text has {has} space after token {number} "
                f"{shorten(forms[number])}, whose MISC {says} {NO_SPACE}"
            )
    if rest := text[words[-1].end :].strip():
        raise ValueError(f"# text goes on after the last form: {shorten(rest)}")
    return text, tuple(words)


def set_tags(
    rows: Sequence[list[str]],
    tokens: Sequence[Token],
    tags: Sequence[str],
    scheme: str | None = None,
) -> None:
    """Put the tags of tokens into the rows, under the key that is there, or else NE.

    Args:
        rows: are changed in place.
        tokens: of the rows.
        tags: one a token.
        scheme: of the tags; None takes the one that explains them best.
    """
    numbers = [row for token in tokens for row in token.tagged]
    if len(numbers) != len(tags):
        starts = [0, *accumulate(len(token.tagged) for token in tokens)]
        spans = [Span(starts[s], starts[e], label) for s, e, label in decode_tags(tags)]
        chosen = find_scheme(scheme) if scheme else scheme_of(tags)
        tags = encode_spans(spans, len(numbers), chosen)
    present = [find_tag(rows[number][MISC]) for number in numbers]
    key = next((old[0] for old in present if old), TAG_KEYS[0])
    for number, old, tag in zip(numbers, present, tags, strict=True):
        misc = rows[number][MISC]
        items = [] if misc == EMPTY else misc.split("|")
        if old is not None:
            items[items.index("=".join(old))] = f"{old[0]}={tag}"
        elif tag != OUTSIDE:
            items.append(f"{key}={tag}")
        rows[number][MISC] = "|".join(items) or EMPTY
