"""One small corpus of each format, as its tool writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.robustness.readers import specimens
from tfner.corpus import FORMATS, find_format, read_corpus

FOLDER = Path(__file__).parent / "specimens"
COUNTS = {
    "huggingface": (2, 2),
    "inline": (3, 4),
    "bioc-json": (2, 3),
    "bioc-xml": (2, 3),
    "pubtator": (2, 3),
    "brat": (2, 3),
    "conll": (3, 3),
    "conllu": (2, 2),
    "conll2012": (2, 3),
    "doccano": (3, 3),
    "gliner": (2, 2),
    "csv": (2, 2),
    "jsonl": (4, 5),
    "labelstudio": (2, 2),
    "mrc": (4, 5),
    "prodigy": (2, 1),
    "rasa": (3, 4),
    "rasa-json": (3, 3),
    "rasa-yaml": (3, 4),
    "spacy": (2, 2),
    "spacy-json": (2, 2),
    "stockmark": (2, 2),
    "text": (2, 0),
    "webanno": (2, 4),
}
"""Documents and entities of each."""


def test_every_format_has_a_specimen_and_its_counts() -> None:
    missing = FORMATS.keys() - COUNTS.keys()
    assert not missing, (
        f"write {FOLDER}/FORMAT.*, a small corpus as the tool writes it, and its "
        "numbers of documents and entities in COUNTS"
    )
    assert specimens(FOLDER).keys() >= COUNTS.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_a_specimen_is_recognised_by_what_is_in_it(name: str, tmp_path: Path) -> None:
    path = specimens(FOLDER)[name]
    assert find_format(path) == name
    bare = tmp_path / "corpus"
    (shutil.copytree if path.is_dir() else shutil.copy)(path, bare)
    assert find_format(bare) == name


@pytest.mark.parametrize("name", COUNTS)
def test_a_specimen_is_read(name: str) -> None:
    found = list(read_corpus(specimens(FOLDER)[name]))
    assert (len(found), sum(len(d.entities) for d in found)) == COUNTS[name]
