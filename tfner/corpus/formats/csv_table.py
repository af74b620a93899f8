"""Tables with a header, a word a row or a sentence a row.

    Sentence #,Word,POS,Tag              id,tokens,ner_tags
    Sentence: 1,Mira,NNP,B-PER           7,"['Mira', 'ran']","['B-PER', 'O']"
    ,ran,VBD,O                           8,Oslo shone,B-LOC O

Words of one sentence have the same value in its column, or none after the first. The
columns go by their names. Written are `sentence,word,tag`.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Literal, NamedTuple, TextIO

from tfner.corpus.formats.csv_header import SENTENCE, Header, find_header, parse_list
from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.joining import join_words, words_of
from tfner.corpus.spacing import spacing_of_file
from tfner.corpus.tagging import entities_of, tags_of
from tfner.corpus.tags.schemes import TagCensus
from tfner.corpus.tidying import tidy_words
from tfner.document import Document
from tfner.errors import CorpusError, counted, listed, shorten
from tfner.storage.lines import (
    decode_lines,
    is_readable,
    read_bytes,
    read_lines,
    stem_of,
)
from tfner.tag_syntax import TagSyntax, find_syntax

logger = logging.getLogger(__name__)

LONGEST_CELL = 1 << 24
HEAD = 1000
"""Rows that show what kind of table it is."""
HEADER = ("sentence", "word", "tag")


class _Sentence(NamedTuple):
    """The words and tags of a sentence, its first line, and what is wrong with it."""

    line: int
    words: list[str]
    tags: list[str]
    problem: str | None = None


class _Table:
    """The rows of a file, which may be gone through several times."""

    def __init__(self, path: str, options: ReadOptions) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        self.path, self.options = path, options
        self._announce = True
        self._held = None if is_readable(path) else read_bytes(path)
        head = [line for _, line in islice(self._lines(), HEAD)]
        self.header = self._find_header(head)
        self._quoting = _quoting(self.header.delimiter, head)
        self.by_sentence = self._is_by_sentence()
        self._check_words()

    def sentences(self) -> Iterator[_Sentence]:
        """The sentences of the file, from the first one."""
        return self._whole() if self.by_sentence else self._collected()

    def _lines(self) -> Iterator[tuple[int, str]]:
        announce, self._announce = self._announce, False
        if self._held is None:
            return read_lines(self.path, keep_ends=True, announce=announce)
        stream = io.BytesIO(self._held)
        return decode_lines(stream, self.path, keep_ends=True, announce=announce)

    def _find_header(self, head: Sequence[str]) -> Header:
        if not head:
            raise CorpusError("the file is empty: it holds no header", path=self.path)
        options = self.options
        header = find_header(head[0], words=options.tokens_key, tags=options.tags_key)
        names = listed(header.names) if header else shorten(head[0].strip())
        if header is None or header.word is None:
            what = f"called {options.tokens_key}" if options.tokens_key else "of words"
            raise CorpusError(
                f"the first row must name the columns, and none is {what}. Received: "
                f"{names}. Name the one of words with --tokens-key",
                path=self.path,
                line=1,
            )
        if header.tag is None and (options.tags == "needed" or options.tags_key):
            what = f"called {options.tags_key}" if options.tags_key else "of tags"
            raise CorpusError(
                f"the first row names no column {what}. Received: {names}. Name it "
                "with --tags-key",
                path=self.path,
                line=1,
            )
        return header._replace(tag=None) if options.tags == "none" else header

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of each row after the header."""
        lines = (line for _, line in self._lines())
        reader = csv.reader(
            lines, delimiter=self.header.delimiter, quoting=self._quoting
        )
        begin = 1
        try:
            for row in reader:
                if begin > 1:
                    yield begin, row
                begin = reader.line_num + 1
        except csv.Error as error:
            raise CorpusError(
                f"no table: {error}; a quotation mark may have no partner",
                path=self.path,
                line=begin,
            ) from None

    def _check_words(self) -> None:
        """Stop where a column of words holds the numbers of sentences."""
        name = self.header.names[self.header.word or 0]
        if SENTENCE.fullmatch(name.lower()) and not self.by_sentence:
            raise CorpusError(
                f"column {name} holds no words. Name the one that does: --tokens-key",
                path=self.path,
                line=1,
            )

    def _is_by_sentence(self) -> bool:
        """Whether cells hold sentences: lists, or several words and tags."""
        columns = [c for c in (self.header.word, self.header.tag) if c is not None]
        rows = [row for _, row in islice(self._rows(), HEAD)]
        full = [
            [row[c].strip() for c in columns] for row in rows if len(row) > max(columns)
        ]
        lists = sum(
            any(c.startswith("[") and c.endswith("]") for c in row) for row in full
        )
        several = sum(all(len(cell.split()) > 1 for cell in row) for row in full)
        return 2 * max(lists, several) > len(full)

    def _collected(self) -> Iterator[_Sentence]:
        """Sentences of which each word has a row."""
        _, _, word, tag, column = self.header
        width = 1 + max(c for c in (word, tag, column) if c is not None)
        current, name = _Sentence(0, [], []), ""
        for line, row in self._rows():
            is_blank = not any(row)
            begins = is_blank
            if not is_blank and column is not None and len(row) > column:
                begins = row[column].strip() not in ("", name)
                name = row[column].strip() or name
            if begins and current.words:
                yield current
                current = _Sentence(0, [], [])
            if is_blank:
                continue
            if len(row) < width:
                received = f"received {len(row)}: {shorten(row[0])}"
                message = f"expected at least {width} columns, {received}"
                yield _Sentence(line, [], [], message)
                continue
            if not current.words:
                current = current._replace(line=line)
            current.words.append(row[word or 0])
            if tag is not None:
                current.tags.append(row[tag].strip())
        if current.words:
            yield current

    def _whole(self) -> Iterator[_Sentence]:
        """Sentences of a row each."""
        _, _, word, tag, _ = self.header
        for line, row in self._rows():
            if not any(row):
                continue
            cells = [
                row[c] if c is not None and len(row) > c else "" for c in (word, tag)
            ]
            try:
                words, tags = map(parse_list, cells)
            except ValueError as error:
                yield _Sentence(line, [], [], str(error))
                continue
            if tag is not None and len(words) != len(tags):
                numbers = (
                    f"{counted(len(words), 'word')} but {counted(len(tags), 'tag')}"
                )
                yield _Sentence(line, [], [], numbers)
            elif words:
                yield _Sentence(line, words, self._named(tags))

    def _named(self, tags: list[str]) -> list[str]:
        """Tags, of which integers have their names if these are given."""
        labels = self.options.labels
        if labels is None:
            return tags
        numbers = {str(number): name for number, name in enumerate(labels)}
        return [numbers.get(tag, tag) for tag in tags]


