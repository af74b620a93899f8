"""Corpora of any format, read and written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, unknown
from tfner.schemes import find_scheme
from tfner.storage.atomic import whole_file
from tfner.storage.lines import STANDARD_STREAM, check_readable


def find_format(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    default: str = "text",
    look_inside: bool = True,
) -> str:
    """The name of a path's format: the one given, one that claims it, or its suffix's.

    Args:
        path: a file, a directory, or "-" for a standard stream.
        format: a key of `FORMATS`, which is returned; None looks at the path.
        default: the format of a standard stream.
        look_inside: False for a file that is to be written, whose old content says
            nothing.

    Raises:
        ConfigError: no format has this name.
        CorpusError: no format has this suffix.
    """
    if format is not None:
        if format not in FORMATS:
            raise ConfigError(unknown("format", format, FORMATS))
        return format
    name = os.fspath(path)
    if name == STANDARD_STREAM:
        return default
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    for known in FORMATS.values():
        if known.claims(name, look_inside):
            return known.name
    for known in FORMATS.values():
        if suffix in known.suffixes:
            return known.name
    suffixes = sorted({s for known in FORMATS.values() for s in known.suffixes})
    raise CorpusError(
        f"no format has the suffix {suffix!r}. Known: {', '.join(suffixes)} (and "
        f"with .gz). Name the format: {', '.join(FORMATS)}",
        path=path,
    )


def read_corpus(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    scheme: str | None = None,
    join: str = "auto",
    word_column: int = 0,
    tag_column: int | None = -1,
    comments: bool = False,
    labels: Sequence[str] | None = None,
    raw_text: str | os.PathLike[str] | None = None,
) -> Iterator[Document]:
    """Read the documents of a corpus file, one at a time, in constant memory.

    Args:
        path: a file, gzip if it ends in `.gz`; a directory of brat pairs; "-" is
            standard input, which column files and JSON lists hold in memory.
        format: a key of `FORMATS`; None goes by the suffix ("-": text).
        scheme: tag scheme of the file. None takes the one that explains it with the
            fewest invalid transitions and logs it. Entities are the same in any case;
            a scheme that fits worse than another is an error.
        join: how words of column files and `tokens` become a text: `auto` goes by the
            script, Chinese and Japanese being written without spaces; `space`; `none`.
        word_column: column of the words; negative ones count from the end.
        tag_column: column of the tags; None for files without tags.
        comments: skip lines of column files that start with `# `, keeping them as
            metadata.
        labels: tags in the order of their ids, for records with integer tags.
        raw_text: a file with the sentences of a column file as text, one a line: their
            spaces are kept, and `join` is not used. Both files are held in memory.

    Returns:
        An iterator. `tags` are as read, unrepaired; `entities` are read from them as
        conlleval reads them.

    Raises:
        StorageError: at once if the file cannot be opened.
        CorpusError: while iterating, at the latest at the end, for its content, all
            problems together.
        ConfigError: an unknown format or join, or a raw text for a format that has its
            own.
        LabelError: an unknown scheme.
    """
    name = os.fspath(path)
    raw = None if raw_text is None else os.fspath(raw_text)
    options = ReadOptions(scheme, join, word_column, tag_column, comments, labels, raw)
    if not _may_be_directory(name, format):
        check_readable(name)
    chosen = FORMATS[find_format(name, format)]
    check_raw_text(raw, chosen.name)
    return chosen.documents(name, options)


def _may_be_directory(path: str, format: str | None) -> bool:
    """Tell whether a path is read by a format whose corpora are directories."""
    return any(
        known.write_directory is not None
        and (known.name == format or (format is None and known.claims(path, True)))
        for known in FORMATS.values()
    )


def check_raw_text(path: str | None, format: str) -> None:
    """Refuse a raw text that is of no use or cannot be read.

    Raises:
        ConfigError: the format is not that of column files.
        StorageError: there is no such file.
    """
    if path is None:
        return
    if not FORMATS[format].takes_raw_text:
        takers = " and ".join(f.name for f in FORMATS.values() if f.takes_raw_text)
        raise ConfigError(
            f"a raw text is for {takers} files; {format} has its own text"
        )
    check_readable(path)


def write_corpus(
    documents: Iterable[Document],
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    scheme: str | None = None,
    queries: Mapping[str, str] | None = None,
) -> int:
    """Write documents; the file appears only when it is complete.

    Args:
        documents: may be an iterator; nothing is held in memory.
        path: an existing file is replaced; `.gz` is compressed; "-" is standard
            output. For brat a directory.
        format: a key of `FORMATS`; None goes by the suffix ("-": jsonl).
        scheme: tag scheme of column files and CoNLL-U. None keeps each document's tags
            as they were read, or else its scheme, or else IOB2.
        queries: of mrc files: label -> query. None takes those of the documents, or
            makes them of the labels' names.

    Returns:
        Number of documents written.

    Raises:
        StorageError: the file cannot be written.
        CorpusError: the format cannot hold a document.
        ConfigError: an unknown format, a scheme for a format without tags, or queries
            for one without them or not for every label.
        LabelError: an unknown scheme.
    """
    name = os.fspath(path)
    chosen = FORMATS[find_format(name, format, default="jsonl", look_inside=False)]
    more: dict[str, Any] = {}
    if queries is not None:
        more["queries"] = queries
        _check_holds("queries are", chosen, "holds_queries", "none")
    if scheme is not None:
        _check_holds("a scheme is", chosen, "holds_tags", "no tags")
        scheme = find_scheme(scheme).name
    if chosen.write_directory is not None:
        return chosen.write_directory(documents, name)
    if chosen.write is None:
        writable = ", ".join(f.name for f in FORMATS.values() if f.write)
        raise ConfigError(f"{chosen.name} is read only. Name one of {writable}.")
    with whole_file(name) as stream:
        return chosen.write(documents, stream, scheme=scheme, **more)


def _check_holds(what: str, format: Format, ability: str, has: str) -> None:
    """Stop where something is given that the format has no place for."""
    if not getattr(format, ability):
        able = [known.name for known in FORMATS.values() if getattr(known, ability)]
        raise ConfigError(
            f"{what} for {' and '.join(able)}; {format.name} holds {has}. "
            f"Name the format: {', '.join(able)}."
        )
