"""BioC JSON: a collection of documents, several, or documents one after another.

    {"source": "", "date": "", "key": "", "infons": {}, "documents": [
    {"id": "7", "infons": {}, "passages": [{"offset": 0, "text": "Mira syndrome.",
      "annotations": [{"id": "T1", "infons": {"type": "Disease"},
        "text": "Mira syndrome", "locations": [{"offset": 0, "length": 13}]}]}]}]}

The file is held in memory. See `tfner.corpus.formats.bioc` for what becomes of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from tfner.corpus.formats.bioc import Reader, shown, to_bioc
from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.spans import check_surrogates
from tfner.document import Document
from tfner.errors import CorpusError, shorten
from tfner.storage.lines import read_lines, stem_of

DOCUMENTS, PASSAGES = "documents", "passages"
WRAPPER = "PubTator3"
"""The key under which PubTator 3 exports documents."""
COLLECTION = {"source", "date", "key", "infons"}


def scan_bioc_json(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield messages about problems, and each sound document.

    The line beside them is that on which their collection begins.

    Raises:
        CorpusError: the file is not JSON.
    """
    content = "".join(line for _, line in read_lines(path, keep_ends=True))
    reader, stem, number = Reader(path, options), stem_of(path), 0
    for line, value in _values(content, path):
        for source in _documents(value):
            number += 1
            if isinstance(source, str):
                yield line, source
                continue
            found = reader.read(source, f"{stem}:{number}")
            if isinstance(found, Document):
                yield line, _checked(found)
            else:
                for _, message in found:
                    yield line, message
    reader.log()


def _checked(document: Document) -> Document | str:
    try:
        check_surrogates(document.text)
        return document
    except ValueError as error:
        return f"document {shorten(document.id)}: {error}"


def _values(content: str, path: str) -> Iterator[tuple[int, Any]]:
    """The JSON values of a file, each with the line on which it begins."""
    decode = json.JSONDecoder().raw_decode
    line, counted, at = 1, 0, len(content) - len(content.lstrip(" \t\r\n"))
    while at < len(content):
        line, counted = line + content.count("\n", counted, at), at
        try:
            value, end = decode(content, at)
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"not JSON: {error.msg} at column {error.colno}",
                path=path,
                line=error.lineno,
            ) from None
        except (ValueError, RecursionError) as error:  # endless digits, endless nesting
            raise CorpusError(f"JSON beyond all measure: {error}", path=path) from None
        yield line, value
        at = end
        while at < len(content) and content[at] in " \t\r\n":
            at += 1


def _documents(value: Any) -> Iterator[Any]:
    """The documents of a value, or a message for what is none."""
    if isinstance(value, list):
        for element in value:
            yield from _documents(element) if isinstance(element, dict) else [element]
    elif isinstance(value, dict) and PASSAGES in value:
        yield value
    else:
        inner: Any = None
        if isinstance(value, dict):
            inner = value.get(DOCUMENTS, value.get(WRAPPER))
        if isinstance(inner, list):
            yield from inner
        else:
            yield (
                f"expected a collection with `{DOCUMENTS}` or a document with "
                f"`{PASSAGES}`, received {shown(value)}"
            )


def write_bioc_json(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write a collection, a document a line, each of one passage.

    Args:
        documents: may be an iterator.
        stream: gets the text.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.
    """
    del scheme
    head = {"source": "tfner", "date": "", "key": "", "infons": {}}
    stream.write(f'{json.dumps(head)[:-1]}, "{DOCUMENTS}": [')
    written = 0
    for document in documents:
        content = json.dumps(to_bioc(document), ensure_ascii=False)
        stream.write(f"{',' if written else ''}\n{content}")
        written += 1
    stream.write("\n]}\n")
    return written


def _recognise(sample: Sample) -> str | None:
    record = sample.record
    if PASSAGES in record:
        return f"its key {PASSAGES!r}"
    if DOCUMENTS in record and COLLECTION & set(record):
        return f"its key {DOCUMENTS!r}"
    return f"its key {WRAPPER!r}" if WRAPPER in record else None


FORMAT = Format(
    name="bioc-json",
    about="BioC JSON: documents of passages with annotations",
    scan=scan_bioc_json,
    write=write_bioc_json,
    recognise=_recognise,
)
