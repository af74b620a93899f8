"""Rebuild schemes.tsv from seqeval: `python tests/golden/regenerate_schemes.py`.

Adding a case: add a row of scheme and tags to schemes.tsv and run this; the other two
columns are filled in. The default reading of seqeval knows neither L nor U: it is given
them as E and S, which mean the same.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import seqeval.scheme
from seqeval.metrics.sequence_labeling import get_entities

FILE = Path(__file__).with_name("schemes.tsv")
HEADER = f"""\
# How tag sequences are read. Spans are start-end-label over words, ends exclusive.
# Reference: seqeval {importlib.metadata.version("seqeval")}; made by \
tests/golden/regenerate_schemes.py.
# Column 3: its default reading (conlleval), which tfner decodes everything with.
# Column 4: its strict reading under the scheme of column 1, which only the convention
# `strict` uses. The first row is where six known tools give four answers: electra reads
# one span 0-2-LOC, SpanMarker one span 0-2-PER, seqeval strict only 0-1-PER; we read
# two, as seqeval's default, nervaluate and spaCy do.
scheme\ttags\tspans\tstrict
"""


def default(tags: list[str]) -> list[tuple[int, int, str]]:
    same = {"L": "E", "U": "S"}
    known = [same.get(tag[0], tag[0]) + tag[1:] for tag in tags]
    return [(start, end + 1, label) for label, start, end in get_entities(known)]


def strict(tags: list[str], scheme: str) -> list[tuple[int, int, str]]:
    reference = {"BIOES": "IOBES"}.get(scheme, scheme)
    tokens = seqeval.scheme.Tokens(tags, getattr(seqeval.scheme, reference))
    return [(entity.start, entity.end, entity.tag) for entity in tokens.entities]


def cell(spans: list[tuple[int, int, str]]) -> str:
    return " ".join(f"{start}-{end}-{label}" for start, end, label in spans) or "none"


def main() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t")[:2] for line in lines if line[:1] not in ("", "#")][1:]
    text = HEADER
    for scheme, tags in rows:
        words = tags.split()
        columns = (scheme, tags, cell(default(words)), cell(strict(words, scheme)))
        text += "\t".join(columns) + "\n"
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
