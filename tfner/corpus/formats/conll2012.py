"""CoNLL-2012 (OntoNotes): many columns a word, named entities in brackets. Read only.

    #begin document (bn/voa/0001); part 000
    bn/voa/0001  0  0  Mira  NNP  (TOP(S(NP*  -  -  -  -  (PERSON*  (1
    bn/voa/0001  0  1  Sol   NNP  *)          -  -  -  -  *)        1)
    #end document

A sentence is a Document, the word its fourth column. Brackets within brackets are
nested entities. Rows of one sentence are equally wide; of two sentences they are not.

Source: https://conll.cemantix.org/2012/data.html (the columns)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from tfner.corpus.columns.profile import split_row
from tfner.corpus.columns.sentences import HASH_BEGIN, HASH_LINES
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.joining import join_words
from tfner.corpus.spacing import Spacing, spacing_of_file
from tfner.document import Document, Entity, Word
from tfner.errors import shorten
from tfner.schemes import Span
from tfner.storage.lines import read_lines, stem_of

BEGIN = re.compile(r"#begin document \(?(.*?)\)?(?:; part (\d{1,9}))?")
WORD = 3
ENTITY_COLUMNS = (10, 9, 11, 8, 7, 6)
"""The column of entities, and those where other tools have it."""
LEAST_WIDTH = 12
"""Columns of a sentence without predicates; the last one holds coreference."""
CELL = re.compile(r"(?:\([^()*\s]+|\*|\))++|[-_]")
SURVEYED = 1000
"""Sentences that decide how words become a text."""


@dataclass
class _Sentence:
    document: str | None = None
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        return [row[WORD] for row in self.rows if len(row) > WORD]


def scan_conll2012(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield, sentence by sentence, the document or messages about what is wrong."""
    sentences = _sentences(read_lines(path))
    head = list(islice(sentences, SURVEYED))
    spacing = spacing_of_file((s.words for s in head), options.join, path=path)
    stem, column = stem_of(path), _entity_column(head)
    for number, sentence in enumerate(chain(head, sentences), 1):
        problems = [*_problems(sentence, column)]
        if problems:
            yield from problems
            continue
        try:
            document = _document(sentence, column, f"{stem}:{number}", spacing)
        except ValueError as error:
            yield sentence.lines[0], str(error)
            continue
        yield sentence.lines[0], document


def _sentences(lines: Iterable[tuple[int, str]]) -> Iterator[_Sentence]:
    sentence = _Sentence()
    for number, line in lines:
        is_border = line.startswith(HASH_LINES)
        if is_border or not line.strip():
            if sentence.rows:
                yield sentence
                sentence = _Sentence(sentence.document)
            if is_border:
                sentence.document = _name(line)
        else:
            sentence.rows.append(split_row(line))
            sentence.lines.append(number)
    if sentence.rows:
        yield sentence


def _name(line: str) -> str | None:
    """The document and part that a line opens; None where it ends one."""
    match = BEGIN.fullmatch(line.rstrip())
    if match is None:
        return None
    return match[1] if match[2] is None else f"{match[1]}#{int(match[2])}"


def _entity_column(sentences: Sequence[_Sentence]) -> int:
    """The column of named entities: the usual one, or another with brackets."""
    for column in ENTITY_COLUMNS:
        cells = {
            row[column] if len(row) > column else ""
            for sentence in sentences
            for row in sentence.rows
        }
        if all(map(CELL.fullmatch, cells)) and any("(" in cell for cell in cells):
            return column
    return ENTITY_COLUMNS[0]


def _problems(sentence: _Sentence, column: int) -> Iterator[tuple[int, str]]:
    width = max(LEAST_WIDTH, len(sentence.rows[0]))
    for row, line in zip(sentence.rows, sentence.lines, strict=True):
        if len(row) != width:
            received = f"received {len(row)}: {shorten(row[0])}"
            yield line, f"expected {width} columns, {received}"
        elif CELL.fullmatch(row[column]) is None:
            cell = shorten(row[column])
            yield (
                line,
                f"{cell} in column {column} is no bracket such as (PERSON*, *) or *",
            )


def _document(
    sentence: _Sentence, column: int, identifier: str, spacing: Spacing
) -> Document:
    text, placed = join_words(sentence.words, spacing)
    cells = [row[column] for row in sentence.rows]
    entities = tuple(
        Entity(placed[start].start, placed[end - 1].end, label)
        for start, end, label in read_brackets(cells)
    )
    metadata: dict[str, Any] = {}
    if sentence.document is not None:
        metadata["document"] = sentence.document
    words = tuple(Word(*word) for word in placed)
    return Document(identifier, text, entities, words, None, metadata)


def read_brackets(cells: Sequence[str]) -> list[Span]:
    """Spans of the brackets in the cells of a sentence, in the order of their ends.

    Raises:
        ValueError: a bracket has no partner.

    Example:
        >>> read_brackets(["(ORG(GPE)", "*", "*)"])
        [Span(start=0, end=1, label='GPE'), Span(start=0, end=3, label='ORG')]
    """
    spans: list[Span] = []
    opened: list[tuple[int, str]] = []
    for number, cell in enumerate(cells):
        for part in re.findall(r"\([^()*\s]+|\)", cell):
            if part != ")":
                opened.append((number, part[1:]))
            elif not opened:
                raise ValueError(f"word {number}: a bracket ends that none has begun")
            else:
                start, label = opened.pop()
                spans.append(Span(start, number + 1, label))
    if opened:
        start, label = opened[-1]
        raise ValueError(f"word {start}: the bracket ({label} does not end")
    return spans


def recognise_conll2012(sample: Sample) -> str | None:
    """Recognise documents of at least twelve columns, one of them brackets."""
    if not any(line.startswith(HASH_BEGIN) for line in sample.filled[:50]):
        return None
    sentences = list(_sentences(enumerate(sample.lines, 1)))
    rows = [row for sentence in sentences for row in sentence.rows]
    if not rows or any(len(row) < LEAST_WIDTH for row in rows):
        return None
    column = _entity_column(sentences)
    if not all(CELL.fullmatch(row[column]) for row in rows):
        return None
    return f"#begin document and the brackets in column {column}"


FORMAT = Format(
    name="conll2012",
    about="CoNLL-2012 (OntoNotes): columns with entities in brackets",
    scan=scan_conll2012,
    recognise=recognise_conll2012,
    suffixes=(".v4_gold_conll", ".v9_gold_conll", ".gold_conll"),
)
