"""Japanese pieces equal those of transformers on real text."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tfner.tokenization import load_tokenizer
from tfner.tokenization.japanese import JapaneseTokenizer


def assert_equal(ours: JapaneseTokenizer, theirs: Any, texts: Iterable[str]) -> None:
    for text in texts:
        found = ours.encode(text)
        assert list(found.pieces) == theirs.tokenize(text), text
        ids = [*ours.prefix_ids, *found.ids.tolist(), *ours.suffix_ids]
        assert ids == theirs(text)["input_ids"], text


def gsd_texts(shared: Path, limit: int) -> list[str]:
    raw = shared / "data" / "ud_japanese_gsd_ne" / "raw"
    files = sorted(raw.glob("*.txt"))
    lines = [line for f in files for line in f.read_text("utf-8").split("\n")]
    return [line.strip("\r") for line in lines if line][:limit]


def wiki_texts(shared: Path) -> list[str]:
    path = shared / "data" / "raw_text_ja" / "kyoto_wiki_ja.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n") for line in file if line.strip()]


@pytest.fixture(scope="session")
def wwm(shared: Path) -> tuple[JapaneseTokenizer, Any]:
    """The vocabulary of bert-base-japanese-whole-word-masking, ours and theirs."""
    transformers = pytest.importorskip("transformers")
    folder = shared / "vocab" / "bert_base_japanese_wwm_ipadic"
    theirs = transformers.BertJapaneseTokenizer(
        str(folder / "vocab.txt"),
        word_tokenizer_type="mecab",
        mecab_kwargs={"mecab_dic": "ipadic"},
    )
    found = load_tokenizer(folder)
    assert isinstance(found, JapaneseTokenizer)
    return found, theirs


@pytest.mark.parity
def test_pieces_of_real_sentences_equal_those_of_transformers(
    shared: Path, wwm: tuple[JapaneseTokenizer, Any]
) -> None:
    sample = random.Random(0).sample(wiki_texts(shared), 1500)
    assert_equal(*wwm, [*gsd_texts(shared, 500), *sample])


@pytest.mark.slow
@pytest.mark.parity
def test_pieces_of_all_real_sentences_equal_those_of_transformers(
    shared: Path, wwm: tuple[JapaneseTokenizer, Any]
) -> None:
    ours, theirs = wwm
    texts = [*gsd_texts(shared, 10_000), *wiki_texts(shared)]
    assert len(texts) > 119_848
    for text in texts:
        assert list(ours.encode(text).pieces) == theirs.tokenize(text), text


@pytest.mark.parity
def test_a_long_document_in_parts_equals_transformers(
    shared: Path, wwm: tuple[JapaneseTokenizer, Any]
) -> None:
    text = "".join(wiki_texts(shared)[5000:5600])
    assert len(text) > 15_000
    assert_equal(*wwm, [text])
