"""Comparison of corpora that are counted: labels, shared texts, surfaces of entities.

An entity's *surface* is its text, white space in it made one blank. Where the same
surface has one label mostly and another one rarely, the rare one is likely an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tfner.corpus.joining import text_key
from tfner.corpus.stats import CorpusStats, render_stats
from tfner.document import Document
from tfner.errors import listed, shorten

FEW = 10
"""Examples of a label below which a model hardly learns it."""
SHOWN = 10
"""Surfaces and labels that are listed for people."""


class Sighting(NamedTuple):
    """The place at which an entity was seen first with a label."""

    path: str
    document: str
    start: int
    end: int


class Duplicates(NamedTuple):
    """Documents of one file whose text stands in another, too.

    Attributes:
        path: the file that holds them.
        other: the earlier file that holds their texts, or the file itself.
        documents: how many of `path`.
        share: of all documents of `path`.
    """

    path: str
    other: str
    documents: int
    share: float


class Ambiguity(NamedTuple):
    """A surface with several labels: their counts, and a place of each."""

    surface: str
    counts: dict[str, int]
    places: dict[str, Sighting]


class Comparison:
    """Texts and surfaces of several corpora, gathered while they are read."""

    def __init__(self) -> None:
        self._texts: dict[str, set[int]] = {}
        self._shared: Counter[tuple[str, str]] = Counter()
        self._documents: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {}
        self._places: dict[tuple[str, str], Sighting] = {}

    def watch(self, documents: Iterable[Document], path: str) -> Iterator[Document]:
        """Pass on the documents of a file; what they hold is remembered.

        Args:
            documents: of the file.
            path: its name, also for what it is compared with.
        """
        texts = self._texts.setdefault(path, set())
        for document in documents:
            key = hash(text_key(document.text))
            self._documents[path] += 1
            for other, known in self._texts.items():
                self._shared[path, other] += key in known
            texts.add(key)
            self._see_entities(document, path)
            yield document

    def _see_entities(self, document: Document, path: str) -> None:
        for entity in document.entities:
            surface = " ".join(document.surface(entity).split())
            self._counts.setdefault(surface, Counter())[entity.label] += 1
            if (surface, entity.label) not in self._places:
                place = Sighting(path, document.id, entity.start, entity.end)
                self._places[surface, entity.label] = place

    def duplicates(self) -> list[Duplicates]:
        """The documents that each file shares with itself and with earlier ones."""
        return [
            Duplicates(path, other, count, count / self._documents[path])
            for (path, other), count in self._shared.items()
            if count
        ]

    def ambiguities(self) -> list[Ambiguity]:
        """The surfaces with several labels, the most frequent first."""
        several = [s for s, counts in self._counts.items() if len(counts) > 1]
        several.sort(key=lambda surface: (-self._counts[surface].total(), surface))
        return [
            Ambiguity(
                surface,
                dict(self._counts[surface].most_common()),
                {
                    label: self._places[surface, label]
                    for label in self._counts[surface]
                },
            )
            for surface in several
        ]


def balance_of(labels: Mapping[str, int]) -> dict[str, Any]:
    """The shares of the most frequent and the rarest label, and labels of few examples.

    Args:
        labels: number of entities of each label.
    """
    if not labels:
        return {"most_frequent": None, "rarest": None, "few_examples": {}}
    total = sum(labels.values())
    ordered = sorted(labels, key=lambda label: (-labels[label], label))
    ends = {"most_frequent": ordered[0], "rarest": ordered[-1]}
    return {
        **{k: {"label": v, "share": labels[v] / total} for k, v in ends.items()},
        "few_examples": {
            label: labels[label] for label in ordered if labels[label] < FEW
        },
    }


def corpora_record(
    counts: Sequence[tuple[str, CorpusStats]], comparison: Comparison
) -> dict[str, Any]:
    """Counts and comparison of corpora as one JSON object.

    Args:
        counts: name and counts of each file; those of a single one stand alone.
        comparison: has watched them all.
    """
    records = [
        {"path": path, **found.to_json(), "balance": balance_of(found.labels)}
        for path, found in counts
    ]
    one = records[0] if len(records) == 1 else {"files": records}
    return one | {
        "duplicates": [found._asdict() for found in comparison.duplicates()],
        "ambiguous_surfaces": [
            {
                "surface": surface,
                "labels": {
                    label: {"count": count, "example": places[label]._asdict()}
                    for label, count in found.items()
                },
            }
            for surface, found, places in comparison.ambiguities()
        ],
    }


def render_corpora(
    counts: Sequence[tuple[str, CorpusStats]], comparison: Comparison
) -> str:
    """Counts and comparison of corpora for people; see `corpora_record`."""
    blocks = []
    for path, found in counts:
        title = [f"{path}:"] if len(counts) > 1 else []
        blocks.append([*title, render_stats(found)])
        blocks.append(render_balance(found.labels))
    blocks.append(render_comparison(comparison))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def render_balance(labels: Mapping[str, int]) -> list[str]:
    """The balance of labels as lines for people; none where there is no label."""
    if not labels:
        return []
    balance = balance_of(labels)
    most, rarest = balance["most_frequent"], balance["rarest"]
    lines = [
        f"most frequent label: {most['label']} {most['share']:.1%}, "
        f"rarest: {rarest['label']} {rarest['share']:.2%}"
    ]
    few = [f"{label} {count}" for label, count in balance["few_examples"].items()]
    if few:
        names = ", ".join(few[:SHOWN]) + (", …" if few[SHOWN:] else "")
        lines.append(f"labels with fewer than {FEW} examples: {len(few)} ({names})")
    return lines


def render_comparison(comparison: Comparison) -> list[str]:
    """Duplicates and ambiguities as lines for people, the most frequent ones."""
    lines = []
    for path, other, documents, share in comparison.duplicates():
        where = "in the file before" if path == other else f"in {other}"
        lines.append(f"{path}: {documents:,} of the texts ({share:.1%}) stand {where}")
    found = comparison.ambiguities()
    if found:
        lines.append(f"entities with more than one label: {len(found):,} surfaces")
    for surface, counts, places in found[:SHOWN]:
        labels = listed(f"{label} {count:,}" for label, count in counts.items())
        lines.append(f"  {shorten(surface)}: {labels} ({_example(counts, places)})")
    if found[SHOWN:]:
        lines.append(
            f"  … and {len(found) - SHOWN:,} more; `corpus stats --json` has all"
        )
    return lines


def _example(counts: Mapping[str, int], places: Mapping[str, Sighting]) -> str:
    """The place of the rarest label."""
    rarest: str = [*counts][-1]
    path, document, start, end = places[rarest]
    return f"{rarest}: {path}, document {document}, characters {start}-{end}"
