"""Figures of a report."""

from __future__ import annotations

import pytest

from tfner.evaluation.tally import Measures, measures
from tfner.reports import figures
from tfner.reports.figures import draw_measures


@pytest.mark.parametrize("fonts", [[], ["Noto Sans CJK JP"]])
def test_labels_in_japanese_need_no_font(fonts, monkeypatch) -> None:
    monkeypatch.setattr(figures, "_cjk_fonts", lambda: fonts)
    rows: dict[str, Measures] = {"人名": measures(1, 2, 1, 3)}
    drawn = draw_measures(rows, "F1")
    assert "人名" in drawn["svg"].decode()
    assert drawn["png"].startswith(b"\x89PNG")


def test_equal_content_gives_equal_files() -> None:
    rows: dict[str, Measures] = {"PER": measures(1, 2, 1, 3)}
    assert draw_measures(rows, "F1")["svg"] == draw_measures(rows, "F1")["svg"]
