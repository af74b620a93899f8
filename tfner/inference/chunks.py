"""Documents in order, in the chunks that a model runs in one go.

The last bits of a model's sums depend on what else is in a batch. So the chunks depend
on the texts alone and not on who predicts them: one process, several, or many machines
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tfner.document import Document
from tfner.tasks.context import Neighbours, with_neighbours

DOCUMENTS = 512
"""Documents of a chunk: enough to pack rows well, little memory."""
CHARACTERS = 512
"""A document counts once more for every so many; about one window of a model."""

Chunk = list[tuple[Document, Neighbours]]
"""Documents with what their model sees around them."""


def chunked(
    documents: Iterable[str | Document], *, context: int = 0
) -> Iterator[Chunk]:
    """Yield chunks of `DOCUMENTS` documents, of fewer where some are long.

    Args:
        documents: texts get the ids 1, 2, …; read only as far as a chunk needs.
        context: neighbours that the model sees on either side, see `Task.context`.

    Example:
        >>> [len(chunk) for chunk in chunked(["a"] * 1000)]
        [512, 488]
        >>> [len(chunk) for chunk in chunked(["a" * 1024] * 200)]
        [171, 29]
    """
    chunk: Chunk = []
    size = 0
    for document, neighbours in with_neighbours(documents, context):
        chunk.append((document, neighbours))
        size += 1 + len(document.text) // CHARACTERS
        if size >= DOCUMENTS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
