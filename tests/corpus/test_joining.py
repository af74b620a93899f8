"""Where words meet with a space and where without."""

from __future__ import annotations

import json

import pytest

from tfner.corpus import join_words, read_corpus, words_of
from tfner.corpus.spacing import SURVEYED, find_spacing
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


KOREAN = [["작가", "《하늘》", "《바다》", "읽다"], ["大韓民國", "政府", "는"]]
JAPANESE = [["東京", "に", "行く", "。"], ["2", ",", "300"]]
JAPANESE += [["JR", "SL", "の", "博物", "館"]]
ENGLISH = [["price", "￥500", "￥600", "paid"], ["The", "word", "東京", "、", "京都"]]


@pytest.mark.parametrize(
    ("sentences", "texts"),
    [
        (KOREAN, ["작가 《하늘》 《바다》 읽다", "大韓民國 政府 는"]),
        (ENGLISH, ["price ￥500 ￥600 paid", "The word 東京、京都"]),
        (JAPANESE, ["東京に行く。", "2,300", "JR SLの博物館"]),
        (
            [*JAPANESE, *JAPANESE, ["In", "the", "city", "of", "京都", "."]],
            [*["東京に行く。", "2,300", "JR SLの博物館"] * 2, "In the city of 京都 ."],
        ),
        (
            [["in", "New", "York"], ["at", "home"], ["東京", "に", "NHK", "。"]],
            ["in New York", "at home", "東京にNHK。"],
        ),
        ([["한", "국", " ", "은", "행"], ["서", "울"]], ["한국 은행", "서울"]),
        (
            [["Mira", " ", "Sol", "\u00a0", "flew"], ["to", " ", "Oslo"]],
            ["Mira Sol\u00a0flew", "to Oslo"],
        ),
        ([["ไป", "กรุงเทพ", " ", "กับ"], ["เขา"] * 50], ["ไปกรุงเทพ กับ", "เขา" * 50]),
        # One stray blank is not the file's way of writing spaces.
        ([["a", "\u00a0", "b"], ["in"] * 30], ["a\u00a0b", "in" + " in" * 29]),
    ],
)  # fmt: skip
def test_the_words_of_a_file_decide_how_each_sentence_is_joined(sentences, texts):
    spacing = find_spacing(sentences)
    assert [join_words(words, spacing)[0] for words in sentences] == texts


def test_a_survey_reads_the_head_of_a_file_alone():
    read = []

    def sentences():
        for number in range(1_000_000):
            read.append(number)
            yield ["word"] * 100

    assert find_spacing(sentences()).rule == "words"
    assert len(read) == SURVEYED / 100


@pytest.mark.parametrize("name", ["a.conll", "b.jsonl"])
def test_files_are_joined_as_a_whole_and_their_script_is_named(tmp_path, name, caplog):
    words = ["ไป", "กรุงเทพ", "ครับ"]
    path = tmp_path / name
    lines = [f"{word}\tO" for word in words]
    if name.endswith("jsonl"):
        lines = [json.dumps({"tokens": words, "tags": ["O"] * 3})]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    for _ in range(2):
        (document,) = read_corpus(path)
    assert document.text == " ".join(words)
    (warning,) = [r.getMessage() for r in caplog.records if "Thai" in r.getMessage()]
    assert str(path) in warning
    assert "--raw-text" in warning


@pytest.mark.parametrize("name", ["a.conll", "b.jsonl"])
def test_a_sentence_is_joined_as_the_others_of_its_file(tmp_path, name):
    path = tmp_path / name
    lines = ["\n".join(f"{w}\tO" for w in words) + "\n" for words in JAPANESE]
    if name.endswith("jsonl"):
        lines = [json.dumps({"tokens": w, "tags": ["O"] * len(w)}) for w in JAPANESE]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    texts = [document.text for document in read_corpus(path)]
    assert texts == ["東京に行く。", "2,300", "JR SLの博物館"]
