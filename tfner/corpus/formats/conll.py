"""Column files: a word a line with its tag, a blank line after each sentence.

A file is gone through twice, first for its layout, scheme and defects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfner.corpus.columns.layout import ColumnLayout, find_layout
from tfner.corpus.columns.profile import find_profile
from tfner.corpus.columns.raw_text import NumberedWords, texts_of
from tfner.corpus.columns.sentences import ColumnFile, ColumnSentence
from tfner.corpus.columns.writing import write_conll
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.joining import join_words, place_words
from tfner.corpus.spacing import Spacing, spacing_of_file
from tfner.corpus.tagging import entities_of
from tfner.corpus.tidying import tidy_words
from tfner.document import Document
from tfner.schemes import OUTSIDE
from tfner.storage.lines import stem_of


def read_conll(path: str, options: ReadOptions) -> Iterator[Document]:
    """Read a column file: a document a sentence, with its tags unrepaired.

    Metadata: `scheme`; `document` and `document_lines` where the file names documents;
    `comments`; `header`; `columns` with whole rows, `word_column` and `tag_column` or
    `tag_columns` where there is more than a word and its tag; `tags_as_read` where tags
    are spelled otherwise. Files with several columns of tags give entities alone.

    Raises:
        CorpusError: see `find_layout`; or a raw text that differs, see `texts_of`.
    """
    yield from documents_of(ColumnFile(path, options), options)


def documents_of(file: ColumnFile, options: ReadOptions) -> Iterator[Document]:
    """The documents of a column file; see `read_conll`."""
    layout, path = find_layout(file, options), file.path
    texts = None
    if options.raw_text is not None:
        numbered = (
            NumberedWords(sentence.lines[0], words_in(sentence.rows, layout))
            for sentence in file
        )
        texts = texts_of(path, numbered, options.raw_text)
    spacing = Spacing("space")
    if texts is None:
        sentences = (words_in(sentence.rows, layout) for sentence in file)
        spacing = spacing_of_file(sentences, options.join, path=path)
    common = _common_metadata(file, layout)
    stem, opened = stem_of(path), 0
    for number, sentence in enumerate(file, 1):
        surfaces = words_in(sentence.rows, layout)
        if texts is None:
            text, placed = join_words(surfaces, spacing)
        else:
            text = texts[number - 1]
            placed = place_words(surfaces, text)
        metadata = {**common}
        if sentence.document_lines:
            opened += sentence.opens
        if opened:
            metadata["document"] = f"{stem}#{opened}"
        _add_lines(metadata, sentence)
        words = tidy_words(text, tuple(placed))
        if (
            not layout.is_plain
            or words != tuple(placed)
            or layout.width != max(map(len, sentence.rows))
        ):  # written as they were
            metadata |= _columns(sentence, layout)
        read = [tags_in(sentence.rows, column, layout) for column in layout.tags]
        if layout.syntax.about is not None:
            metadata |= _spellings(sentence, layout)
        entities = entities_of(read[0], words) if read else ()
        for layer in read[1:]:
            entities += entities_of(layer, words)
        tags = tuple(read[0]) if len(read) == 1 else None
        yield Document(f"{stem}:{number}", text, entities, words, tags, metadata)


def words_in(rows: Sequence[Sequence[str]], layout: ColumnLayout) -> list[str]:
    """The words of a sentence."""
    words = [row[layout.word] for row in rows]
    return [word.partition(":")[2] for word in words] if layout.language else words


def tags_in(
    rows: Sequence[Sequence[str]],
    column: int,
    layout: ColumnLayout,
    *,
    stranger: str = OUTSIDE,
) -> list[str]:
    """The tags in a column of a sentence, spelled as tfner spells them.

    Args:
        rows: of the sentence.
        column: one of the layout's.
        layout: tells the spelling; an empty tag is O.
        stranger: what stands for cells that hold no tag.
    """
    table = layout.syntax.table
    return [table.get(row[column].strip(" "), stranger) for row in rows]


def _common_metadata(file: ColumnFile, layout: ColumnLayout) -> dict[str, Any]:
    """Metadata that all documents of a file share."""
    metadata: dict[str, Any] = {}
    if file.profile.header:
        metadata["header"] = [line for _, line in file.profile.header]
    if layout.scheme is not None:
        metadata["scheme"] = layout.scheme.name
    if layout.language:
        metadata["language_prefix"] = True
    return metadata


def _add_lines(metadata: dict[str, Any], sentence: ColumnSentence) -> None:
    for name in ("document_lines", "comments", "closing_lines"):
        if lines := getattr(sentence, name):
            metadata[name] = lines
    if sentence.separator != "\t":
        metadata["separator"] = sentence.separator


def _columns(sentence: ColumnSentence, layout: ColumnLayout) -> dict[str, Any]:
    columns = {"columns": sentence.rows, "word_column": layout.word}
    if len(layout.tags) > 1:
        return {**columns, "tag_columns": [*layout.tags]}
    return {**columns, "tag_column": layout.place}


def _spellings(sentence: ColumnSentence, layout: ColumnLayout) -> dict[str, Any]:
    """The tags of a sentence that are spelled otherwise, and what they stand for."""
    table = layout.syntax.table
    used = {row[column].strip(" ") for row in sentence.rows for column in layout.tags}
    other = {tag: table[tag] for tag in sorted(used) if tag in table}
    other = {tag: canonical for tag, canonical in other.items() if tag != canonical}
    return {"tags_as_read": other}


MOST_ODD = 0.02
"""Share of lines that may have another width in a file recognised by its columns."""


def recognise_conll(sample: Sample) -> str | None:
    """Recognise columns: rows of one width, of which one column holds tags."""
    is_json = sample.record or (sample.is_list and sample.value is not None)
    if sample.is_directory or is_json:
        return None
    head = [*enumerate(sample.lines, 1)]
    profile = find_profile(head, ReadOptions(tags="optional"))
    tagged = [column for column in profile.tagged if column > 0]
    if profile.width < 2 or profile.odd_share > MOST_ODD:
        return None
    if tagged:
        return f"its {profile.width} columns, of which {tagged[-1]} holds tags"
    return f"its {profile.width} columns, the last masked" if profile.masked else None


FORMAT = Format(
    name="conll",
    about="columns: a word a line with its tag",
    read=read_conll,
    write=write_conll,
    recognise=recognise_conll,
    suffixes=(".bio", ".iob", ".iob2", ".conll", ".tsv", ".txt"),
    holds_tags=True,
    takes_raw_text=True,
)
