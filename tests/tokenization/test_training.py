"""Vocabularies made of raw text."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tfner.corpus import read_corpus
from tfner.errors import CorpusError, TokenizerError
from tfner.samples import japanese
from tfner.tokenization import load_tokenizer, training
from tfner.tokenization.specials import special_ids
from tfner.tokenization.vocabularies import BERT_SPECIALS

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = ["the unaffable runner runs", "a runner ran; running is unaffordable"] * 3


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return [document.text for document in read_corpus(japanese("train"))]


@pytest.fixture(scope="module")
def counts(lines: list[str]) -> Counter[str]:
    return training.count_words(lines, mecab=True, lower_case=False)


def test_pieces_are_special_ones_then_characters_then_merges(
    counts: Counter[str],
) -> None:
    pieces = training.train_wordpiece(counts, size=1300, character_coverage=1.0)
    assert len(pieces) == len(set(pieces)) == 1300
    assert tuple(pieces[:5]) == BERT_SPECIALS
    characters = {character for word in counts for character in word}
    assert characters <= set(pieces)
    assert any(len(piece.removeprefix("##")) > 1 for piece in pieces[5:])


TRAIN = """
import sys, hashlib
from tfner.corpus import read_corpus
from tfner.samples import japanese
from tfner.tokenization import training
lines = [document.text for document in read_corpus(japanese("train"))]
counts = training.count_words(lines, mecab=True, lower_case=False)
pieces = training.train_wordpiece(counts, size=1300, character_coverage=1.0)
model = training.train_unigram(lines, size=900)
sys.stdout.write(hashlib.sha256(repr(pieces).encode() + model).hexdigest())
"""


def test_equal_text_gives_equal_bytes_in_every_process() -> None:
    """The trainer's hash tables are seeded anew in each."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", TRAIN],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 64


def test_the_order_of_the_text_changes_nothing(counts: Counter[str]) -> None:
    backwards = Counter(dict(reversed(counts.items())))
    made = [training.train_wordpiece(c, size=1300) for c in (counts, backwards)]
    assert made[0] == made[1]


def test_words_are_counted_as_the_tokenizer_is_fed_them(lines: list[str]) -> None:
    counts = training.count_words(["㈱Ａ社。"], mecab=True, lower_case=True)
    assert set("".join(counts)) == set("(株)a社。")
    english = training.count_words(["Café-Bar!"], mecab=False, lower_case=True)
    assert english == {"cafe": 1, "-": 1, "bar": 1, "!": 1}


@pytest.mark.parametrize("lower_case", [False, True])
def test_a_saved_vocabulary_loads_as_intended(
    lower_case: bool, lines: list[str], tmp_path: Path
) -> None:
    counts = training.count_words(lines, mecab=True, lower_case=lower_case)
    pieces = training.train_wordpiece(counts, size=2000)
    made = training.save_wordpiece(
        pieces, tmp_path, splitter="mecab", lower_case=lower_case
    )
    loaded = load_tokenizer(tmp_path)
    assert loaded.splitter == "mecab"
    assert loaded.settings.lower_case == lower_case
    assert loaded.notes == []
    assert special_ids(loaded) == (2, 3, 0, 4, 1, len(pieces))
    text = lines[0]
    assert loaded.encode(text).pieces == made.encode(text).pieces
    assert not set(loaded.encode(text).pieces) - set(pieces)


def test_coverage_counts_by_hand(tmp_path: Path) -> None:
    pieces = [*BERT_SPECIALS, "run", "##ner", "a"]
    tokenizer = training.save_wordpiece(
        pieces, tmp_path, splitter="punctuation", lower_case=False
    )
    found = training.measure_coverage(
        tokenizer, Counter({"run": 5, "runner": 2, "xyz": 3})
    )
    assert found.words == 10
    assert found.distinct_words == 3
    assert found.unknown_words == 0.3
    assert found.unknown_characters == 9 / 36
    assert found.whole_words == 0.5
    assert found.pieces_per_word == 12 / 10


def test_the_alphabet_leaves_out_the_rarest_characters() -> None:
    counts = Counter({"ab": 500, "c": 10, "z": 1})
    all_of_them = training.train_wordpiece(counts, size=50, character_coverage=1.0)
    most = training.train_wordpiece(counts, size=50, character_coverage=0.998)
    assert set(all_of_them) - set(most) == {"z"}


@pytest.mark.parametrize("lower_case", [False, True])
def test_a_unigram_model_encodes_what_it_was_made_of(
    lower_case: bool, tmp_path: Path
) -> None:
    lines = [line.lower() if lower_case else line.title() for line in ENGLISH]
    model = training.train_unigram(lines, size=60)
    made = training.save_unigram(model, tmp_path, splitter=None, lower_case=lower_case)
    assert special_ids(made)[:5] == (2, 3, 0, 4, 1)
    assert made.notes == []
    upper, lower = (made.encode(text).ids.tolist() for text in ("A RUN", "a run"))
    assert (upper == lower) == lower_case
    assert special_ids(made).unk not in made.encode("The Runner Ran").ids


def failing() -> Iterator[str]:
    yield "a text"
    raise CorpusError("cannot be read")


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (lambda: training.train_wordpiece(Counter(), size=99), "the text holds none"),
        (lambda: training.train_unigram([], size=99), "the text holds none"),
        (
            lambda: training.train_wordpiece(Counter({"abc": 1}), size=9),
            r"alphabet alone is 10 pieces.*size=9.*--character-coverage",
        ),
        (
            lambda: training.train_unigram(["abcdefghijklmnop"] * 9, size=12),
            r"no model of 12 pieces.*Raise --size",
        ),
    ],
    ids=["wordpiece-empty", "unigram-empty", "wordpiece-small", "unigram-small"],
)
def test_what_cannot_be_made_is_one_sentence(
    train: Callable[[], object], message: str
) -> None:
    with pytest.raises(TokenizerError, match=message) as caught:
        train()
    assert "\n" not in str(caught.value)


def test_an_error_of_the_text_is_not_hidden_by_the_trainers() -> None:
    with pytest.raises(CorpusError):
        training.train_unigram(failing(), size=20)
    with pytest.raises(CorpusError):
        training.count_words(failing(), mecab=False, lower_case=False)
