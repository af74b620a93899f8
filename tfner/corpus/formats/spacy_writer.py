"""Writing of spaCy's DocBin."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, counted
from tfner.storage.atomic import whole_bytes
from tfner.storage.lines import STANDARD_STREAM
from tfner.storage.publishing import ANYTHING, Version

logger = logging.getLogger(__name__)

MISSING = '.spacy files need spaCy, which is missing: pip install "tfner[spacy]"'
SPAN_KEY = "sc"
"""The span group that spaCy's span categorizer reads if no other is named."""
TOKEN = re.compile(r"\w+|[^\w\s]")
GAP = re.compile(r"\s+|\S+")


def write_spacy(
    documents: Iterable[Document], path: str, *, replaces: Version | None = ANYTHING
) -> int:
    """Write a DocBin, which is held in memory.

    Entities are `doc.ents`; where any of the corpus overlap, all of them are instead
    the span group `sc`. Tokens are the words, cut where an entity begins or ends in
    one; of a document without words, its runs of letters and digits, and single signs.

    Args:
        documents: ids, tags and metadata are left out: a DocBin has none.
        path: a file.
        replaces: see `write_corpus`.

    Returns:
        Number of documents written.

    Raises:
        ConfigError: spaCy is not installed.
        CorpusError: `path` is standard output.
        StorageError: the file cannot be written.
    """
    try:
        from spacy.tokens import Doc, DocBin, Span
        from spacy.vocab import Vocab
    except ImportError:
        raise ConfigError(MISSING) from None
    if path == STANDARD_STREAM:
        raise CorpusError("spacy is written as a file; name one", path=path)
    corpus, counts = list(documents), Counter[str]()
    as_group = any(_overlap(document) for document in corpus)
    vocab, packed = Vocab(), DocBin()
    for document in corpus:
        tokens, spaces = _tokens(document, counts)
        words = [document.text[start:end] for start, end in tokens]
        doc = Doc(vocab, words=words, spaces=spaces)
        spans = [Span(doc, *span) for span in _spans(document, tokens)]
        if as_group:
            doc.spans[SPAN_KEY] = spans
        else:
            doc.set_ents(spans)
        packed.add(doc)
    with whole_bytes(path, replaces=replaces) as file:
        file.write(packed.to_bytes())
    if as_group:
        logger.info("%s: entities overlap: all are the span group %s", path, SPAN_KEY)
    for what, count in (+counts).items():
        logger.warning("%s: %s %s", path, counted(count, "word"), what)
    return len(corpus)


def _overlap(document: Document) -> bool:
    return any(left.end > right.start for left, right in pairwise(document.entities))


def _spans(
    document: Document, tokens: list[tuple[int, int]]
) -> Iterator[tuple[Any, ...]]:
    """The entities as numbers of tokens, with their labels."""
    starts = {start: number for number, (start, _) in enumerate(tokens)}
    ends = {end: number for number, (_, end) in enumerate(tokens, 1)}
    for entity in document.entities:
        yield starts[entity.start], ends[entity.end], entity.label


def _tokens(
    document: Document, counts: Counter[str]
) -> tuple[list[tuple[int, int]], list[bool]]:
    """Tokens that make up the whole text, and whether a space follows each.

    A space with which an entity begins or ends is a token of its own.
    """
    text, words = document.text, document.words
    starts = {entity.start for entity in document.entities}
    ends = {entity.end for entity in document.entities}
    cuts = starts | ends
    if words is None:
        words_found = [match.span() for match in TOKEN.finditer(text)]
    else:
        words_found = [(start, end) for start, end in words if start < end]
        inside = sum(len(list(_cut(*word, cuts))) > 1 for word in words_found)
        counts["cut where an entity begins or ends inside"] += inside
    tokens: list[tuple[int, int]] = []
    spaces: list[bool] = []
    at = 0
    for start, end in [*words_found, (len(text), len(text))]:
        is_spaced = tokens and text.startswith(" ", at) and at < start
        if is_spaced and at not in starts and at + 1 not in ends:
            spaces[-1], at = True, at + 1
        gaps = [(at + a, at + b) for a, b in map(_span, GAP.finditer(text[at:start]))]
        for piece in [*gaps, (start, end)]:
            for part in _cut(*piece, cuts):
                tokens.append(part)
                spaces.append(False)
        at = end
    return tokens, spaces


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span()


def _cut(start: int, end: int, cuts: set[int]) -> Iterator[tuple[int, int]]:
    """The parts of a stretch between the borders of entities; none of an empty one."""
    borders = [start, *(p for p in range(start + 1, end) if p in cuts), end]
    return ((a, b) for a, b in pairwise(borders) if a < b)
