"""The documented prediction of the Japanese ELECTRA tagger, from text to offsets.

Pieces, positions, spans and offsets are those that were published for the system; the
pieces after the second の, which were not, are those of `BertJapaneseTokenizer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfner.data.features import to_wire
from tfner.data.packing import assemble
from tfner.document import Document
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet, Span
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer, load_tokenizer

MAX_LENGTH = 512
IBSEN = (
    "ノルウェーの劇作家ヘンリック・イプセンの劇詩『ペール・ギュント』の登場人物に因んで"
    "命名された。"
)
# Words apart by two spaces, the pieces of a word by one.
IBSEN_WORDS = (
    "ノルウェー  の  劇  作家  ヘン ##リック ##・ ##イ ##プ ##セン  の  劇 ##詩  『  "
    "ペー ##ル ##・ ##ギュ ##ント  』  の  登場  人物  に  因ん  で  命名  さ  "
    "れ  た  。"
)
WEATHER, WEATHER_WORDS = "本日は晴天なり", "本 ##日  は  晴 ##天  なり"
SENTENCES = [(IBSEN, IBSEN_WORDS), (WEATHER, WEATHER_WORDS)]
WIRE = ("input_ids", "input_mask", "segment_ids", "labeled_positions")

SPANS = [(0, 0, "GPE"), (4, 4, "PERSON"), (8, 8, "WORK_OF_ART")]  # ends inclusive
ENTITIES = [
    ("ノルウェー", "GPE", 0, 5),
    ("ヘンリック・イプセン", "PERSON", 9, 19),
    ("ペール・ギュント", "WORK_OF_ART", 23, 31),
]
# As google-research/electra numbers tags: BIOES, in the order of the alphabet.
LABELS = ("DATE", "GPE", "PERSON", "WORK_OF_ART")
TAGS = sorted(["O", *(f"{prefix}-{label}" for prefix in "BIES" for label in LABELS)])


def in_words(pieces: str) -> list[list[str]]:
    return [word.split() for word in pieces.split("  ")]


@pytest.fixture(scope="module")
def tokenizer(japanese_vocabulary: Path) -> Tokenizer:
    return load_tokenizer(japanese_vocabulary, lower_case=False, word_splitter="mecab")


@pytest.fixture(scope="module")
def task(tokenizer: Tokenizer) -> TokenClassification:
    return TokenClassification(
        tokenizer, LabelSet.from_tags(TAGS), max_length=MAX_LENGTH
    )


def wire_features(task: TokenClassification, text: str) -> dict[str, Any]:
    """One batch of one row, as it is sent to a server."""
    windows = task.encode(Document("1", text)).windows
    pad_id = task.tokenizer.pad_id
    batch = assemble(windows, [[0]], shape=(1, MAX_LENGTH), pad_id=pad_id)
    return to_wire(batch.features)


def documented_features(vocabulary: Path, words: list[list[str]]) -> dict[str, Any]:
    """The features that pieces and words mean, made without any code of tfner."""
    lines = (vocabulary / "vocab.txt").read_text("utf-8").splitlines()
    pieces = ["[CLS]", *(piece for word in words for piece in word), "[SEP]"]
    first, at = [], 1
    for word in words:
        first.append(at)
        at += len(word)
    rows = {
        "input_ids": [lines.index(piece) for piece in pieces],
        "input_mask": [1] * len(pieces),
        "segment_ids": [],
        "labeled_positions": first,
    }
    return {name: [row + [0] * (MAX_LENGTH - len(row))] for name, row in rows.items()}


@pytest.mark.parametrize(("text", "pieces"), SENTENCES, ids=["ibsen", "weather"])
def test_the_features_on_the_wire_are_the_documented_ones(
    task: TokenClassification, japanese_vocabulary: Path, text: str, pieces: str
) -> None:
    found = wire_features(task, text)
    expected = documented_features(japanese_vocabulary, in_words(pieces))
    assert set(found) == set(WIRE)
    for name in WIRE:
        assert found[name].dtype == np.int32
        assert found[name].shape == (1, MAX_LENGTH)
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_the_documented_positions_are_those_of_first_pieces(
    task: TokenClassification,
) -> None:
    (row,) = wire_features(task, WEATHER)["labeled_positions"]
    assert row[:4].tolist() == [1, 3, 4, 6]
    assert not row[4:].any()


def test_segment_ids_of_google_electra_are_1_but_at_padding(
    tokenizer: Tokenizer, task: TokenClassification
) -> None:
    other = TokenClassification(tokenizer, task.label_set, segment_id=1)
    found = wire_features(other, IBSEN)
    np.testing.assert_array_equal(found["segment_ids"], found["input_mask"])
    for name in set(WIRE) - {"segment_ids"}:
        np.testing.assert_array_equal(found[name], wire_features(task, IBSEN)[name])


class Published:
    """A runner that answers as the served model did: a row of `chunk_predictions`."""

    packs, row_length = False, MAX_LENGTH

    def __init__(self) -> None:
        tags = ["O"] * len(in_words(IBSEN_WORDS))
        for first, last, label in SPANS:
            assert first == last
            tags[first] = f"S-{label}"
        self.chunk_predictions = np.full((1, MAX_LENGTH), TAGS.index("O"))
        self.chunk_predictions[0, : len(tags)] = [TAGS.index(tag) for tag in tags]

    def __call__(self, features: Mapping[str, Any]) -> dict[str, Any]:
        assert features["input_ids"].shape == (1, MAX_LENGTH)
        return {"probs": np.eye(len(TAGS), dtype=np.float32)[self.chunk_predictions]}


def test_the_published_prediction_has_the_documented_offsets(
    task: TokenClassification,
) -> None:
    (found,) = Predictor(task, Published()).predict([IBSEN])
    assert [
        (IBSEN[e.start : e.end], e.label, e.start, e.end) for e in found.entities
    ] == ENTITIES
    surfaces = [IBSEN[start:end] for start, end in found.words or ()]
    expected = ["".join(w).replace("##", "") for w in in_words(IBSEN_WORDS)]
    assert surfaces == expected


def test_tag_ids_are_the_documented_spans(task: TokenClassification) -> None:
    (row,) = Published().chunk_predictions
    found = task.label_set.decode(row.tolist())
    assert found == [Span(first, last + 1, label) for first, last, label in SPANS]
    assert task.label_set.scheme.name == "BIOES"


@pytest.mark.parity
@pytest.mark.parametrize(("text", "pieces"), SENTENCES, ids=["ibsen", "weather"])
def test_transformers_cuts_the_same_pieces(
    japanese_vocabulary: Path, text: str, pieces: str
) -> None:
    assert cut_by_transformers(japanese_vocabulary, text) == in_words(pieces)


@pytest.mark.parity
@pytest.mark.parametrize(("text", "pieces"), SENTENCES, ids=["ibsen", "weather"])
def test_the_whole_vocabulary_gives_the_pieces_of_the_fixture(
    shared: Path, text: str, pieces: str
) -> None:
    vocabulary = shared / "vocab" / "bert_base_japanese_wwm_ipadic"
    assert cut_by_transformers(vocabulary, text) == in_words(pieces)
    found = load_tokenizer(vocabulary).encode(text)
    assert list(found.pieces) == pieces.split()


def cut_by_transformers(vocabulary: Path, text: str) -> list[list[str]]:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.BertJapaneseTokenizer(
        str(vocabulary / "vocab.txt"),
        word_tokenizer_type="mecab",
        mecab_kwargs={"mecab_dic": "ipadic"},
        subword_tokenizer_type="wordpiece",
        do_lower_case=False,
    )
    words = tokenizer.word_tokenizer.tokenize(text)
    return [tokenizer.subword_tokenizer.tokenize(word) for word in words]
