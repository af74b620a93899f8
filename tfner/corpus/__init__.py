"""Corpora: files of several formats to Documents and back."""

from tfner.corpus.corpora import (
    find_format,
    output_format,
    read_corpus,
    write_corpus,
)
from tfner.corpus.formats import FORMATS
from tfner.corpus.joining import join_words, words_of
from tfner.corpus.split import hold_out, split_documents

__all__ = [
    "FORMATS",
    "find_format",
    "hold_out",
    "join_words",
    "output_format",
    "read_corpus",
    "split_documents",
    "words_of",
    "write_corpus",
]
