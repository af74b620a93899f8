"""Pieces of words, and where in the word they lie."""

from __future__ import annotations

from tfner.tokenization.subwords import WordPieces


def test_an_unknown_piece_that_a_user_writes_ends_where_it_does() -> None:
    pieces = WordPieces(["[UNK]", "2", "##2", "##."]).cut("[UNK]22. x")
    assert [(piece.text, piece.start, piece.end) for piece in pieces] == [
        ("[UNK]", 0, 5),
        ("##2", 5, 6),
        ("##2", 6, 7),
        ("##.", 7, 8),
        ("[UNK]", 9, 10),
    ]
