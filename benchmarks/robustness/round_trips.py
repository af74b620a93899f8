"""Round trips of a corpus through every format that is written.

Writes the corpus in each format, reads that by what it shows, and counts the documents
whose text and entities come back as they were:

    python -m benchmarks.robustness.round_trips genia/train.jsonl.gz \
        --output round_trips.json
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import harness
from tfner import Document, read_corpus, write_corpus
from tfner.corpus import FORMATS, find_format
from tfner.corpus.joining import text_key
from tfner.errors import TfnerError
from tfner.nesting import outermost
from tfner.tokenization.align import with_words
from tfner.tokenization.words.splitters import find_splitter


def main() -> None:
    """Measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--formats", nargs="+", help="all that are written by default")
    args = parser.parse_args()
    documents = prepared(list(read_corpus(args.corpus)))
    chosen = args.formats or [
        name
        for name, known in FORMATS.items()
        if known.write is not None or known.write_path is not None
    ]
    record = {
        "corpus": args.corpus.name,
        "documents": len(documents),
        "entities": sum(len(document.entities) for document in documents),
        "formats": {name: round_trip(documents, name) for name in chosen},
    }
    harness.write(record, args.output)
    harness.show(record)


def prepared(documents: list[Document]) -> list[Document]:
    """Return documents with words, and without what only their own format holds."""
    split = find_splitter("punctuation")
    return [
        with_words(replace(document, metadata={}, tags=None), split)
        for document in documents
    ]


def round_trip(documents: list[Document], name: str) -> dict[str, Any]:
    """Write documents and read them back; flat ones if the format holds no others."""
    flat = [replace(d, entities=tuple(outermost(d.entities))) for d in documents]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        begin, nested = time.process_time(), True
        try:
            write_corpus(documents, path, format=name)
        except TfnerError:
            nested = False
            try:
                write_corpus(flat, path, format=name)
            except TfnerError as error:
                return {"refused": str(error)[:300]}
        written = time.process_time()
        found = list(read_corpus(path, format=name))
        return {
            "nested": nested,
            "recognised": recognised(path),
            "documents": len(found),
            "equal": equal(documents if nested else flat, found),
            "entities": sum(len(document.entities) for document in found),
            "write_seconds": written - begin,
            "read_seconds": time.process_time() - written,
            "megabytes": size(path) / 1e6,
        }


def recognised(path: Path) -> str | None:
    """Return the format that a file without a suffix shows."""
    try:
        return find_format(path)
    except TfnerError:
        return None


def equal(documents: list[Document], found: list[Document]) -> int:
    """Return the number of documents whose text and entities came back.

    Formats of words keep no white space, and a directory no order.
    """
    return (Counter(map(content, documents)) & Counter(map(content, found))).total()


def content(document: Document) -> tuple[Any, ...]:
    """Return text and entities without white space."""
    text = document.text
    places = [len(text_key(text[:end])) for end in range(len(text) + 1)]
    spans = ((places[e.start], places[e.end], e.label) for e in document.entities)
    return (text_key(text), *sorted(spans))


def size(path: Path) -> int:
    """Return the bytes of a file, or of the files in a directory."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
