"""The words that settings take are those that their rooms know."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tfner.config import choices


@pytest.mark.parametrize(
    ("words", "room", "name"),
    [
        (choices.Join, "tfner.corpus.joining", "JOINS"),
        (choices.Misaligned, "tfner.tokenization.align", "POLICIES"),
        (choices.Decode, "tfner.tasks.decoding", "DECODERS"),
        (choices.Layout, "tfner.data.packing", "LAYOUTS"),
        (choices.SpanLoss, "tfner.models.heads.span_losses", "LOSSES"),
        (choices.SpanCandidates, "tfner.models.heads.span_extractor", "CANDIDATES"),
    ],
)
def test_rooms_know_the_words_of_the_settings(words: Any, room: str, name: str) -> None:
    module = __import__(room, fromlist=[name])
    assert tuple(getattr(module, name)) == get_args(words)
