"""A report on disk: complete, self-contained, safe against what texts hold."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tfner.document import Document, Entity, Word
from tfner.errors import StorageError
from tfner.evaluation import score
from tfner.reports.content import Report, make_report
from tfner.reports.directory import write_report

TEXT = "<b>Ada</b> & London"
HISTORY = [
    {"epoch": 1, "loss": 0.5, "dev_loss": 0.75, "dev_f1": 0.5},
    {"epoch": 2, "loss": 0.25, "dev_loss": 0.5, "dev_f1": 0.75},
]
VOID = {"meta", "input", "br", "path", "use"}


def documents(*spans: tuple[int, int, str]) -> Document:
    words = (Word(0, 10), Word(11, 12), Word(13, 19))
    entities = tuple(Entity(*span, score=0.5) for span in spans)
    return Document("a&b", TEXT, entities, words)


@pytest.fixture
def report() -> Report:
    gold = documents((3, 6, "PER"), (13, 19, "L<O>C"), (3, 12, "X"))
    found = documents((3, 6, "PER"), (11, 19, "L<O>C"), (5, 14, "Y"))
    result = score([gold], [found])
    return make_report(
        "model on file",
        result,
        [gold],
        [found],
        train=[Document("t", "Ada", (Entity(0, 3, "PER"),))],
        history=HISTORY,
        best_epoch=2,
        settings={"learning_rate": 1e-4},
        versions={"keras": "3"},
    )


class Balanced(HTMLParser):
    """Checks that tags close what is open, and keeps what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.remote: list[str] = []
        self.items: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.remote += [
            v for k, v in attrs if k in ("src", "href") and v and v[0] != "#"
        ]
        self.items += [v for k, v in attrs if k == "data-items" and v]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_every_file_is_there(report, tmp_path) -> None:
    write_report(tmp_path / "r", report)
    names = {str(p.relative_to(tmp_path / "r")) for p in (tmp_path / "r").rglob("*.*")}
    assert {
        *("classification_report.txt", "report.md", "metrics.json", "report.html"),
        *("figures/loss.png", "figures/f1_on_dev.png", "figures/f1_by_label.png"),
        *("figures/confusion.png", "figures/reliability.png"),
        *("figures/f1_by_length.png", "figures/f1_by_novelty.png"),
    } == names
    for path in (tmp_path / "r" / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_page_is_whole_and_needs_no_network(report, tmp_path) -> None:
    write_report(tmp_path, report)
    page = (tmp_path / "report.html").read_text("utf-8")
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert parser.remote == []
    assert "url(http" not in page
    assert "@import" not in page


def test_texts_and_labels_cannot_become_markup(report, tmp_path) -> None:
    write_report(tmp_path, report)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<b>Ada" not in page
    assert "L<O>C" not in page


def test_the_boxes_find_kinds_and_labels_of_each_document(report, tmp_path) -> None:
    write_report(tmp_path, report)
    parser = Balanced()
    parser.feed((tmp_path / "report.html").read_text("utf-8"))
    (items,) = (json.loads(text) for text in parser.items)
    assert ["wrong boundary", ["L<O>C"]] in items
    assert ["wrong label", ["X", "Y"]] in items


def test_entities_that_cross_are_drawn_whole(report, tmp_path) -> None:
    write_report(tmp_path, report)
    page = (tmp_path / "report.html").read_text("utf-8")
    article = re.search("<article.*?</article>", page, re.DOTALL)
    assert article
    shown = re.sub("<small>.*?</small>|<header>.*?</header>|<[^>]*>", "", article[0])
    assert shown.count("&lt;b&gt;Ada&lt;/b&gt; &amp; London") == 2
    for label in ("PER", "X", "Y"):
        assert f"<small>{label}</small>" in article[0]


def test_the_report_says_which_epoch_and_its_losses(report, tmp_path) -> None:
    write_report(tmp_path, report)
    text = (tmp_path / "classification_report.txt").read_text("utf-8")
    assert "Entity level" in text
    assert "Word level" in text
    assert text.endswith("best epoch 2: train loss 0.2500, dev loss 0.5000\n")


def test_metrics_hold_score_and_breakdown(report, tmp_path) -> None:
    write_report(tmp_path, report)
    found = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert found["f1"] == report.score.f1
    assert found["word_level"]["support"] == 3
    assert found["history"] == HISTORY


def test_without_training_there_are_no_curves(tmp_path) -> None:
    gold = documents((3, 6, "PER"))
    write_report(tmp_path, make_report("m", score([gold], [gold]), [gold], [gold]))
    names = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert "loss" not in names
    assert "0 documents with a mistake" in (tmp_path / "report.html").read_text("utf-8")


def test_a_place_that_cannot_be_written_is_told(report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(tmp_path / "file", report)
