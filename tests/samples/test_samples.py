"""The bundled corpus is what its README says."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from itertools import pairwise, product
from typing import Any, Literal

import pytest

from tfner.corpus import read_corpus
from tfner.document import Document
from tfner.samples import english

Part = Literal["train", "dev", "test"]
PARTS: tuple[Part, ...] = ("train", "dev", "test")
LABELS = ("PER", "ORG", "LOC", "DATE", "WORK")


def rows(part: Part) -> list[dict[str, Any]]:
    lines = english(part).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def surfaces(part: Part) -> list[str]:
    return [
        row["text"][entity["start"] : entity["end"]].casefold()
        for row in rows(part)
        for entity in row["entities"]
    ]


@pytest.mark.parametrize("part", PARTS)
def test_every_sentence_reads_as_a_document(part: Part) -> None:
    documents = list(read_corpus(english(part)))
    assert [document.text for document in documents] == [
        row["text"] for row in rows(part)
    ]
    assert all(isinstance(document, Document) for document in documents)
    assert {document.metadata["domain"] for document in documents} == {
        row["domain"] for row in rows(part)
    }


@pytest.mark.parametrize("part", PARTS)
def test_entities_lie_on_word_borders_and_apart(part: Part) -> None:
    for row in rows(part):
        text, spans = row["text"], [(e["start"], e["end"]) for e in row["entities"]]
        starts = {word.start() for word in re.finditer(r"\w+|[^\w\s]", text)}
        ends = {word.end() for word in re.finditer(r"\w+|[^\w\s]", text)}
        assert all(start in starts and end in ends for start, end in spans), row
        assert all(start < end for start, end in spans), row
        assert all(left[1] <= right[0] for left, right in pairwise(spans)), row


@pytest.mark.parametrize("part", PARTS)
def test_possessives_and_articles_stay_outside(part: Part) -> None:
    for row in rows(part):
        for entity in row["entities"]:
            surface = row["text"][entity["start"] : entity["end"]]
            article = re.match(r"(the|a|an|in|on|dr|mr|mrs|ms)\b", surface, re.I)
            assert entity["label"] == "WORK" or not article, surface
            assert surface == "Lord's" or not surface.endswith("'s"), surface


@pytest.mark.parametrize("part", PARTS)
def test_texts_are_clean(part: Part) -> None:
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
def test_every_part_has_every_label(part: Part, label: str) -> None:
    assert any(e["label"] == label for row in rows(part) for e in row["entities"])


@pytest.mark.parametrize("part", PARTS)
def test_every_domain_is_in_every_part_also_at_its_beginning(part: Part) -> None:
    domains = [row["domain"] for row in rows(part)]
    assert len(set(domains[:12])) == 12
    assert set(domains) == {row["domain"] for row in rows("train")}


@pytest.mark.parametrize("part", ["dev", "test"])
def test_most_names_are_not_in_train(part: Part) -> None:
    known = set(surfaces("train"))
    new = [surface not in known for surface in surfaces(part)]
    assert sum(new) / len(new) > 0.85


@pytest.mark.parametrize("part", PARTS)
def test_the_readme_counts_are_right(part: Part) -> None:
    labels = Counter(e["label"] for row in rows(part) for e in row["entities"])
    counts = [len(rows(part)), labels.total(), *(labels[label] for label in LABELS)]
    readme = english(part).with_name("README.md").read_text(encoding="utf-8")
    line = f"| `english_{part}.jsonl` | {' | '.join(map(str, counts))} |"
    assert line in readme.splitlines()
