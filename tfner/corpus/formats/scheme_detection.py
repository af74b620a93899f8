"""Which scheme a file is tagged in: found from its pairs of neighbouring tags.

A corpus has hundreds of thousands of tags but only a few hundred different pairs of
neighbours, so counting pairs in one pass decides between all schemes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tfner.schemes import OUTSIDE, SCHEMES, Scheme, is_tag


class Step(NamedTuple):
    """A pair of neighbouring tags and where the second of them stands first."""

    previous: str
    tag: str
    line: int


class TagCensus:
    """Counts of neighbouring tags; O stands before and after each sentence."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], list[int]] = {}

    def add(self, tags: Sequence[str], lines: Sequence[int]) -> None:
        """Count one sentence; `lines` are the lines of its tags."""
        if not tags:
            return
        steps, previous = self._steps, OUTSIDE
        for tag, line in zip((*tags, OUTSIDE), (*lines, lines[-1]), strict=True):
            entry = steps.get((previous, tag))
            if entry is None:
                steps[previous, tag] = [1, line]
            else:
                entry[0] += 1
            previous = tag

    def strangers(self) -> list[tuple[str, int, int]]:
        """Tags that belong to no scheme: tag, how often, first line."""
        found: dict[str, tuple[int, int]] = {}
        for (_, tag), (count, line) in self._steps.items():
            if not is_tag(tag):
                before, first = found.get(tag, (0, line))
                found[tag] = (before + count, min(first, line))
        return [(tag, count, line) for tag, (count, line) in found.items()]

    def invalid(self, scheme: Scheme) -> int:
        """How many steps the scheme does not allow."""
        return sum(self._steps[step][0] for step in self._invalid(scheme))

    def first_invalid(self, scheme: Scheme) -> Step:
        """The first step in the file that the scheme does not allow."""
        line, step = min((self._steps[s][1], s) for s in self._invalid(scheme))
        return Step(*step, line)

    def _invalid(self, scheme: Scheme) -> Iterable[tuple[str, str]]:
        return (step for step in self._steps if not scheme.allows(*step))

    def best(self) -> Scheme:
        """The scheme with the fewest invalid steps; ties go to the order of SCHEMES."""
        return min(SCHEMES.values(), key=self.invalid)
