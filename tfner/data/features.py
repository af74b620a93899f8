"""The features a model sees: one table of names, types and padding.

Inside tfner the names are Hugging Face's, on the wire (TFRecord, SavedModel signature)
they are those of google-research/electra. Nothing else maps the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

IGNORED = -100
"""Label of a position that takes no part in the loss."""


class Feature(NamedTuple):
    """One input or target of a model.

    Args:
        name: its name inside tfner.
        wire: its name in TFRecords and serving signatures.
        axis: unit of a row: "S" pieces, "W" labelled words.
        pad: value that fills a row up; `input_ids` take the tokenizer's pad id instead.
        target: it is known in training alone.
    """

    name: str
    wire: str
    axis: str
    pad: int = 0
    target: bool = False


INPUT_IDS = Feature("input_ids", "input_ids", "S")
ATTENTION_MASK = Feature("attention_mask", "input_mask", "S")
TOKEN_TYPE_IDS = Feature("token_type_ids", "segment_ids", "S")
LABELED_POSITIONS = Feature("labeled_positions", "labeled_positions", "W")
WORD_LENGTHS = Feature("word_lengths", "word_lengths", "W")
"""How many pieces, from the labelled position on, are the word's: to pool them."""
LABELS = Feature("labels", "labels", "W", IGNORED, target=True)
TEACHER = Feature("teacher", "teacher", "W", target=True)
"""In distillation, numbers of what a teacher says of each labelled word."""
START_LABELS = Feature("start_labels", "start_labels", "S", IGNORED, target=True)
END_LABELS = Feature("end_labels", "end_labels", "S", IGNORED, target=True)
SPAN_LABELS = Feature("span_labels", "span_labels", "S", IGNORED, target=True)
"""For every piece the distances to the last pieces of the entities that it begins."""

ENCODER_INPUTS = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
TAGGER_INPUTS = (*ENCODER_INPUTS, LABELED_POSITIONS)
POOLED_INPUTS = (*TAGGER_INPUTS, WORD_LENGTHS)
WORD_INPUTS = (LABELED_POSITIONS.name, WORD_LENGTHS.name)
"""Names of the inputs that have a column for each labelled word."""
SPAN_TARGETS = (START_LABELS, END_LABELS, SPAN_LABELS)


def known_in_serving(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """The features of a task that are inputs of its model outside training."""
    return tuple(feature for feature in features if not feature.target)


def to_wire(features: Mapping[str, Any]) -> dict[str, Any]:
    """Rename features to the names that serving signatures use."""
    names = {feature.name: feature.wire for feature in POOLED_INPUTS}
    return {names[name]: value for name, value in features.items()}


def from_wire(features: Mapping[str, Any]) -> dict[str, Any]:
    """Rename features to the names that tfner uses inside."""
    names = {feature.wire: feature.name for feature in POOLED_INPUTS}
    return {names[name]: value for name, value in features.items()}
