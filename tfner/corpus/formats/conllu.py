"""CoNLL-U: ten columns a word, the tags of named entities in MISC.

    # sent_id = 7
    # text = 東京 Tokyo
    1<TAB>東京<TAB>…<TAB>NE=B-GPE
    2<TAB>Tokyo<TAB>…<TAB>_

A sentence is a Document; its words are what the text shows: of a range (`3-4`) the
whole and not its parts, of empty nodes (`5.1`) nothing. A word without a tag is O.
The text is that of `# text`, which must agree with SpaceAfter=No; without it that of
the forms. Columns and comments are kept in the metadata `conllu` and written back.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TextIO

from tfner.corpus.formats.conllu_plus import find_plus, global_columns
from tfner.corpus.formats.conllu_sentence import (
    EMPTY,
    ID,
    IDENTIFIER,
    MISC,
    NO_SPACE,
    TAG_KEYS,
    WIDTH,
    ConlluSentence,
    find_problems,
    misc_tag,
    parse_sentence,
    read_comments,
    set_tags,
)
from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.joining import words_of
from tfner.corpus.tagging import tags_of
from tfner.corpus.tidying import tidy_words, with_marks
from tfner.document import Document, Word
from tfner.errors import CorpusError, counted
from tfner.schemes import OUTSIDE, decode_tags, is_tag
from tfner.storage.lines import read_lines, stem_of

logger = logging.getLogger(__name__)

BRACKETS = "Entity=("  # CorefUD's nested entities


def scan_conllu(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield, sentence by sentence, the document or a message about what is wrong."""
    stem, opened = stem_of(path), 0
    common: dict[str, str] = {}
    if options.tag_scheme is not None:
        common["scheme"] = options.tag_scheme
    losses: Counter[str] = Counter()
    plus = find_plus(path, tags=options.tags_key, scheme=options.scheme)
    for comments, rows, lines in _blocks(read_lines(path), path):
        if plus is not None:
            comments = [line for line in comments if global_columns(line) is None]
            rows, problems = plus.standard_rows(rows)
            if problems:
                yield from ((lines[row], message) for row, message in problems)
                continue
        said = read_comments(comments)
        if "newdoc" in said or "newdoc id" in said:
            opened += 1
            name = said.get("newdoc id") or f"{stem}#{opened}"
            common = common | {"document": name}
        problems = find_problems(rows)
        if problems:
            yield from ((lines[row], message) for row, message in problems)
            continue
        try:
            sentence = parse_sentence(comments, rows, options.tag_scheme)
        except ValueError as error:
            yield lines[0], str(error)
            continue
        _count_losses(losses, sentence, rows)
        yield (
            lines[0],
            Document(
                said.get("sent_id") or f"{stem}:{lines[0]}",
                sentence.text,
                sentence.entities,
                sentence.words,
                sentence.tags,
                {"conllu": {"comments": comments, "rows": rows}, **common},
            ),
        )
    for what, count in losses.items():
        if count:
            logger.warning("%s: %s: %d", path, what, count)


def _blocks(
    lines: Iterable[tuple[int, str]], path: str
) -> Iterator[tuple[list[str], list[list[str]], list[int]]]:
    """Comments, rows and line numbers of each sentence; nothing is checked here."""
    comments: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, line in lines:
        if not line.strip(" \t"):
            if rows:
                yield comments, rows, numbers
                comments, rows, numbers = [], [], []
        elif line.startswith("#") and not rows:
            comments.append(line)
        else:
            rows.append(line.split("\t"))
            numbers.append(number)
    if rows:
        yield comments, rows, numbers
    elif comments:
        logger.warning(
            "%s: left out after the last sentence: %s",
            path,
            counted(len(comments), "comment"),
        )


def _count_losses(
    losses: Counter[str], sentence: ConlluSentence, rows: Sequence[Sequence[str]]
) -> None:
    losses["entities that begin or end inside a range, read as the whole of it"] += (
        sentence.widened
    )
    losses["tags of empty nodes, left out for they have no text"] += sum(
        "." in row[ID] and misc_tag(row) != OUTSIDE for row in rows
    )
    losses["values of Entity left out for they are brackets (CorefUD)"] += sum(
        BRACKETS in row[MISC] for row in rows
    )


