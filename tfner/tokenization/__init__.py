"""Text to pieces, with every piece's place in the user's text and in its word."""

from __future__ import annotations

from tfner.tokenization.directories import load_tokenizer
from tfner.tokenization.encoding import Encoding, Tokenizer

__all__ = ["Encoding", "Tokenizer", "load_tokenizer"]
