"""Shard plans, which divide raw text among the files of a data set.

The text is read once for a plan, to count it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tfner.errors import ConfigError, CorpusError, unknown
from tfner.pretraining.dataset.manifest import SCHEMA
from tfner.pretraining.text.articles import Article
from tfner.tokenization.specials import SpecialIds

SHARD_CHARACTERS = 4_000_000
MOST_SHARDS = 1000
OVERFLOWS = ("cut", "carry")
SHORTEST, LONGEST = 8, 512  # ELECTRA's published sizes have 512 positions


class Survey(NamedTuple):
    """Counts and digest of one file of text."""

    path: str
    articles: int
    characters: int
    sha256: str


@dataclass(frozen=True)
class ShardPlan:
    """Everything that decides the records, but for the vocabulary's own pieces.

    Args:
        max_length: pieces of a record, special ones included.
        seed: decides the random lengths of segments.
        overflow: `cut` or `carry`, see `pack_sentences`.
        shards: number of files.
        inputs: the files of text.
        special_ids: of the tokenizer.
        vocabulary_digest: of the tokenizer.
    """

    max_length: int
    seed: int
    overflow: str
    shards: int
    inputs: tuple[Survey, ...]
    special_ids: SpecialIds
    vocabulary_digest: str

    @property
    def characters(self) -> int:
        """Number of characters of all inputs."""
        return sum(survey.characters for survey in self.inputs)

    def to_json(self) -> dict[str, Any]:
        """The plan as a record, to be compared with that of an interrupted run."""
        return {
            "schema": SCHEMA,
            **asdict(self),
            "inputs": [survey._asdict() for survey in self.inputs],
            "special_ids": self.special_ids._asdict(),
        }

    def file(self, number: int) -> str:
        """Name of a shard."""
        return f"shard-{number:05d}-of-{self.shards:05d}.npy"


def survey_articles(path: str, articles: Iterable[Article]) -> Survey:
    """Count and digest the articles of a file."""
    digest = hashlib.sha256()
    number = characters = 0
    for article in articles:
        number += 1
        characters += article_size(article)
        digest.update(("\n".join(article) + "\n\n").encode("utf-8", "replace"))
    return Survey(path, number, characters, digest.hexdigest())


def article_size(article: Article) -> int:
    """Number of characters of an article, each line with its end."""
    return sum(map(len, article)) + len(article)


def make_shard_plan(
    surveys: Sequence[Survey],
    special_ids: SpecialIds,
    vocabulary_digest: str,
    *,
    max_length: int,
    seed: int,
    overflow: str,
    shards: int | None = None,
) -> ShardPlan:
    """Check the settings and decide the number of shards.

    Args:
        surveys: of all files, in order.
        special_ids: of the tokenizer.
        vocabulary_digest: `tokenizer_digest` of the saved tokenizer.
        max_length: pieces of a record, from 8 to 512.
        seed: decides the random lengths of segments.
        overflow: see `pack_sentences`.
        shards: number of files; None takes one for every four million characters, at
            most 1,000.

    Raises:
        CorpusError: there is no text.
        ConfigError: a setting is out of range, or there are more shards than articles.
    """
    if not SHORTEST <= max_length <= LONGEST:
        raise ConfigError(
            f"a record has {SHORTEST} to {LONGEST} pieces: ELECTRA's sizes have "
            f"{LONGEST} positions. Received: max_length={max_length}"
        )
    if overflow not in OVERFLOWS:
        raise ConfigError(unknown("overflow", overflow, OVERFLOWS))
    articles = sum(survey.articles for survey in surveys)
    characters = sum(survey.characters for survey in surveys)
    if not articles:
        names = ", ".join(survey.path for survey in surveys)
        raise CorpusError(f"pretraining needs text, and there is none in {names}")
    by_size = -(-characters // SHARD_CHARACTERS)
    number = min(by_size, MOST_SHARDS, articles) if shards is None else shards
    if not 1 <= number <= articles:
        raise ConfigError(
            "there must be at least one article a shard. Received: "
            f"shards={number}, {articles} articles (blank lines stand between them)"
        )
    return ShardPlan(
        max_length=max_length,
        seed=seed,
        overflow=overflow,
        shards=number,
        inputs=tuple(surveys),
        special_ids=special_ids,
        vocabulary_digest=vocabulary_digest,
    )


def assign_articles(
    articles: Iterable[Article], plan: ShardPlan, *, start: int = 0
) -> Iterator[tuple[int, Article]]:
    """Yield each article with the number of its shard.

    Args:
        articles: of one file, or of all.
        plan: decides where a shard ends.
        start: number of characters of the text before them.
    """
    characters = plan.characters
    for article in articles:
        number = start * plan.shards // characters
        yield min(number, plan.shards - 1), article
        start += article_size(article)
