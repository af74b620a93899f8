"""Reading and writing corpora of any format: the tables of formats and suffixes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tfner.corpus.formats.brat import holds_annotations, scan_brat, write_brat
from tfner.corpus.formats.conll import read_conll, write_conll
from tfner.corpus.formats.conllu import scan_conllu, write_conllu
from tfner.corpus.formats.json_list import holds_questions
from tfner.corpus.formats.jsonl import scan_jsonl, write_jsonl
from tfner.corpus.formats.mrc import scan_mrc, write_mrc
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa import scan_rasa, write_rasa
from tfner.corpus.formats.rasa_yaml import scan_rasa_yaml, write_rasa_yaml
from tfner.corpus.formats.records import Scan, read_records
from tfner.corpus.formats.stockmark import scan_stockmark, write_stockmark
from tfner.corpus.formats.text import scan_text, write_text
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, unknown
from tfner.schemes import find_scheme
from tfner.storage.files import STANDARD_STREAM, check_readable, whole_file

SCANS: dict[str, Scan] = {
    "brat": scan_brat,
    "conllu": scan_conllu,
    "jsonl": scan_jsonl,
    "mrc": scan_mrc,
    "rasa": scan_rasa,
    "rasa-yaml": scan_rasa_yaml,
    "stockmark": scan_stockmark,
    "text": scan_text,
}
"""Formats of independent records."""

READERS: dict[str, Callable[[str, ReadOptions], Iterator[Document]]] = {
    "conll": read_conll,
    **{name: partial(read_records, scan=scan) for name, scan in SCANS.items()},
}

WRITERS: dict[str, Callable[..., int]] = {
    "conll": write_conll,
    "conllu": write_conllu,
    "jsonl": write_jsonl,
    "mrc": write_mrc,
    "rasa": write_rasa,
    "rasa-yaml": write_rasa_yaml,
    "stockmark": write_stockmark,
    "text": write_text,
}
"""Each takes documents, a text stream and `scheme`, and returns how many it wrote.
`write_brat` is not among them: it takes a directory."""

TAGGED = ("conll", "conllu")
"""Formats that are written with tags."""

SUFFIXES = {
    ".ann": "brat",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".conll": "conll",
    ".conllu": "conllu",
    ".tsv": "conll",
    ".txt": "conll",
    ".json": "stockmark",
    ".jsonl": "jsonl",
    ".md": "rasa",
    ".yaml": "rasa-yaml",
    ".yml": "rasa-yaml",
}
"""Format by the end of the name, `.gz` aside."""
MRC_NAME = "mrc-ner."
"""How the published files of reading comprehension begin: `mrc-ner.train`."""


def find_format(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    default: str = "text",
    look_inside: bool = True,
) -> str:
    """The format named, or that of the suffix; `default` for standard streams.

    A directory with `.ann` files is brat, a `.json` file of questions mrc; for a file
    that is to be written, its old content says nothing: do not `look_inside`.

    Raises:
        ConfigError: no format has this name.
        CorpusError: no format has this suffix.
    """
    if format is not None:
        if format not in READERS:
            raise ConfigError(unknown("format", format, READERS))
        return format
    if os.fspath(path) == STANDARD_STREAM:
        return default
    if holds_annotations(path):
        return "brat"
    name = Path(os.fspath(path).removesuffix(".gz"))
    suffix = name.suffix.lower()
    if name.name.startswith(MRC_NAME):
        return "mrc"
    if suffix not in SUFFIXES:
        raise CorpusError(
            f"no format has the suffix {suffix!r}. Known: {', '.join(SUFFIXES)} (and "
            f"with .gz). Name the format: {', '.join(READERS)}",
            path=path,
        )
    if suffix == ".json" and look_inside and holds_questions(os.fspath(path)):
        return "mrc"
    return SUFFIXES[suffix]


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
    """Documents of a corpus file, one at a time, in constant memory.

    Args:
        path: a file, gzip if it ends in `.gz`; a directory of brat pairs; "-" is
            standard input (jsonl, conllu, text).
        format: a key of `READERS`; None goes by the suffix ("-": text).
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
        CorpusError: at once if the file cannot be opened; while iterating, at the
            latest at the end, for its content, all problems together.
        ConfigError: an unknown format or join, or a raw text for a format that has its
            own.
        LabelError: an unknown scheme.
    """
    name = os.fspath(path)
    raw = None if raw_text is None else os.fspath(raw_text)
    options = ReadOptions(scheme, join, word_column, tag_column, comments, labels, raw)
    if format not in (None, "brat") or not holds_annotations(name):
        check_readable(name)
    format = find_format(name, format)
    check_raw_text(raw, format)
    return READERS[format](name, options)


def check_raw_text(path: str | None, format: str) -> None:
    """Stop where a raw text is of no use or cannot be read.

    Raises:
        ConfigError: the format is not that of column files.
        CorpusError: there is no such file.
    """
    if path is None:
        return
    if format != "conll":
        raise ConfigError(f"a raw text is for conll files; {format} has its own text")
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
        format: a key of `READERS`; None goes by the suffix ("-": jsonl).
        scheme: tag scheme of column files and CoNLL-U. None keeps each document's tags
            as they were read, or else its scheme, or else IOB2.
        queries: of mrc files: label -> query. None takes those of the documents, or
            makes them of the labels' names.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: the file cannot be written, or the format cannot hold a document.
        ConfigError: an unknown format, a scheme for a format without tags, or queries
            for one without them or not for every label.
        LabelError: an unknown scheme.
    """
    name = os.fspath(path)
    format = find_format(name, format, default="jsonl", look_inside=False)
    more = {} if queries is None else {"queries": queries}
    if more and format != "mrc":
        raise ConfigError(
            f"queries are for mrc; {format} holds none. Name the format: mrc."
        )
    if scheme is not None:
        if format not in TAGGED:
            raise ConfigError(
                f"a scheme is for {' and '.join(TAGGED)}; {format} holds no tags"
            )
        scheme = find_scheme(scheme).name
    if format == "brat":
        return write_brat(documents, name)
    with whole_file(name) as stream:
        return WRITERS[format](documents, stream, scheme=scheme, **more)
