"""The policies for texts that are longer than a window."""

from __future__ import annotations

from tfner.data.windows import Ints, cut
from tfner.errors import CorpusError


def piece_ranges(
    document_id: str,
    num_pieces: int,
    word_starts: Ints,
    *,
    room: int,
    overlap: int,
    on_overflow: str,
) -> tuple[list[tuple[int, int]], int]:
    """Divide the pieces of a document among windows.

    Args:
        document_id: for the message.
        num_pieces: pieces of the document.
        word_starts: (W,) first piece of every word, rising.
        room: most pieces of a window, special ones and queries not counted.
        overlap: pieces that neighbouring windows share.
        on_overflow: "window", "error" or "truncate".

    Returns:
        The half-open piece range of each window, and the number of words cut off.

    Raises:
        CorpusError: the document is too long and `on_overflow` is "error".
    """
    if num_pieces <= room:
        return ([(0, num_pieces)] if num_pieces else []), 0
    if on_overflow == "error":
        raise CorpusError(
            f"document {document_id!r} has {num_pieces} pieces, a window holds "
            f"{room}. Use --on-overflow window, or split the document."
        )
    if on_overflow == "truncate":
        return [(0, room)], int((word_starts >= room).sum())
    ranges = cut(num_pieces, capacity=room, overlap=overlap, word_starts=word_starts)
    return ranges, 0
