"""Tokenizers: text to pieces, each with its range in the text and its word."""

from __future__ import annotations

from tfner.tokenization.directories import load_tokenizer
from tfner.tokenization.encoding import Encoding, Tokenizer

__all__ = ["Encoding", "Tokenizer", "load_tokenizer"]
