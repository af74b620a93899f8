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


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["日本", "の", "NHK", "radio", "です"], "日本のNHK radioです"),
        (["約", "2", ",", "300", "台", "...", "?"], "約2,300台...?"),
        (["Me", "210", "と", "新", "型", "MiG", "-", "23"], "Me210と新型MiG-23"),
        (["ソウル", "は", "서울", "특별시", "だ"], "ソウルは서울 특별시だ"),
        (["この", "Mac", "Tシャツ", "は"], "このMac Tシャツは"),
    ],
)
def test_a_cjk_sentence_has_spaces_only_between_letters_of_other_scripts(words, text):
    assert join_words(words)[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "The word 東京 means Tokyo .",
        "Songs （ご詠歌・和讃） and 3 more",
        "東京 Tokyo",  # as many words of the one as of the other
        "IL-2 gene expression , 5 % of NF-κB ( p65 )",
    ],
)
def test_a_sentence_of_another_script_keeps_its_spaces_around_cjk_words(text):
    assert join_words(text.split())[0] == text


def test_documents_without_words_have_those_between_white_space():
    assert words_of(Document("d", " a  bc")) == (Word(1, 2), Word(4, 6))
