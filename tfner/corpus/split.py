"""Random splits of a corpus into parts that share no document and no sentence."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from tfner.corpus.joining import text_key
from tfner.document import Document
from tfner.errors import ConfigError, CorpusError

TOLERANCE = 1e-6


def split_documents(
    documents: Iterable[Document], fractions: Sequence[float], seed: int = 0
) -> list[list[Document]]:
    """Cut a corpus into parts, the same ones for the same seed.

    Sentences of one document (metadata `document`) and copies of one sentence stay
    together, so that a part never contains what a model saw in another.

    Args:
        documents: all are held in memory.
        fractions: one share of the documents a part; they sum to 1.
        seed: chooses between equally good splits.

    Returns:
        One list a fraction, each in the order of the corpus; none is empty unless its
        fraction is 0.

    Raises:
        ConfigError: a fraction lies outside 0 to 1, or they do not sum to 1.
        CorpusError: fewer independent groups than parts.
    """
    if any(not 0 <= f <= 1 for f in fractions) or abs(sum(fractions) - 1) > TOLERANCE:
        raise ConfigError(
            "fractions must lie between 0 and 1 and sum to 1. "
            f"Received: {', '.join(map(str, fractions))}"
        )
    corpus = list(documents)
    groups = _groups(corpus)
    filled = [part for part, fraction in enumerate(fractions) if fraction > 0]
    if len(groups) < len(filled):
        raise CorpusError(
            f"{len(corpus)} documents form {len(groups)} groups that must stay "
            f"together (same document or same sentence), too few for {len(filled)} "
            "parts. Give more documents or fewer parts"
        )
    random.Random(seed).shuffle(groups)  # noqa: S311 (made again from its seed)
    groups.sort(key=len, reverse=True)
    targets = {part: fractions[part] * len(corpus) for part in filled}
    parts = _fill(groups, targets)
    return [
        [corpus[i] for i in sorted(parts.get(part, ()))]
        for part in range(len(fractions))
    ]


def hold_out(
    documents: Iterable[Document], fraction: float, *, seed: int = 0
) -> tuple[list[Document], list[Document]]:
    """Hold out a random share of the documents; see `split_documents`.

    Args:
        documents: all are held in memory.
        fraction: share held out, 0 to 1; with 0 the second list is empty.
        seed: chooses between equally good splits.

    Returns:
        The training documents, and those held out.
    """
    train, held = split_documents(documents, (1 - fraction, fraction), seed)
    return train, held


def _groups(corpus: Sequence[Document]) -> list[list[int]]:
    """Positions that must stay together, connected by document or by text."""
    parents = list(range(len(corpus)))

    def root(position: int) -> int:
        while parents[position] != position:
            parents[position] = parents[parents[position]]
            position = parents[position]
        return position

    first: dict[Hashable, int] = {}
    for position, document in enumerate(corpus):
        keys: list[Hashable] = [("text", text_key(document.text))]
        if "document" in document.metadata:
            keys.append(("document", str(document.metadata["document"])))
        for key in keys:
            parents[root(position)] = root(first.setdefault(key, position))
    groups: dict[int, list[int]] = defaultdict(list)
    for position in range(len(corpus)):
        groups[root(position)].append(position)
    return list(groups.values())


def _fill(
    groups: Sequence[list[int]], targets: dict[int, float]
) -> dict[int, set[int]]:
    """Give each group to the part that lacks most; the last ones to empty parts."""
    parts: dict[int, set[int]] = {part: set() for part in targets}
    for number, group in enumerate(groups):
        empty = [part for part in parts if not parts[part]]
        must = len(groups) - number <= len(empty)
        part = max(empty if must else parts, key=lambda p: targets[p] - len(parts[p]))
        parts[part].update(group)
    return parts
