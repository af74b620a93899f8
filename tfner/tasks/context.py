"""Neighbouring sentences as context: shown to the encoder, never labelled.

Training, evaluation and prediction all attach them here, before a task encodes. Only
what is read in order has neighbours: a text by itself is read by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tfner.document import Document

if TYPE_CHECKING:
    from tfner.tasks.interface import Encoded, Task

DOCUMENT = "document"
"""Metadata of a sentence that names the document it belongs to."""


class Neighbours(NamedTuple):
    """The sentences before and after one, in the order of the text."""

    before: tuple[Document, ...] = ()
    after: tuple[Document, ...] = ()


ALONE = Neighbours()


def encode_in_order(
    task: Task, documents: Iterable[str | Document], *, with_targets: bool = False
) -> Iterator[tuple[Document, Encoded]]:
    """Encode each document; a task with `context` sees the neighbours, too.

    Args:
        task: has `context` documents read ahead.
        documents: texts get the ids 1, 2, … and have no neighbours.
        with_targets: see `Task.encode`.
    """
    for document, neighbours in with_neighbours(documents, task.context):
        yield (
            document,
            task.encode(document, with_targets=with_targets, neighbours=neighbours),
        )


def with_neighbours(
    documents: Iterable[str | Document], reach: int
) -> Iterator[tuple[Document, Neighbours]]:
    """Yield each document with up to `reach` neighbours on either side.

    Neighbours are of the same `metadata["document"]`; where nothing is said, of the
    same file.

    Example:
        >>> lines = [Document(name, name) for name in "abc"]
        >>> [[d.id for d in n.before + n.after] for _, n in with_neighbours(lines, 1)]
        [['b'], ['a', 'c'], ['b']]
    """
    source = map(_placed, enumerate(documents, start=1))
    coming: deque[tuple[Hashable, Document]] = deque()
    seen: deque[tuple[Hashable, Document]] = deque(maxlen=reach)
    while True:
        coming.extend(islice(source, reach + 1 - len(coming)))
        if not coming:
            return
        place, document = coming.popleft()
        before = tuple(d for key, d in seen if key == place)
        after = tuple(d for key, d in coming if key == place)
        yield document, Neighbours(before, after)
        seen.append((place, document))


def _placed(numbered: tuple[int, str | Document]) -> tuple[Hashable, Document]:
    """What a document shares with its neighbours alone, and the document."""
    number, given = numbered
    if isinstance(given, str):
        return number, Document(str(number), given)
    return str(given.metadata.get(DOCUMENT)), given


def pieces_around(
    before: Iterable[Iterable[int]], after: Iterable[Iterable[int]], *, room: int
) -> tuple[list[int], list[int]]:
    """Take the nearest pieces on either side.

    Args:
        before: pieces of the sentences before, in the order of the text.
        after: likewise of those after.
        room: how many to take in all; each side has half, and what the other leaves.

    Example:
        >>> pieces_around([[1, 2], [3, 4]], [[5]], room=3)
        ([3, 4], [5])
    """
    ahead = [piece for ids in before for piece in ids]
    behind = [piece for ids in after for piece in ids]
    left = max(0, min(len(ahead), max(room // 2, room - len(behind))))
    return ahead[len(ahead) - left :], behind[: max(0, room - left)]
