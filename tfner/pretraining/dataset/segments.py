"""ELECTRA's examples: the lines of an article packed into one or two segments.

The examples of an article depend on its lines and the seed alone: not on its
neighbours, nor on the process or machine that makes them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

SINGLE_SEGMENT = 0.1
SHORT_EXAMPLE = 0.05
SHORTEST_TARGET = 5
UNLIMITED = 100_000
FRAME = 3  # [CLS], and [SEP] after each segment


class Segments(NamedTuple):
    """One example without special pieces, and the number of pieces lost at its end."""

    first: list[int]
    second: list[int]
    cut: int


def article_random(lines: Sequence[str], seed: int) -> random.Random:
    """A generator of random numbers that depend on the article and the seed."""
    digest = hashlib.blake2b("\n".join(lines).encode("utf-8", "replace"))
    seeded = f"{seed} {digest.hexdigest()}"
    return random.Random(seeded)  # noqa: S311 (made again from its seed)


def pack_sentences(
    sentences: Iterable[list[int]],
    *,
    max_length: int,
    rng: random.Random,
    carry: bool = False,
) -> Iterator[Segments]:
    """Pack consecutive sentences of an article into examples.

    Sentences are gathered until they fill the target length, which is `max_length`
    but for one example in twenty, where it is any shorter one.

    Args:
        sentences: ids of each.
        max_length: pieces of an example, special ones included.
        rng: decides the target lengths and the beginning of the second segment.
        carry: begin the next example with the pieces of the last sentence beyond
            `max_length`; otherwise they are lost, as published, and counted.

    Source: google-research/electra, build_pretraining_dataset.py, `ExampleBuilder`.
    There the target of an article's first example is drawn by the article before it.
    """
    target = _target(max_length, rng)
    gathered: list[list[int]] = []
    length = 0
    for sentence in sentences:
        gathered.append(sentence)
        length += len(sentence)
        while length >= target:
            first, second, rest = _split(gathered, target, max_length, rng)
            carried = rest if carry else []
            yield Segments(first, second, len(rest) - len(carried))
            gathered, length = [carried] if carried else [], len(carried)
            target = _target(max_length, rng)
    if length:
        first, second, rest = _split(gathered, target, max_length, rng)
        yield Segments(first, second, len(rest))


def _target(max_length: int, rng: random.Random) -> int:
    if rng.random() < SHORT_EXAMPLE:
        return rng.randint(SHORTEST_TARGET, max_length)
    return max_length


def _split(
    sentences: list[list[int]], target: int, max_length: int, rng: random.Random
) -> tuple[list[int], list[int], list[int]]:
    """Deal sentences to two segments, the first of about half the target.

    As published, a short sentence goes to the first one even after the second began.

    Returns:
        Both segments, trimmed, and the pieces that were trimmed off.
    """
    single = rng.random() < SINGLE_SEGMENT
    room = UNLIMITED if single else (target - FRAME) // 2
    first: list[int] = []
    second: list[int] = []
    for sentence in sentences:
        if (
            not first
            or len(first) + len(sentence) < room
            # Half of the sentences that cross the middle go to the first segment.
            or (not second and len(first) < room and rng.random() < 0.5)
        ):
            first += sentence
        else:
            second += sentence
    first, rest = first[: max_length - 2], first[max_length - 2 :]
    room = max(0, max_length - len(first) - FRAME)
    return first, second[:room], rest + second[room:]
