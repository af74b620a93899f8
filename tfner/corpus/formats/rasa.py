"""Rasa NLU Markdown: sections of sentences in which entities are marked.

    ## intent:book_flight
    - from [Oslo](city) to [LA]{"entity": "city", "role": "to", "value": "Los Angeles"}

Sections `synonym`, `regex` and `lookup` hold no sentences and are skipped. HTML
comments are left out. Files without sections and dashes, one marked sentence a line,
are read too: the first line that is neither blank nor comment decides.

Source: RasaHQ/rasa docs/nlu/training-data-format.rst (sections, items, comments).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa_attributes import attribute_metadata
from tfner.corpus.formats.rasa_markup import format_markup, parse_markup
from tfner.corpus.formats.sample import Sample
from tfner.document import Document
from tfner.errors import CorpusError, counted, shorten, unknown
from tfner.storage.lines import read_lines, stem_of

logger = logging.getLogger(__name__)

ITEM = re.compile(r"[ \t]*[-*+][ \t]?")
FIRST_LINE = re.compile(r"##|[ \t]*[-*+]([ \t]|$)")
COMMENT = re.compile(r"(?<!\\)<!--")
INTENT = "intent"
SKIPPED = ("synonym", "lookup", "regex")
MARK = re.compile(r"(?<![\\!])\[[^][]+\](\([\w-]+\)|\{[^{}]*\"entity\")")
MARKED = 0.05
"""Share of sentences with a marked entity from which marks alone tell the format."""
NO_INTENT = "none"
"""Name of the section of sentences without an intent, where one must be named."""


def scan_rasa(path: str, options: ReadOptions) -> Iterator[tuple[int, Document | str]]:
    """Yield, sentence by sentence, the document or a message about what is wrong."""
    del options  # nothing in this format to choose
    stem, skipped = stem_of(path), Counter[str]()
    kind, intent = INTENT, None
    has_items: bool | None = None
    begun, inside = 0, False
    for number, raw in read_lines(path):
        begun = begun if inside else number
        line, inside = strip_comments(raw, inside=inside)
        if not line.strip():
            continue
        if has_items is None:
            has_items = FIRST_LINE.match(line) is not None
            if not has_items:
                logger.info("%s: no sections or dashes: a sentence a line", path)
        try:
            if has_items and line.startswith("##"):
                kind, intent = parse_section(line)
                skipped[kind] += kind in SKIPPED
            elif kind == INTENT:
                start = item_start(line) if has_items else plain_start(line)
                sentence, identifier = line[start:], f"{stem}:{number}"
                yield (
                    number,
                    parse_sentence(sentence, identifier, intent, column=start + 1),
                )
        except ValueError as error:
            yield number, str(error)
    if inside:
        yield begun, "a comment begins here and does not end: --> is missing"
    log_skipped(path, skipped)


def strip_comments(line: str, *, inside: bool = False) -> tuple[str, bool]:
    """Take the comments out of a line.

    Args:
        line: as read.
        inside: a comment of an earlier line goes on in it.

    Returns:
        The line without comments, and True if the last of them goes on in the next.
    """
    if not inside and "<!--" not in line:
        return line, False
    kept, at = list[str](), 0
    while at < len(line):
        if inside:
            end = line.find("-->", at)
            inside, at = end < 0, len(line) if end < 0 else end + len("-->")
        elif opening := COMMENT.search(line, at):
            kept.append(line[at : opening.start()])
            inside, at = True, opening.end()
        else:
            return "".join([*kept, line[at:]]), False
    return "".join(kept).rstrip(), inside


def _head(line: str) -> tuple[str, str] | None:
    """Kind and name of the section whose head a line is; None if it is none."""
    kind, colon, name = line.removeprefix("##").partition(":")
    return (kind.strip(" \t"), name) if line.startswith("##") and colon else None


def parse_section(line: str) -> tuple[str, str | None]:
    """The kind of a section, and the intent if the section has one.

    Raises:
        ValueError: this is not the head of a section, or it is of an unknown kind.
    """
    head = _head(line)
    name = head[1].strip() if head else ""
    if head is None or not name:
        raise ValueError(f"a section needs a name: ## intent:NAME, not {shorten(line)}")
    if head[0] not in (INTENT, *SKIPPED):
        raise ValueError(unknown("section", head[0], (INTENT, *SKIPPED)))
    return head[0], name if head[0] == INTENT else None


def item_start(line: str) -> int:
    """The column, from 0, at which the sentence of an item begins.

    Raises:
        ValueError: the line does not begin with a dash.
    """
    dash = ITEM.match(line)
    if dash is None:
        raise ValueError(f"an item must begin with '- '. Received: {shorten(line)}")
    return dash.end()


def plain_start(line: str) -> int:
    """Return 0, the beginning of a sentence that is a line without a dash.

    Raises:
        ValueError: the line is the head of a section.
    """
    head = _head(line)
    if head and head[0] in (INTENT, *SKIPPED):
        raise ValueError(
            f"the section {shorten(line)} stands in a file whose first line has no "
            "'- '. Put '- ' before each sentence"
        )
    return 0


def parse_sentence(
    sentence: str, identifier: str, intent: str | None, *, column: int
) -> Document:
    """Read one marked sentence as a Document.

    Args:
        sentence: without its dash.
        identifier: id of the document.
        intent: kept in the metadata.
        column: at which it begins in the file's line, from 1.

    Raises:
        ValueError: see `parse_markup`.
    """
    text, entities = parse_markup(sentence, column=column)
    metadata = {} if intent is None else {INTENT: intent}
    metadata |= attribute_metadata(entities)
    return Document(identifier, text, tuple(e for e, _ in entities), metadata=metadata)


def log_skipped(path: str, skipped: Counter[str]) -> None:
    """Log one line about the sections that hold no sentences, if there were any."""
    if skipped.total():
        kinds = ", ".join(f"{count} {kind}" for kind, count in skipped.items() if count)
        logger.info("%s: skipped, for they hold no sentences: %s", path, kinds)


def write_rasa(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write marked sentences under their intents; ids and words are left out.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; marks need none.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: nested entities, line breaks, or an intent that is no name; all
            such documents are named.
    """
    del scheme
    written = nameless = 0
    section: str | None = None
    for _, (item, intent) in rendered(
        documents, lambda document: (format_item(document), intent_of(document))
    ):
        if intent is None and section is not None:
            intent, nameless = NO_INTENT, nameless + 1
        if intent != section:
            separator = "\n" if written else ""
            stream.write(f"{separator}## {INTENT}:{intent}\n")
            section = intent
        stream.write(item)
        written += 1
    log_nameless(nameless)
    return written


