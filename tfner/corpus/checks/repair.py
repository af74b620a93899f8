"""Repair of column files: invalid tags become those that conlleval reads them as."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from tfner.corpus.columns.sentences import ColumnFile
from tfner.corpus.columns.survey import survey_conll
from tfner.corpus.columns.writing import write_conll
from tfner.corpus.formats.conll import documents_of
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document
from tfner.errors import CorpusError
from tfner.schemes import decode_tags, encode_spans, find_scheme
from tfner.storage.atomic import whole_file
from tfner.storage.publishing import ANYTHING, Version


def repair_conll(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    options: ReadOptions,
    *,
    replaces: Version | None = ANYTHING,
) -> int:
    """Write a column file anew with every tag valid in the file's scheme.

    The entities stay the same; a BOM, CR LF and a missing last newline go, and tags of
    other spellings become usual ones.

    Args:
        path: the file to repair.
        output: the file to write; may be the same.
        options: how to read the file.
        replaces: see `tfner.corpus.write_corpus`.

    Returns:
        Number of changed tags, empty ones that became O included.

    Raises:
        CorpusError: the file is no corpus, or has no tags.
        StorageError: a file cannot be read or written.
    """
    name = os.fspath(path)
    if options.given_tag_column is None:
        raise CorpusError("there are no tags to repair", path=name)
    file = ColumnFile(name, options)
    survey = survey_conll(file, options)
    if len(survey.tags) > 1:
        columns = " and ".join(map(str, survey.tags))
        raise CorpusError(
            f"--repair is for one column of tags, here are {columns}. Name one with "
            "--tag-column",
            path=name,
        )
    changed = [survey.empty_tags]
    documents = _repaired(documents_of(file, options), changed)
    first = next(documents)  # a file has one scheme; by its name all are spelled alike
    is_usual = "tags_as_read" not in first.metadata
    scheme = None if is_usual else first.metadata["scheme"]
    with whole_file(output, replaces=replaces) as stream:
        write_conll(chain([first], documents), stream, scheme=scheme)
    return changed[0]


def _repaired(documents: Iterable[Document], changed: list[int]) -> Iterator[Document]:
    for document in documents:
        tags = document.tags or ()
        scheme = find_scheme(document.metadata["scheme"])
        repaired = tuple(encode_spans(decode_tags(tags), len(tags), scheme))
        changed[0] += sum(a != b for a, b in zip(tags, repaired, strict=True))
        yield replace(document, tags=repaired)
