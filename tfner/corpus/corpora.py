"""Corpora of any format, read and written."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfner.config.reading import ReadingConfig
from tfner.corpus.formats import FORMATS
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.tags.names import parse_labels
from tfner.corpus.tidying import tidied
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError, unknown
from tfner.schemes import find_scheme
from tfner.storage.atomic import whole_file
from tfner.storage.encodings import binary_hint, describe_binary
from tfner.storage.lines import STANDARD_STREAM, check_readable
from tfner.storage.publishing import ANYTHING, Version

logger = logging.getLogger(__name__)


def find_format(
    path: str | os.PathLike[str], format: str | None = None, *, default: str = "text"
) -> str:
    """The format of a corpus that is to be read: the one given, or one that it shows.

    Args:
        path: a file, a directory, or "-" for standard input.
        format: a key of `FORMATS`, which is returned; None looks at the content, then
            at the name.
        default: the format of standard input.

    Raises:
        ConfigError: no format has this name.
        CorpusError: no format is recognised.
        StorageError: the file cannot be read.
    """
    return recognise(path, format, default=default)[0].name


def recognise(
    path: str | os.PathLike[str], format: str | None = None, *, default: str = "text"
) -> tuple[Format, str | None]:
    """The format of a corpus, and what in the content shows it.

    Args:
        path: see `find_format`, also for what it raises.
        format: a key of `FORMATS`; None looks.
        default: the format of standard input.

    The reason is None where the format was given or goes by the name alone.
    """
    name = os.fspath(path)
    given = _given(format or (default if name == STANDARD_STREAM else None))
    if name == STANDARD_STREAM:
        return given or FORMATS[default], None
    for known in FORMATS.values():
        if known.is_address(name) and given in (None, known):
            return known, None
    sample = Sample(name)
    if not sample.is_directory or (given is not None and not given.directories):
        check_readable(name)
    if given is not None:
        return given, None
    for known in FORMATS.values():
        reason = known.recognise(sample)
        if reason is not None:
            return known, reason
    if sample.is_directory:
        raise CorpusError(
            "this directory holds no corpus that is known: neither brat's .ann files "
            "nor a data set. Name a file in it",
            path=path,
        )
    is_named = any(known.is_named(name) for known in FORMATS.values())
    if not is_named and describe_binary(sample.head) is not None:
        raise CorpusError(f"no corpus. {binary_hint(sample.head)}", path=path)
    return _by_name(name), None


def texts_format(path: str) -> str | None:
    """Choose plain text, one document a line, for standard input and `.txt` files.

    As corpora, `.txt` files have columns; but texts to predict have no tags yet. None
    for all others: `read_corpus` looks.
    """
    is_text = path == STANDARD_STREAM or path.removesuffix(".gz").endswith(".txt")
    return "text" if is_text else None


def output_format(path: str | os.PathLike[str], format: str | None = None) -> str:
    """The format in which a path is written: the one given, or that of its name.

    Args:
        path: may exist; what lies there says nothing. "-" is written as jsonl.
        format: a key of `FORMATS`, which is returned.

    Raises:
        ConfigError: no format has this name.
        CorpusError: no format has this suffix.
    """
    name = os.fspath(path)
    given = _given(format or ("jsonl" if name == STANDARD_STREAM else None))
    return (given or _by_name(name)).name


def _given(format: str | None) -> Format | None:
    if format is not None and format not in FORMATS:
        raise ConfigError(unknown("format", format, FORMATS))
    return None if format is None else FORMATS[format]


def _by_name(path: str) -> Format:
    """The format whose files have such a name, or such a suffix."""
    for known in sorted(FORMATS.values(), key=lambda known: not known.names):
        if known.is_named(path):
            return known
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    suffixes = sorted({s for known in FORMATS.values() for s in known.suffixes})
    raise CorpusError(
        f"no format has the suffix {suffix!r}, and the content shows none. Known: "
        f"{', '.join(suffixes)} (and with .gz). Name the format: {', '.join(FORMATS)}",
        path=path,
    )


def read_corpus(
    path: str | os.PathLike[str], *, format: str | None = None, **settings: Any
) -> Iterator[Document]:
    """Read the documents of a corpus, one at a time, in constant memory.

    White space and invisible marks at the ends of entities are taken off, and of equal
    entities one is kept; both are counted and logged at the end.

    Args:
        path: a file, gzip if it ends in `.gz`; a directory of brat pairs or of a data
            set, of which `DIR#train` is one split; `hub:owner/name#train`; "-" is
            standard input, which column files and JSON lists hold in memory.
        format: a key of `FORMATS`; None goes by the content ("-": text).
        settings: fields of `ReadOptions`.

    Returns:
        An iterator. `tags` are as read, unrepaired; `entities` are read from them as
        conlleval reads them.

    Raises:
        StorageError: at once if the file cannot be opened.
        CorpusError: while iterating, at the latest at the end, for its content, all
            problems together.
        ConfigError: an unknown format or setting, or a raw text for a format that has
            its own.
        LabelError: an unknown scheme.
    """
    name, options = os.fspath(path), ReadOptions(**settings)
    chosen, reason = recognise(name, format)
    check_raw_text(options.raw_text, chosen.name)
    if reason is not None and not chosen.is_named(name):
        logger.info("%s: read as %s because of %s", name, chosen.name, reason)
    return tidied(chosen.documents(name, options), name)


def reading_settings(config: ReadingConfig) -> dict[str, Any]:
    """The arguments of `read_corpus` that a section of settings names, without format.

    Raises:
        ConfigError: `tag_names` are none.
    """
    names, same = config.tag_names, ReadOptions.__dataclass_fields__
    return {
        **{name: v for name, v in config.to_json().items() if name in same},
        "scheme": config.from_scheme,
        "labels": None if names is None else parse_labels(names, config.tags_key),
    }


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
    replaces: Version | None = ANYTHING,
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
        replaces: what may be replaced, see `tfner.storage.publishing.publish`.

    Returns:
        Number of documents written.

    Raises:
        StorageError: the file cannot be written, or something else has appeared there.
        CorpusError: the format cannot hold a document.
        ConfigError: an unknown format, a scheme for a format without tags, or queries
            for one without them or not for every label.
        LabelError: an unknown scheme.
    """
    name = os.fspath(path)
    chosen = FORMATS[output_format(name, format)]
    more: dict[str, Any] = {}
    if queries is not None:
        more["queries"] = queries
        _check_holds("queries are", chosen, "holds_queries", "none")
    if scheme is not None:
        _check_holds("a scheme is", chosen, "holds_tags", "no tags")
        scheme = find_scheme(scheme).name
    if chosen.write_path is not None:
        return chosen.write_path(documents, name, replaces=replaces)
    if chosen.write is None:
        writable = ", ".join(f.name for f in FORMATS.values() if f.write)
        raise ConfigError(f"{chosen.name} is read only. Name one of {writable}.")
    with whole_file(name, replaces=replaces) as stream:
        return chosen.write(documents, stream, scheme=scheme, **more)


def _check_holds(what: str, format: Format, ability: str, has: str) -> None:
    """Stop where something is given that the format has no place for."""
    if not getattr(format, ability):
        able = [known.name for known in FORMATS.values() if getattr(known, ability)]
        raise ConfigError(
            f"{what} for {' and '.join(able)}; {format.name} holds {has}. "
            f"Name the format: {', '.join(able)}."
        )