def format_item(document: Document) -> str:
    """A sentence with its marks, as a line of a section.

    Raises:
        CorpusError: see `format_markup`.
    """
    return f"- {format_markup(document)}\n"


def intent_of(document: Document) -> str | None:
    """The intent in a document's metadata.

    Raises:
        CorpusError: it cannot stand in the head of a section.
    """
    intent = document.metadata.get(INTENT)
    if intent is None:
        return None
    if (
        not isinstance(intent, str)
        or not intent
        or intent != intent.strip()
        or any(mark in intent for mark in ("\n", "\r", "<!--"))
    ):
        raise CorpusError(
            f"document {document.id!r}: the intent {shorten(str(intent))} cannot be "
            "the name of a section. Rename it, or write jsonl"
        )
    return intent


def log_nameless(count: int) -> None:
    """Log one line about the sentences under `NO_INTENT`, if there were any."""
    if count:
        sentences = counted(count, "sentence")
        logger.info("under %r: %s without an intent", NO_INTENT, sentences)


def recognise(sample: Sample) -> str | None:
    """Tell Rasa's Markdown by the head of a section, or by marked entities."""
    heads = map(_head, sample.filled)
    known = (INTENT, *SKIPPED)
    found = next((head for head in heads if head and head[0] in known), None)
    if found is not None:
        return f"the section ## {':'.join(map(str.strip, found))}"[:80]
    marks = [MARK.search(line) for line in sample.filled]
    marked = [mark[0] for mark in marks if mark]
    enough = len(marked) > MARKED * len(marks) and sample.value is None
    return f"marks such as {shorten(marked[0])}" if marked and enough else None


FORMAT = Format(
    name="rasa",
    about="Rasa NLU Markdown",
    recognise=recognise,
    scan=scan_rasa,
    write=write_rasa,
    suffixes=(".md",),
)
