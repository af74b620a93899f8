"""brat standoff: a text in `X.txt`, its annotations beside it in `X.ann`.

    T1<TAB>PER 0 5<TAB>Maria             characters, ends exclusive
    T2<TAB>LOC 9 12;13 17<TAB>New York   fragments: brat cuts a span at line breaks

A pair is a Document, its name the id; a corpus is one pair or a directory of them, also
in directories below it, which are then part of the id: `sub/a`. Texts are kept to the
byte, line breaks and byte order mark included. Relations, events, attributes, notes and
the like are left out and counted.

Source: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from tfner.corpus.formats.discontinuous import Pieces
from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.records.spans import excerpt, is_quoted
from tfner.document import Document, Entity
from tfner.errors import CorpusError, StorageError, counted, shorten
from tfner.storage.atomic import whole_directory
from tfner.storage.lines import STANDARD_STREAM, read_lines
from tfner.storage.publishing import ANYTHING, Version

logger = logging.getLogger(__name__)

ANNOTATIONS, TEXT = ".ann", ".txt"
RANGE = "[0-9]{1,15} [0-9]{1,15}"
# Possessive (`*+`): the engine keeps no way back for each part of a long line.
ANNOTATION = re.compile(rf"T\S*\t(\S+) ({RANGE}(?:;{RANGE})*+)\t(.*)", re.S)
OTHER = re.compile(r"[REAMN](?=[0-9])|[#*]")
KINDS = {
    "R": "relations",
    "E": "events",
    "A": "attributes",
    "M": "modifications",
    "N": "normalizations",
    "#": "notes",
    "*": "equivalences",
}
LINE = re.compile(r"[^\r\n]+")
LINE_BREAK = re.compile(r"[\r\n]")
UNSAFE = re.compile(r"^\.|[\x00-\x1f\x7f/\\]")
MAX_NAME_BYTES = 200
MOST_BREAKS = 1000
"""Line breaks at the end of an entity that its quotation may lack."""
MAX_DEPTH = 3
"""Levels of directories below that of a corpus."""


def holds_annotations(path: str | os.PathLike[str]) -> bool:
    """True for a directory with `.ann` files, or with such directories in it."""
    return next(_files_below(path, ANNOTATIONS), None) is not None


def _files_below(path: str | os.PathLike[str], suffix: str) -> Iterator[Path]:
    """The files of a suffix in a directory and below, hidden ones and links aside.

    A few levels below: no command shall read a whole disk for a name mistyped.
    """
    top = len(Path(path).parts)
    for folder, inner, names in os.walk(path):
        deepest = len(Path(folder).parts) - top >= MAX_DEPTH
        inner[:] = [n for n in inner if not (deepest or n.startswith("."))]
        for name in names:
            if name.endswith(suffix) and not name.startswith("."):
                yield Path(folder, name)


def annotation_files(path: str) -> list[str]:
    """The `.ann` files of a corpus, by name.

    Raises:
        CorpusError: there is none, or `path` is another file.
    """
    if not os.path.isdir(path):
        if path == STANDARD_STREAM or Path(path).suffix.lower() != ANNOTATIONS:
            raise CorpusError(
                "brat is read from an .ann file, its .txt being found beside it, or "
                "from a directory of such pairs. Name one of these",
                path=path,
            )
        return [path]
    files = sorted(_files_below(path, ANNOTATIONS))
    if not files:
        raise CorpusError("no .ann file lies in this directory or below", path=path)
    texts = set(_files_below(path, TEXT))
    alone = sorted(texts - {file.with_suffix(TEXT) for file in files})
    if alone:
        logger.warning(
            "%s: left out: %s without an .ann, such as %s",
            path,
            counted(len(alone), ".txt file"),
            alone[0].relative_to(path),
        )
    return list(map(str, files))


def scan_brat(
    path: str, options: ReadOptions
) -> Iterator[tuple[tuple[str, int | None], Document | str]]:
    """Yield, pair by pair, the document or a message about what is wrong with it."""
    left_out: Counter[str] = Counter()
    pieces = Pieces(options)
    for file in annotation_files(path):
        name = Path(file).with_suffix("")
        below = name.relative_to(path) if os.path.isdir(path) else Path(name.name)
        yield from _scan_pair(file, below.as_posix(), left_out, pieces)
    pieces.log(path)
    if left_out:
        counts = ", ".join(f"{count} {kind}" for kind, count in left_out.items())
        logger.warning("%s: left out: %s", path, counts)


def _scan_pair(
    file: str, identifier: str, left_out: Counter[str], pieces: Pieces
) -> Iterator[tuple[tuple[str, int | None], Document | str]]:
    partner = Path(file).with_suffix(TEXT)
    try:
        lines = read_lines(str(partner), keep_ends=True, keep_bom=True)
        text = "".join(line for _, line in lines)
    except (CorpusError, StorageError) as error:
        yield (file, None), f"the text of this pair is not to be had: {error}"
        return
    entities: list[Entity] = []
    problems = 0
    for number, line in read_lines(file):
        if other := OTHER.match(line):
            left_out[KINDS[other[0]]] += 1
        elif line.strip():
            try:
                entities += parse_annotation(line, text, pieces)
            except ValueError as error:
                problems += 1
                yield (file, number), str(error)
    if not problems:
        yield (file, None), Document(identifier, text, tuple(entities))


def parse_annotation(line: str, text: str, pieces: Pieces) -> list[Entity]:
    """The entities of one `T` line: one, unless it has several pieces.

    Args:
        line: without its line end.
        text: what the offsets count in.
        pieces: decides over fragments.

    Raises:
        ValueError: says what is wrong with it.
    """
    match = ANNOTATION.fullmatch(line)
    if match is None:
        raise ValueError(
            f"expected T1<TAB>LABEL START END<TAB>TEXT, received {shorten(line)}"
        )
    label, offsets, quoted = match.groups()
    fragments = [
        (int(start), int(end))
        for start, end in (part.split() for part in offsets.split(";"))
    ]
    found = pieces.entities(label, fragments, text)
    outer = [(fragments[0][0], fragments[-1][1])]
    most = len(quoted) + MOST_BREAKS
    if not any(
        is_quoted(quoted, text, ranges, plain=_on_one_line, most=most)
        for ranges in (fragments, outer)
    ):
        place = shorten(f"{offsets} {label}")[1:-1]
        last = max(end for _, end in fragments)
        hint = "; each CR LF counts as two" if _first_pair(text) < last else ""
        raise ValueError(
            f"entity {place} is {excerpt(text, *fragments[0])} in the text, not "
            f"{shorten(quoted)}; offsets count characters, ends are exclusive{hint}"
        )
    return found


@lru_cache(maxsize=1)
def _first_pair(text: str) -> int:
    """Where the first CR LF stands, looked for once a text; behind it if none does."""
    return text.find("\r\n") % (len(text) + 1)


def _on_one_line(text: str) -> str:
    return LINE_BREAK.sub(" ", text.rstrip("\r\n"))


def write_brat(
    documents: Iterable[Document],
    directory: str,
    *,
    replaces: Version | None = ANYTHING,
) -> int:
    """Write pairs into a directory that appears when all are written.

    File names are the ids, with `_` for what a file name cannot hold, and a number
    after those that are taken. Words and tags are left out and counted.

    Args:
        documents: may be an iterator.
        directory: is replaced if it holds nothing but pairs.
        replaces: see `write_corpus`.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: a place that cannot or may not be written; entities that brat
            cannot hold, all named.
    """
    check_target(directory)
    taken: dict[str, int] = {}
    written = renamed = with_words = 0
    with whole_directory(Path(directory), replaces=replaces) as stage:
        for document, annotations in rendered(documents, _annotations):
            name = _file_name(document.id, taken)
            for suffix, content in (
                (TEXT, document.text),
                (ANNOTATIONS, annotations),
            ):
                path = stage / f"{name}{suffix}"
                path.write_text(content, encoding="utf-8", newline="")
            written += 1
            renamed += name != document.id
            with_words += document.words is not None
    if renamed:
        ids = counted(renamed, "id")
        logger.warning("%s: changed to be a file name: %s", directory, ids)
    if with_words:
        logger.warning(
            "%s: left out, for brat has none: the words of %s",
            directory,
            counted(with_words, "document"),
        )
    return written


def check_target(directory: str) -> None:
    """Refuse a place where anything but brat's pairs would be replaced.

    Raises:
        CorpusError: `directory` is no place for pairs, or holds something else.
    """
    target = Path(directory)
    if directory == STANDARD_STREAM or target.suffix == ANNOTATIONS or target.is_file():
        raise CorpusError("brat is written as a directory; name one", path=directory)
    files = set(target.iterdir()) if target.is_dir() else set()
    pairs = {file.with_suffix(s) for file in files for s in (TEXT, ANNOTATIONS)}
    strangers = sorted(
        file.name
        for file in files
        if file not in pairs
        or not {file.with_suffix(TEXT), file.with_suffix(ANNOTATIONS)} <= files
    )
    if strangers:
        raise CorpusError(
            f"the directory holds more than brat's pairs: {shorten(strangers[0])}. "
            "Move that away, or name another directory",
            path=directory,
        )


def _annotations(document: Document) -> str:
    return "".join(_annotation_lines(document))


def _annotation_lines(document: Document) -> Iterator[str]:
    for number, entity in enumerate(document.entities, 1):
        place = f"document {document.id!r}: entity {entity.start}-{entity.end}"
        if entity.label.split() != [entity.label]:
            raise CorpusError(
                f"{place}: white space in the label {shorten(entity.label)}; brat "
                "cannot hold it. Write jsonl"
            )
        lines = LINE.finditer(document.text, entity.start, entity.end)
        spans = [match.span() for match in lines]
        if not spans or (spans[0][0], spans[-1][1]) != (entity.start, entity.end):
            raise CorpusError(
                f"{place} {entity.label} begins or ends with a line break; brat cannot "
                "hold it. Write jsonl"
            )
        offsets = ";".join(f"{start} {end}" for start, end in spans)
        quoted = " ".join(document.text[start:end] for start, end in spans)
        yield f"T{number}\t{entity.label} {offsets}\t{quoted}\n"


def _file_name(identifier: str, taken: dict[str, int]) -> str:
    """A file name for an id, different from all before even if case is ignored."""
    encoded = UNSAFE.sub("_", identifier).encode("utf-8", "replace")
    name = encoded[:MAX_NAME_BYTES].decode("utf-8", "ignore") or "_"
    chosen, key = name, name.casefold()
    while chosen.casefold() in taken:
        taken[key] += 1
        chosen = f"{name}-{taken[key]}"
    taken[chosen.casefold()] = 1
    return chosen


FORMAT = Format(
    name="brat",
    about="brat standoff: pairs of .txt and .ann",
    scan=scan_brat,
    write_path=write_brat,
    suffixes=(ANNOTATIONS,),
    recognise=lambda sample: (
        "its .ann files" if holds_annotations(sample.path) else None
    ),
    directories=True,
)
