"""Positions in characters, UTF-16 units and bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.gateway.offsets import UNITS, Offsets, Unit

CODECS = {
    "characters": ("utf-32-le", 4),
    "utf16": ("utf-16-le", 2),
    "bytes": ("utf-8", 1),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXTS, st.sampled_from(UNITS), st.data())
def test_positions_count_units_of_what_stands_before(
    text: str, unit: Unit, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(text)))
    codec, size = CODECS[unit]
    offsets = Offsets(text, unit)
    assert offsets.outside(position) == len(text[:position].encode(codec)) // size
    assert offsets.inside(offsets.outside(position)) == position


@pytest.mark.parametrize(
    ("unit", "position"), [("utf16", 1), ("bytes", 2), ("bytes", 9)]
)
def test_a_position_inside_a_character_is_refused(unit: Unit, position: int) -> None:
    with pytest.raises(ValueError, match="not between two characters"):
        Offsets("😀é", unit).inside(position)
