"""Counts of a corpus, made in one pass, and their table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from tfner.document import Document
from tfner.nesting import count_nested


@dataclass
class CorpusStats:
    """Counts of a corpus; lengths are of documents, in words where it has words."""

    documents: int = 0
    words: int = 0
    characters: int = 0
    without_words: int = 0
    without_entities: int = 0
    nested: int = 0
    documents_with_nesting: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    entity_lengths: Counter[int] = field(default_factory=Counter)
    longest: str = ""

    @property
    def entities(self) -> int:
        """Entities of all labels."""
        return self.labels.total()

    @property
    def unit(self) -> str:
        """The unit of lengths: words, or characters if any document has no words."""
        return "characters" if self.without_words else "words"

    def to_json(self) -> dict[str, Any]:
        """The counts as one JSON object."""
        return {
            "documents": self.documents,
            "words": None if self.without_words else self.words,
            "characters": self.characters,
            "entities": self.entities,
            "labels": dict(sorted(self.labels.items())),
            "nested_entities": self.nested,
            "documents_with_nesting": self.documents_with_nesting,
            "documents_without_entities": self.without_entities,
            "entity_free_share": self.without_entities / max(1, self.documents),
            "length_unit": self.unit,
            "document_lengths": _summary(self.lengths),
            "longest_document": self.longest,
            "entity_lengths": _summary(self.entity_lengths),
        }


def count_corpus(documents: Iterable[Document]) -> CorpusStats:
    """Count a corpus; one document without words makes all lengths characters."""
    stats = CorpusStats()
    in_words, in_characters = _Lengths(), _Lengths()
    for document in documents:
        words = document.words
        stats.documents += 1
        stats.words += len(words or ())
        stats.characters += len(document.text)
        stats.without_words += words is None
        stats.without_entities += not document.entities
        stats.labels.update(entity.label for entity in document.entities)
        nested = count_nested(document.entities)
        stats.nested += nested
        stats.documents_with_nesting += nested > 0
        in_characters.add(document.id, len(document.text))
        for entity in document.entities:
            in_characters.entities[entity.end - entity.start] += 1
        if words is not None:
            in_words.add(document.id, len(words))
            for entity in document.entities:
                last = bisect_left(words, entity.end, key=itemgetter(0))
                first = bisect_right(words, entity.start, key=itemgetter(1))
                in_words.entities[last - first] += 1
    chosen = in_characters if stats.without_words else in_words
    stats.lengths, stats.entity_lengths = chosen.documents, chosen.entities
    stats.longest = chosen.longest
    return stats


class _Lengths:
    def __init__(self) -> None:
        self.documents: Counter[int] = Counter()
        self.entities: Counter[int] = Counter()
        self.longest, self.most = "", -1

    def add(self, identifier: str, length: int) -> None:
        self.documents[length] += 1
        if length > self.most:
            self.longest, self.most = identifier, length


def _summary(lengths: Counter[int]) -> dict[str, float]:
    total = lengths.total()
    if not total:
        return {"mean": 0.0, "median": 0, "p99": 0, "max": 0}
    return {
        "mean": sum(n * count for n, count in lengths.items()) / total,
        "median": _quantile(lengths, 0.5),
        "p99": _quantile(lengths, 0.99),
        "max": max(lengths),
    }


def _quantile(lengths: Counter[int], share: float) -> int:
    """The smallest length that at least this share does not exceed."""
    seen, needed = 0, share * lengths.total()
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= needed:
            return length
    return max(lengths)


def render_stats(stats: CorpusStats) -> str:
    """The counts as a table for people."""
    record = stats.to_json()
    share = record["entity_free_share"]
    lines = [
        f"documents        {stats.documents:>12,}",
        f"words            {'—' if stats.without_words else f'{stats.words:,}':>12}",
        f"characters       {stats.characters:>12,}",
        f"entities         {stats.entities:>12,}",
        f"  nested         {stats.nested:>12,}  in {stats.documents_with_nesting:,} "
        "documents",
        f"without entities {stats.without_entities:>12,}  {share:.1%} of the documents",
        "",
        f"length in {stats.unit}   mean  median     p99     max",
    ]
    for name, key in (("document", "document_lengths"), ("entity", "entity_lengths")):
        row = record[key]
        lines.append(
            f"{name:<{len(stats.unit) + 10}} {row['mean']:>6.1f}{row['median']:>8}"
            f"{row['p99']:>8}{row['max']:>8}"
        )
    lines.append(f"longest: {stats.longest}")
    width = max(map(len, stats.labels), default=0)
    lines += ["", "entities by label"] if stats.labels else []
    total = stats.entities
    for label, count in stats.labels.most_common():
        lines.append(f"  {label:<{width}} {count:>9,}  {count / total:>6.1%}")
    return "\n".join(lines)
