"""Several corpora compared: shared texts, surfaces with several labels, balance."""

from __future__ import annotations

import pytest

from tfner.corpus.comparison import (
    Comparison,
    Duplicates,
    balance_of,
    corpora_record,
    render_balance,
    render_corpora,
)
from tfner.corpus.stats import count_corpus
from tfner.document import Document, Entity


def document(name, text, *entities):
    return Document(name, text, tuple(Entity(*entity) for entity in entities))


TRAIN = [
    document("train:1", "Oslo is old", (0, 4, "LOC")),
    document("train:2", "Oslo won", (0, 4, "ORG")),
    document("train:3", "New  York", (0, 9, "LOC")),
    document("train:4", "Oslo  is\told", (0, 4, "LOC")),
]
DEV = [
    document("dev:1", "Oslo won", (0, 4, "LOC")),
    document("dev:2", "New York", (0, 8, "ORG")),
    document("dev:3", "rain"),
]


@pytest.fixture
def compared():
    comparison = Comparison()
    counts = [
        (path, count_corpus(comparison.watch(documents, path)))
        for path, documents in (("train.bio", TRAIN), ("dev.bio", DEV))
    ]
    return counts, comparison


def test_documents_pass_through_unchanged():
    assert list(Comparison().watch(iter(TRAIN), "x")) == TRAIN


def test_texts_that_files_share_are_counted(compared):
    assert compared[1].duplicates() == [
        Duplicates("train.bio", "train.bio", 1, 0.25),
        Duplicates("dev.bio", "train.bio", 2, pytest.approx(2 / 3)),
    ]


def test_surfaces_with_several_labels_are_named_with_places(compared):
    oslo, new_york = compared[1].ambiguities()
    assert (oslo.surface, oslo.counts) == ("Oslo", {"LOC": 3, "ORG": 1})
    assert oslo.places["ORG"] == ("train.bio", "train:2", 0, 4)
    assert (new_york.surface, new_york.counts) == ("New York", {"LOC": 1, "ORG": 1})
    assert new_york.places["ORG"] == ("dev.bio", "dev:2", 0, 8)


def test_the_balance_of_labels():
    balance = balance_of({"PER": 90, "LOC": 9, "ORG": 1})
    assert balance == {
        "most_frequent": {"label": "PER", "share": 0.9},
        "rarest": {"label": "ORG", "share": 0.01},
        "few_examples": {"LOC": 9, "ORG": 1},
    }
    assert balance_of({})["rarest"] is None
    assert render_balance({}) == []
    few = render_balance({f"L{i:02}": 3 for i in range(20)})[1]
    assert few.startswith("labels with fewer than 10 examples: 20 (L00 3, ")
    assert few.endswith(", …)")


def test_one_file_has_the_counts_it_always_had():
    comparison = Comparison()
    counts = count_corpus(comparison.watch(TRAIN, "train.bio"))
    record = corpora_record([("train.bio", counts)], comparison)
    assert record.items() >= counts.to_json().items()
    assert record["ambiguous_surfaces"][0]["labels"]["ORG"]["count"] == 1


def test_several_files_are_listed_and_compared(compared):
    record = corpora_record(*compared)
    assert [file["path"] for file in record["files"]] == ["train.bio", "dev.bio"]
    assert record["duplicates"][1]["documents"] == 2
    text = render_corpora(*compared)
    assert "dev.bio: 2 of the texts (66.7%) stand in train.bio" in text
    assert "'Oslo': LOC 3, ORG 1 (ORG: train.bio, document train:2, characters" in text
    assert text.count("entities by label") == 2


def test_long_lists_are_cut_for_people():
    documents = [
        document(str(i), f"word{i // 2}", (0, len(f"word{i // 2}"), "AB"[i % 2]))
        for i in range(50)
    ]
    comparison = Comparison()
    counts = count_corpus(comparison.watch(documents, "a"))
    text = render_corpora([("a", counts)], comparison)
    assert "25 surfaces" in text
    assert text.endswith("… and 15 more; `corpus stats --json` has all")
    assert len(corpora_record([("a", counts)], comparison)["ambiguous_surfaces"]) == 25
