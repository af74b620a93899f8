"""Schemas of the settings that the config.json of a bundle holds, one a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tfner.config.choices import (
    Decode,
    Head,
    LabelPieces,
    Misaligned,
    Overflow,
    Pool,
    Words,
)
from tfner.storage.schema import Range, Share

Pieces = Annotated[int, Range(1, 1 << 20)]
Neighbours = Annotated[int, Range(0, 1 << 10)]


@dataclass(frozen=True, kw_only=True)
class WindowRecord:
    """Settings of windows, which all tasks have."""

    max_length: Pieces = 512
    overlap: Annotated[int, Range(0, 1 << 20)] | None = None
    words: Words = "gold"
    misaligned: Misaligned = "split"
    on_overflow: Overflow = "window"


@dataclass(frozen=True, kw_only=True)
class TokenRecord(WindowRecord):
    """Settings of token classification."""

    name: Literal["token"]
    label_pieces: LabelPieces = "first"
    pool: Pool = "first"
    head: Head = "softmax"
    decode: Decode | None = None
    context: Neighbours = 0
    segment_id: Annotated[int, Range(0, 1)] = 0


@dataclass(frozen=True, kw_only=True)
class SpanRecord(WindowRecord):
    """Settings of span extraction."""

    name: Literal["span"]
    queries: dict[str, str] | None = None
    nested: bool = True
    start_threshold: Share = 0.5
    end_threshold: Share = 0.5
    span_threshold: Share = 0.5
