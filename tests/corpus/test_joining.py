"""Where words meet with a space and where without."""

from __future__ import annotations

import pytest

from tfner.corpus import join_words, words_of
from tfner.document import Document, Word


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["in", "New", "York"], "in New York"),
        (["東京", "に", "、"], "東京に、"),
        (["ｶﾞ", "㈱", "ー", "𠮷"], "ｶﾞ㈱ー𠮷"),
        (["の", "Tシャツ"], "のTシャツ"),
        (["に", "\u200b", "は"], "に\u200bは"),
        (["日本", "radio"], "日本 radio"),
        (["서울", "에서"], "서울 에서"),  # Korean is written with spaces
        (["a", "", "b"], "a b"),
        ([], ""),
    ],
)
def test_auto_leaves_no_space_between_two_cjk_words(words, text):
    joined, ranges = join_words(words)
    assert joined == text
    assert [joined[start:end] for start, end in ranges] == words


def test_documents_without_words_have_those_between_white_space():
    assert words_of(Document("d", " a  bc")) == (Word(1, 2), Word(4, 6))
