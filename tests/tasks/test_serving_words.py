"""Whose words a model learns: those that it will meet in serving."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner.document import Document, Entity, Word
from tfner.tasks.serving_words import better_splitter, choose_words, compare_words
from tfner.tokenization import Tokenizer, load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(encoder_directory: Path) -> Tokenizer:
    return load_tokenizer(encoder_directory)


def document(tokens: str, *entities: tuple[int, int]) -> Document:
    words, start = [], 0
    for token in tokens.split():
        words.append(Word(start, start + len(token)))
        start += len(token) + 1
    found = tuple(Entity(*borders, "X") for borders in entities)
    return Document("d", tokens, found, tuple(words))


def test_equal_words_are_told_to_be_equal(tokenizer: Tokenizer) -> None:
    found = compare_words(tokenizer, [document("anna lives", (0, 4))])
    assert (found.sentences, found.other_sentences) == (1, 0)
    assert (found.borders, found.other_borders) == (2, 0)


@pytest.mark.parametrize(
    ("tokens", "entity", "others"),
    [
        ("in U.S. now", (3, 7), 2),  # U . S . in raw text
        ("in paris, now", (3, 8), 2),  # a border that raw text has and columns lack
        ("acme/oslo corp", (0, 14), 1),  # the last word is the same
    ],
)
def test_borders_at_which_another_word_stands_are_counted(
    tokenizer: Tokenizer, tokens: str, entity: tuple[int, int], others: int
) -> None:
    found = compare_words(tokenizer, [document(tokens, entity)])
    assert (found.other_sentences, found.borders) == (1, 2)
    assert found.other_borders == others


def test_the_words_of_raw_text_are_learned_where_borders_differ(
    tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    same = document("anna lives", (0, 4))
    other = document("in U.S. now", (3, 7))
    caplog.set_level("INFO")
    assert choose_words(tokenizer, [same] * 60) == "gold"
    assert not caplog.text
    assert choose_words(tokenizer, [same] * 300 + [other]) == "gold"
    assert "0.3% of the sentences, and at 0.3% of the entity borders" in caplog.text
    assert choose_words(tokenizer, [same] * 50 + [other]) == "own"
    assert "words that raw text is cut into are learned (--words)" in caplog.text


def test_words_of_raw_text_that_hold_whole_sentences_are_not_learned(
    tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    text = "annalivesinparis"
    words = (Word(0, 4), Word(4, 9), Word(9, 11), Word(11, 16))
    glued = Document("d", text, (Entity(0, 4, "X"), Entity(11, 16, "X")), words)
    assert choose_words(tokenizer, [glued]) == "gold"
    assert "Another --word-splitter may find these words" in caplog.text


def test_texts_without_words_say_nothing(tokenizer: Tokenizer) -> None:
    text = Document("d", "in U.S. now", (Entity(3, 7, "X"),))
    assert compare_words(tokenizer, [text]).other_sentences == 0
    assert choose_words(tokenizer, [text]) == "gold"


@pytest.mark.parametrize(
    ("text", "splitter"),
    [
        ("ミラはオスロへ飛んだ。", "mecab"),
        ("กรุงเทพมหานคร", "pieces"),
        ("她去大阪", None),
        ("anna lives in paris", None),
    ],
)
def test_a_corpus_without_spaces_gets_a_splitter_for_its_script(
    tokenizer: Tokenizer, text: str, splitter: str | None
) -> None:
    assert better_splitter(tokenizer, [Document("d", text)]) == splitter


def test_a_tokenizer_that_finds_words_keeps_its_own(encoder_directory: Path) -> None:
    pieces = load_tokenizer(encoder_directory, word_splitter="pieces")
    assert better_splitter(pieces, [Document("d", "ミラはオスロへ飛んだ。")]) is None
