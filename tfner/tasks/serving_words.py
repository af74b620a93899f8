"""The words of a corpus beside those into which raw text will be cut in serving."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tfner.document import Document, Word
from tfner.tokenization import Tokenizer
from tfner.tokenization.files import PIECES

logger = logging.getLogger(__name__)

MOST_BORDERS = 0.01
"""Share of entity borders with other words at which the corpus's words are left."""
MOST_LOST = 0.2
"""Share of entity borders inside words of raw text at which these are of no use."""
UNSPACED = {
    "mecab": re.compile("[\u3041-\u30ff]"),
    PIECES: re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"),
}
"""Splitters for scripts without spaces: kana; Thai, Lao, Burmese and Khmer. Han alone
is cut into characters, which are the words of Chinese taggers."""
SCRIPT_SHARE = 0.2
"""Share of a corpus's characters from which it is of a script."""
COMPARED = 2_000
"""Sentences that are compared, spread over the corpus."""


@dataclass
class WordDifference:
    """The sentences, and borders of entities, that have other words in raw text.

    A border is the same if the word within the entity that it limits is the same.

    Args:
        sentences: that were compared.
        other_sentences: those that are cut into other words.
        borders: two an entity.
        other_borders: those at which another word stands.
        lost_borders: those of them that lie inside a word of raw text.
    """

    sentences: int = 0
    other_sentences: int = 0
    borders: int = 0
    other_borders: int = 0
    lost_borders: int = 0

    def add(self, document: Document, own: Sequence[Word]) -> None:
        """Compare the words of one document with those of its raw text.

        Of a document without words, those borders count that lie inside a word.
        """
        gold = [word for word in document.words or own if word.start < word.end]
        self.sentences += 1
        self.other_sentences += gold != list(own)
        for entity in document.entities:
            for place, position in ((0, entity.start), (1, entity.end)):
                found = [_at(position, words, place) for words in (gold, own)]
                self.borders += 1
                self.other_borders += found[0] != found[1] or found[1] is None
                self.lost_borders += found[1] is None

    @property
    def share(self) -> float:
        """Share of the borders at which another word stands, 0 to 1."""
        return self.other_borders / max(1, self.borders)

    def __str__(self) -> str:
        sentences = self.other_sentences / max(1, self.sentences)
        return (
            f"raw text is cut into other words in {sentences:.1%} of the sentences, "
            f"and at {self.share:.1%} of the entity borders"
        )


def _at(position: int, words: Iterable[Word], place: int) -> Word | None:
    return next((word for word in words if word[place] == position), None)


def compare_words(
    tokenizer: Tokenizer, documents: Sequence[Document]
) -> WordDifference:
    """Compare the words of documents with the tokenizer's own.

    Args:
        tokenizer: finds words in text.
        documents: of a corpus; of many, some that are spread over all of it.
    """
    difference = WordDifference()
    for document in documents[:: max(1, len(documents) // COMPARED)]:
        difference.add(document, tokenizer.encode(document.text).words)
    return difference


def choose_words(tokenizer: Tokenizer, documents: Sequence[Document]) -> str:
    """Choose the words that a model learns: those that it will meet in serving.

    The corpus's words are taken where raw text is cut into the same ones at nearly all
    borders of entities; else the model would meet words that it never learnt. What
    differs is logged.

    Args:
        tokenizer: of the encoder.
        documents: of the training corpus.

    Returns:
        "own" or "gold".
    """
    if default_words(tokenizer) == "own":
        return "own"
    difference = compare_words(tokenizer, documents)
    if not difference.other_sentences:
        return "gold"
    if difference.lost_borders > MOST_LOST * difference.borders:
        logger.warning(
            "words: %s, many of them inside words of raw text; words of the corpus are "
            "learned, and raw text will be served worse than the scores say. Another "
            "--word-splitter may find these words",
            difference,
        )
        return "gold"
    chosen = "own" if difference.share > MOST_BORDERS else "gold"
    whose = "that raw text is cut into" if chosen == "own" else "of the corpus"
    logger.info("words: %s; words %s are learned (--words)", difference, whose)
    return chosen


def better_splitter(tokenizer: Tokenizer, documents: Sequence[Document]) -> str | None:
    """Name the word splitter for a corpus whose script has no spaces; None to keep it.

    Tokenizers of many languages, and those of SentencePiece, look for words between
    spaces and punctuation: there they find single characters, or whole phrases.

    Args:
        tokenizer: of the encoder.
        documents: of the training corpus.
    """
    if default_words(tokenizer) == "own":
        return None
    text = "".join(document.text for document in documents[:COMPARED])
    for splitter, script in UNSPACED.items():
        if len(script.findall(text)) > SCRIPT_SHARE * len(text):
            return splitter
    return None


def default_words(tokenizer: Tokenizer) -> str:
    """The words of a model of which no corpus is known: own where there are no spaces.

    A language without spaces is cut into words by the tokenizer.
    """
    splitter = tokenizer.splitter
    finds_words = splitter.startswith("mecab") or splitter in ("icu", PIECES)
    return "own" if finds_words else "gold"
