"""A comparison as people read it: on the terminal and as a page."""

from __future__ import annotations

import pytest

from tfner.document import Document, Entity
from tfner.evaluation.comparison import Comparison, compare
from tfner.reports.comparison import render_comparison, render_comparison_page

TEXT = "a b c d e f"


def document(*spans: tuple[int, int, str], id: str) -> Document:
    return Document(id, TEXT, tuple(Entity(*span) for span in spans))


@pytest.fixture
def comparison() -> Comparison:
    """B corrects one of two labels and loses nothing."""
    gold = [document((0, 1, "A"), id="one"), document((2, 3, "A"), id="two")]
    first = [document((0, 1, "B"), id="one"), document((2, 3, "B"), id="two")]
    return compare(gold, first, [gold[0], first[1]], resamples=100)


def test_text_names_the_sides_and_counts_changes(comparison) -> None:
    lines = render_comparison(comparison, names=("old", "new")).splitlines()
    assert lines[1].split() == ["A", "old", "0.0000", "0.0000", "0.0000"]
    assert lines[2].split() == ["B", "new", "0.5000", "0.5000", "0.5000"]
    assert lines[4].startswith("F1 of B less that of A: +0.5000, 95% interval")
    (retyped,) = (line.split() for line in lines if line.startswith("retyped"))
    assert retyped == ["retyped", "1", "0", "0", "1"]


def test_the_page_names_both_sides_safely(comparison) -> None:
    page = "".join(render_comparison_page(comparison, names=("<a>", "b")))
    assert "<a>" not in page
    assert "&lt;a&gt; (A) and b (B)" in page
    assert page.count("<article") == len(comparison.documents) == 1
    assert "1 document read differently" in page
