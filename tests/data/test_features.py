"""The table of features."""

from __future__ import annotations

from tfner.data.features import TAGGER_INPUTS, from_wire, to_wire


def test_names_on_the_wire_are_those_of_electra() -> None:
    assert [feature.wire for feature in TAGGER_INPUTS] == [
        "input_ids",
        "input_mask",
        "segment_ids",
        "labeled_positions",
    ]


def test_names_survive_the_way_to_the_wire_and_back() -> None:
    inside = {feature.name: object() for feature in TAGGER_INPUTS}
    assert from_wire(to_wire(inside)) == inside
    assert set(to_wire(inside)) == {feature.wire for feature in TAGGER_INPUTS}