def _quoting(delimiter: str, lines: Iterable[str]) -> Literal[0, 3]:
    """How quotation marks are meant: between tabs they may stand for themselves."""
    alone = any('"' in line.rstrip("\r\n").split("\t") for line in lines)
    return csv.QUOTE_NONE if delimiter == "\t" and alone else csv.QUOTE_MINIMAL


def scan_csv(path: str, options: ReadOptions) -> Iterator[tuple[int, Document | str]]:
    """Yield, sentence by sentence, the document or a message about what is wrong.

    Raises:
        CorpusError: the header names no columns of words and tags, or no table.
    """
    table = _Table(path, options)
    census = TagCensus()
    for sentence in table.sentences():
        census.add(sentence.tags, [sentence.line] * len(sentence.tags))
    _check_sentences(table)
    syntax = find_syntax(census.tags(), scheme=options.scheme, label=options.label)
    is_tagged = table.header.tag is not None
    if options.tags == "optional" and syntax.strangers:
        is_tagged = False
    if is_tagged and syntax.problem is not None:
        raise CorpusError(_no_tags(syntax), path=path)
    if syntax.about is not None and is_tagged:
        logger.info("%s: %s", path, syntax.about)
    sentences = table.sentences()
    head = list(islice(sentences, HEAD))
    spacing = spacing_of_file((s.words for s in head), options.join, path=path)
    stem = stem_of(path)
    metadata = {} if options.tag_scheme is None else {"scheme": options.tag_scheme}
    for number, sentence in enumerate(chain(head, sentences), 1):
        problem = sentence.problem or (_stranger(sentence, syntax) if is_tagged else "")
        if problem:
            yield sentence.line, problem
            continue
        text, placed = join_words(sentence.words, spacing)
        words = tidy_words(text, placed)
        tags = None
        if is_tagged:
            tags = tuple(syntax.table[tag] for tag in sentence.tags)
        entities = entities_of(tags or (), words)
        name = f"{stem}:{number}"
        yield sentence.line, Document(name, text, entities, words, tags, {**metadata})


