"""Corpora: files of several formats to Documents and back."""

from tfner.corpus.formats import (
    READERS,
    SUFFIXES,
    WRITERS,
    find_format,
    read_corpus,
    write_corpus,
)
from tfner.corpus.joining import join_words, words_of

__all__ = [
    "READERS",
    "SUFFIXES",
    "WRITERS",
    "find_format",
    "join_words",
    "read_corpus",
    "words_of",
    "write_corpus",
]
