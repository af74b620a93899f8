"""Detection of a file's tag scheme from its pairs of neighbouring tags.

A corpus has hundreds of thousands of tags but only a few hundred different pairs of
neighbours, so counting pairs in one pass decides between all schemes at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tfner.schemes import OUTSIDE, SCHEMES, Scheme, is_tag
from tfner.tag_syntax import TagSyntax

BORDER = "\n"
"""Stands for both ends of a sentence, which count as O but are none."""


class Transition(NamedTuple):
    """A pair of neighbouring tags, and the line at which it occurs first."""

    previous: str
    tag: str
    line: int


class TagCensus:
    """Counts of neighbouring tags, and of those at either end of a sentence."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}

    def add(self, tags: Sequence[str], lines: Sequence[int]) -> None:
        """Count the transitions of one sentence; `lines` are the lines of its tags."""
        if not tags:
            return
        counts, previous = self._counts, BORDER
        for tag, line in zip((*tags, BORDER), (*lines, lines[-1]), strict=True):
            entry = counts.get((previous, tag))
            if entry is None:
                counts[previous, tag] = [1, line]
            else:
                entry[0] += 1
            previous = tag

    def tags(self) -> Counter[str]:
        """The number of times that each tag occurs."""
        found: Counter[str] = Counter()
        for (_, tag), (count, _) in self._counts.items():
            if tag != BORDER:
                found[tag] += count
        return found

    def canonical(self, syntax: TagSyntax) -> TagCensus:
        """Counts of the tags that these spellings stand for; strangers stay."""
        census = TagCensus()
        for pair, (count, line) in self._counts.items():
            previous, tag = (syntax.table.get(tag, tag) for tag in pair)
            entry = census._counts.setdefault((previous, tag), [0, line])
            entry[0] += count
            entry[1] = min(entry[1], line)
        return census

    def strangers(self) -> list[tuple[str, int, int]]:
        """Tags that belong to no scheme, each with its count and first line."""
        strangers: dict[str, tuple[int, int]] = {}
        for (_, tag), (count, line) in self._counts.items():
            if tag != BORDER and not is_tag(tag):
                before, first = strangers.get(tag, (0, line))
                strangers[tag] = (before + count, min(first, line))
        return [(tag, count, line) for tag, (count, line) in strangers.items()]

    def invalid(self, scheme: Scheme) -> int:
        """The number of transitions that the scheme does not allow."""
        return sum(self._counts[pair][0] for pair in self._invalid(scheme))

    def first_invalid(self, scheme: Scheme) -> Transition:
        """The first transition in the file that the scheme does not allow."""
        line, pair = min((self._counts[p][1], p) for p in self._invalid(scheme))
        return Transition(_shown(pair[0]), _shown(pair[1]), line)

    def _invalid(self, scheme: Scheme) -> Iterable[tuple[str, str]]:
        return (
            (previous, tag)
            for previous, tag in self._counts
            if not scheme.allows(_shown(previous), _shown(tag))
        )

    def best(self) -> Scheme:
        """The scheme with the fewest invalid transitions, the first of equal ones."""
        return min(SCHEMES.values(), key=self.invalid)


def _shown(tag: str) -> str:
    return OUTSIDE if tag == BORDER else tag