def _no_tags(syntax: TagSyntax) -> str:
    if all(map(str.isdigit, syntax.strangers)):
        return "tags that are numbers need their names: --tag-names O,B-PER,…"
    return f"{syntax.problem}. Or name the column: --tags-key"


def _check_sentences(table: _Table) -> None:
    """Stop where nothing says where sentences begin."""
    if table.by_sentence or table.header.sentence is not None:
        return
    several = list(islice(table.sentences(), 2))
    if len(several) == 1 and len(several[0].words) > MOST_WORDS:
        raise CorpusError(
            "no column tells where sentences begin. Call it `sentence`, or leave a row "
            "blank after each. Received: " + listed(table.header.names),
            path=table.path,
            line=1,
        )


MOST_WORDS = 1000
"""Words of a table that may be one sentence."""


def _stranger(sentence: _Sentence, syntax: TagSyntax) -> str | None:
    try:
        for tag in sentence.tags:
            syntax.canonical(tag)
    except ValueError as error:
        return str(error)
    return None


def write_csv(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents as a table of `sentence,word,tag`.

    Args:
        documents: may be an iterator.
        stream: gets the rows.
        scheme: scheme of the tags; None keeps each document's own, else IOB2.

    Returns:
        Number of documents written; those without a word cannot be and are logged.

    Raises:
        CorpusError: entities that no tags can hold; all are named.
    """
    writer = csv.writer(stream, lineterminator="\n")
    quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    written = wordless = 0
    for document, tags in rendered(
        documents, lambda d: tags_of(d, scheme) if words_of(d) else None
    ):
        if tags is None:
            wordless += 1
            continue
        words = [document.surface(word) for word in words_of(document)]
        written += 1
        # The writer would leave a carriage return unquoted, which no reader takes.
        fitting = quoted if any("\r" in word for word in words) else writer
        fitting.writerows((written, *pair) for pair in zip(words, tags, strict=True))
    if wordless:
        logger.warning("left out: %s without a word", counted(wordless, "document"))
    return written


def recognise_csv(sample: Sample) -> str | None:
    """Recognise a table by a header that names words, tags and sentences."""
    lines = sample.lines[:1]
    header = find_header(lines[0]) if lines else None
    if header is None or header.word is None or header.tag is None:
        return None
    has_lists = any("[" in line for line in sample.lines[1:3])
    if header.delimiter == "\t" and header.sentence is None and not has_lists:
        return None  # a column file with a header
    return f"its header, {listed(header.names)}"


FORMAT = Format(
    name="csv",
    about="a table with a header: a word a row, or a sentence a row",
    scan=scan_csv,
    write=write_csv,
    recognise=recognise_csv,
    suffixes=(".csv",),
    holds_tags=True,
)
