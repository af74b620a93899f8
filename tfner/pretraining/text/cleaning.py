"""Recipes that make sentences of encyclopedia text: one a line, articles apart.

A recipe keeps the lines that are prose, breaks them into sentences, and removes the
rest of the markup. Text streams through; what every rule removes is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tfner.errors import ConfigError, unknown
from tfner.pretraining.text.articles import ARTICLE_END, without_markup

SENTENCES, LINES, ARTICLES, NO_END = "sentences", "lines", "articles", "no_sentence_end"
MARKUP_RULES = ("doc_markup", "title", NO_END)
"""The rules of every recipe, named by the lines that they remove."""


@dataclass(frozen=True)
class Recipe:
    """The cleaning rules for one language.

    Args:
        ends: a line in which this is not found is no prose.
        split: breaks a line into sentences.
        removed: rule -> pattern; sentences in which it is found are removed.
    """

    ends: re.Pattern[str]
    split: Callable[[str], list[str]]
    removed: Mapping[str, re.Pattern[str]]


JAPANESE_BREAK = re.compile(r"(?<=。)(?![」)）\"])")
ENGLISH_BREAK = re.compile(r"([.!?]+[\"'”’)\]]*)\s+(?=[\"'“‘(\[]*[A-Z0-9])")
OPENERS = "\"'“‘(["
# A dot after one of these does not end a sentence.
ABBREVIATION = re.compile(
    "Mr|Mrs|Ms|Dr|Prof|St|Mt|Ft|Gen|Col|Maj|Capt|Lt|Sgt|Rev|Hon|Sen|Rep|Gov|Pres|Jr|Sr"
    "|vs|Nos?|Vol|Fig|pp?|ca?|cf|e\\.g|i\\.e|Inc|Ltd|Co|Corp|Bros|Jan|Feb|Mar|Apr|Jun|Jul"
    "|Aug|Sept?|Oct|Nov|Dec|(?:[A-Z]\\.)*[A-Z]"
)


def split_japanese(line: str) -> list[str]:
    """Break a line after each `。` that no closing bracket or quote follows.

    Example:
        >>> split_japanese("「はい。」と言う。次。")
        ['「はい。」と言う。', '次。']
    """
    parts = (part.strip() for part in JAPANESE_BREAK.split(line))
    return [part for part in parts if part]


def split_english(line: str) -> list[str]:
    """Break a line after a mark that white space and a capital or digit follow.

    The dot of an abbreviation or an initial ends no sentence.

    Example:
        >>> split_english("J. Doe met Dr. May. He left.")
        ['J. Doe met Dr. May.', 'He left.']
    """
    sentences = []
    start = 0
    for match in ENGLISH_BREAK.finditer(line):
        word = line[start : match.start()].rpartition(" ")[2].lstrip(OPENERS)
        if match.group(1) == "." and ABBREVIATION.fullmatch(word):
            continue
        sentences.append(line[start : match.end(1)])
        start = match.end()
    return [*sentences, line[start:]]


RECIPES = {
    # Source: the line rules of the Japanese ELECTRA's corpus. There blanks at the end
    # of a line are taken off after the first rule, here before it.
    "wikipedia-ja": Recipe(
        ends=re.compile("。$"),
        split=split_japanese,
        removed={
            "begins_with_mark": re.compile("^。"),
            "category": re.compile("^Category"),
            "thumbnail": re.compile(r"thumb\|"),
        },
    ),
    "wikipedia-en": Recipe(
        ends=re.compile(r"[.!?][\"'”’)\]]*$"),
        split=split_english,
        removed={
            "begins_with_mark": re.compile(r"^[.,;:!?)\]]"),
            "category": re.compile("^Category"),
            "thumbnail": re.compile(r"thumb\|"),
        },
    ),
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: there is none; the known ones are listed.
    """
    if name not in RECIPES:
        raise ConfigError(unknown("recipe", name, RECIPES))
    return RECIPES[name]


def clean_lines(
    lines: Iterable[str], recipe: Recipe, counts: Counter[str]
) -> Iterator[str]:
    """Yield the sentences of raw text, a blank line between two articles.

    Args:
        lines: of one file, from `read_text`.
        recipe: decides which lines are kept, and where they are broken.
        counts: gets the numbers of `lines` that are not blank, of `articles` and
            `sentences` that remain, and of removals by rule.
    """
    counts.update(dict.fromkeys(rule_names(recipe), 0))
    begins_article = True
    for line in without_markup(_counted(lines, counts), counts):
        line = line.strip()
        if not line:
            begins_article = True
            continue
        if not recipe.ends.search(line):
            counts[NO_END] += 1
            continue
        for sentence in recipe.split(line):
            rule = _rule_against(sentence, recipe)
            if rule is not None:
                counts[rule] += 1
                continue
            if begins_article and counts[ARTICLES]:
                yield ARTICLE_END
            counts[ARTICLES] += begins_article
            begins_article = False
            counts[SENTENCES] += 1
            yield sentence


def rule_names(recipe: Recipe) -> tuple[str, ...]:
    """The rules of a recipe, in the order in which they are applied."""
    return (*MARKUP_RULES, *recipe.removed)


def _counted(lines: Iterable[str], counts: Counter[str]) -> Iterator[str]:
    for line in lines:
        counts[LINES] += bool(line.strip())
        yield line


def _rule_against(sentence: str, recipe: Recipe) -> str | None:
    for name, pattern in recipe.removed.items():
        if pattern.search(sentence):
            return name
    return None
