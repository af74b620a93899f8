from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter

import pytest

from tfner.errors import ConfigError
from tfner.pretraining.text.articles import read_text
from tfner.pretraining.text.cleaning import (
    RECIPES,
    clean_lines,
    find_recipe,
    split_english,
    split_japanese,
)

JAPANESE = """\
<doc id="1" url="u" title="雪舟">
雪舟

　雪舟は画聖である。備中国に生まれた。
生涯
「墨を好む。」と言う（そうだ。）。次の文。
。始まりの印。
Category:日本の画家。
[[Image:a.jpg|thumb|雪舟。
終わらない行
</doc>
<doc id="2" url="u" title="空">
空

見出し
</doc>
<doc id="3" url="u" title="京都">
京都
京都は都市である。
</doc>
"""
CLEANED = """\
雪舟は画聖である。
備中国に生まれた。
「墨を好む。」と言う（そうだ。）。
次の文。
始まりの印。

京都は都市である。
"""


def clean(text: str, recipe: str) -> tuple[str, Counter[str]]:
    counts: Counter[str] = Counter()
    lines = clean_lines(text.split("\n"), RECIPES[recipe], counts)
    return "".join(f"{line}\n" for line in lines), counts


def test_the_published_rules_of_japanese_wikipedia() -> None:
    found, counts = clean(JAPANESE, "wikipedia-ja")
    assert found == CLEANED
    assert counts == {
        "lines": 18,
        "articles": 2,
        "sentences": 6,
        "doc_markup": 6,
        "title": 3,
        "no_sentence_end": 3,
        "begins_with_mark": 1,
        "category": 1,
        "thumbnail": 1,
    }


def test_what_is_clean_stays_as_it_is() -> None:
    found, counts = clean(CLEANED, "wikipedia-ja")
    assert found == CLEANED
    assert counts["sentences"] == counts["lines"]


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("一。二。", ["一。", "二。"]),
        ("「一。」二。", ["「一。」二。"]),
        ("(一。)二。（三。）四。", ["(一。)二。", "（三。）四。"]),
        ('"一。"二。', ['"一。"二。']),
        ("一。　二。", ["一。", "二。"]),
        ("一。。二。", ["一。", "。", "二。"]),
    ],
)
def test_a_bracket_or_quote_after_the_stop_keeps_the_line(
    line: str, sentences: list[str]
) -> None:
    assert split_japanese(line) == sentences


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("One two. Three four!", ["One two.", "Three four!"]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("(In 1900.) It began.", ["(In 1900.)", "It began."]),
        ("Dr. J. R. Smith of the U.S. Army.", ["Dr. J. R. Smith of the U.S. Army."]),
        ("It is 3.5 km. 20 people came.", ["It is 3.5 km.", "20 people came."]),
        ("See p. 12. and so on.", ["See p. 12. and so on."]),
        ("Really? “Yes.”", ["Really?", "“Yes.”"]),
    ],
)
def test_english_sentences(line: str, sentences: list[str]) -> None:
    assert split_english(line) == sentences


def test_the_english_recipe_keeps_prose() -> None:
    text = (
        '<doc id="1">\nKyoto\n\nKyoto is a city. It is old.\nHistory\n'
        '[[File:a.jpg|thumb|A view.\nCategory:Cities.\n.\nHe said "no."\n</doc>\n'
    )
    found, counts = clean(text, "wikipedia-en")
    assert found == 'Kyoto is a city.\nIt is old.\nHe said "no."\n'
    assert counts["no_sentence_end"] == 1
    assert counts["begins_with_mark"] == 1
    assert counts["category"] == 1
    assert counts["thumbnail"] == 1


def test_text_streams_through() -> None:
    lines = itertools.islice(itertools.cycle(["文である。" * 20, ""]), 4_000)
    tracemalloc.start()
    counts: Counter[str] = Counter()
    written = sum(1 for _ in clean_lines(lines, RECIPES["wikipedia-ja"], counts))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written == 20 * 2_000 + 1_999
    assert peak < 100_000


def test_an_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'wikipedia-jp'.*did you mean 'wikipedia-"):
        find_recipe("wikipedia-jp")


def test_real_text_loses_headings_alone(shared) -> None:
    path = str(shared / "data/raw_text_ja/kyoto_wiki_ja.txt.gz")
    lines = list(itertools.islice(read_text(path), 5000))
    counts: Counter[str] = Counter()
    kept = list(clean_lines(lines, RECIPES["wikipedia-ja"], counts))
    prose = [line for line in lines if line.endswith("。")]
    assert "".join(kept) == "".join(prose)