def write_conllu(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write documents with the columns and comments they were read with.

    Others get ID, FORM and MISC alone, under `# sent_id` and `# text`.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: scheme of the tags; None keeps each document's own, else IOB2.

    Returns:
        Number of documents written; those without a word cannot be and are logged.

    Raises:
        CorpusError: texts, words or entities that CoNLL-U cannot hold; all are named.
    """
    written = wordless = 0
    for _, lines in rendered(documents, lambda d: _lines_of(d, scheme)):
        stream.writelines(f"{line}\n" for line in [*lines, ""] if lines)
        written += bool(lines)
        wordless += not lines
    if wordless:
        logger.warning("left out: %s without a word", counted(wordless, "document"))
    return written


def _lines_of(document: Document, scheme: str | None) -> list[str]:
    """The lines of a sentence, proven to be read back as the same document.

    There are none for a document without a word.
    """
    words = words_of(document)
    if not words:
        return []
    tags = tags_of(document, scheme)
    kept = _kept_lines(document, tags, scheme)
    if kept is not None and _says(kept, document.text, words, tags):
        return kept
    new = _new_lines(document, words, tags)
    if not any(c in document.id for c in "\r\n") and _says(
        new, document.text, words, tags
    ):
        return new
    raise CorpusError(
        f"document {document.id!r}: an empty word or one of white space, a tab, a line "
        "break, text outside the words, or | in a label; CoNLL-U cannot hold it. Write "
        "jsonl"
    )


def _kept_lines(
    document: Document, tags: Sequence[str], scheme: str | None
) -> list[str] | None:
    """The lines as they were read, with these tags; None if metadata has none."""
    record = document.metadata.get("conllu", {})
    try:
        comments, rows = list(record["comments"]), list(map(list, record["rows"]))
        if find_problems(rows):
            return None
        sentence = parse_sentence(comments, rows)
        if sentence.tags != tuple(tags) and len(sentence.tags) == len(tags):
            set_tags(rows, sentence.tokens, tags, scheme)
        return [*comments, *map("\t".join, rows)]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _new_lines(
    document: Document, words: Sequence[Word], tags: Sequence[str]
) -> list[str]:
    words = with_marks(document.text, words)
    close = [left.end == right.start for left, right in pairwise(words)]
    lines = [f"# sent_id = {document.id}", f"# text = {document.text}"]
    for number, (word, tag, joins) in enumerate(
        zip(words, tags, [*close, False], strict=True), 1
    ):
        items = [f"{TAG_KEYS[0]}={tag}"] * (tag != OUTSIDE) + [NO_SPACE] * joins
        filler = [EMPTY] * (WIDTH - 3)
        row = [str(number), document.surface(word), *filler, "|".join(items) or EMPTY]
        lines.append("\t".join(row))
    return lines


def _says(
    lines: Sequence[str], text: str, words: Sequence[Word], tags: Sequence[str]
) -> bool:
    """True if a reader finds this one sentence in the lines."""
    read = [line.rstrip("\r") for line in "\n".join(lines).split("\n")]
    blocks = list(_blocks(enumerate(read), ""))
    if len(blocks) != 1 or find_problems(blocks[0][1]):
        return False
    try:
        sentence = parse_sentence(*blocks[0][:2])
    except ValueError:
        return False
    if (sentence.text, decode_tags(sentence.tags)) != (text, decode_tags(tags)):
        return False
    return tidy_words(text, sentence.words) == tidy_words(text, words)


COLUMN_FILES = (".bio", ".iob", ".iob2", ".conll")
"""Suffixes that mean other columns where nothing more than ten of them is seen."""
SAID = re.compile(r"# ?(?:sent_id|text) ?=|.*\t(?:[^\t]*\|)?NE=[^\t]*$")


def recognise_conllu(sample: Sample) -> str | None:
    """Recognise ten columns, of which the first numbers the words; or their names."""
    if any(global_columns(line) for line in sample.filled[:1]):
        return "# global.columns"
    rows = [line.split("\t") for line in sample.filled if not line.startswith("#")]
    sound = [row for row in rows if len(row) == WIDTH and IDENTIFIER.fullmatch(row[ID])]
    if not rows or 10 * len(sound) < 9 * len(rows):
        return None
    if all(is_tag(row[MISC]) for row in sound):  # a column file of this width
        return None
    if sample.suffix in COLUMN_FILES and not any(map(SAID.match, sample.filled)):
        return None
    return "its ten columns, of which the first numbers the words"


FORMAT = Format(
    name="conllu",
    about="CoNLL-U with NE= in the column MISC; CoNLL-U Plus",
    scan=scan_conllu,
    write=write_conllu,
    recognise=recognise_conllu,
    suffixes=(".conllu", ".conllup"),
    holds_tags=True,
)
