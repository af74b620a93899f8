"""Reports that people read."""

from __future__ import annotations

from tfner.document import Document, Entity, Word
from tfner.evaluation import score
from tfner.evaluation.score import Score
from tfner.reports.text import render_markdown, render_text

TEXT = "Ada met Bob"
WORDS = (Word(0, 3), Word(4, 7), Word(8, 11))


def example(**settings: int) -> Score:
    gold = Document("1", TEXT, (Entity(0, 3, "PER"), Entity(8, 10, "a|b-c")))
    entities = (Entity(0, 3, "PER"), Entity(8, 11, "PER"))
    tags = ("I-PER", "O", "B-PER")
    guess = Document("1", TEXT, entities, WORDS, tags, {"scheme": "IOB2"})
    counts = {"words_without_pieces": 3, "windows_cut": 0}
    return score([gold], [guess], counts=counts, resamples=20, **settings)


def test_the_text_report_is_this_one() -> None:
    needs = "needs tags of a named scheme on both sides, over the same words"
    assert render_text(example(seed=5)) == (
        "label     precision  recall      F1  support  predicted\n"
        "PER          0.5000  1.0000  0.6667        1          2\n"
        "a|b-c        0.0000  0.0000  0.0000        1          0\n"
        "\n"
        "micro        0.5000  0.5000  0.5000        2          2\n"
        "macro        0.2500  0.5000  0.3333        2          2\n"
        "weighted     0.2500  0.5000  0.3333        2          2\n"
        "\n"
        "F1 0.5000 (exact), 95% interval 0.5000 to 0.5000 "
        "(20 resamples over documents, seed 5)\n"
        "\n"
        "exact      F1 0.5000  P 0.5000  R 0.5000 (above)\n"
        f"conlleval  not available: {needs}\n"
        f"strict     not available: {needs}\n"
        "partial    F1 0.7500  P 0.7500  R 0.7500\n"
        "\n"
        "documents: 1, gold entities: 2\n"
        "words without pieces: 3\n"
        "gold entities off the boundaries of the model's words, counted as missed: 1\n"
        "predicted tags that broke their scheme and were repaired: 1\n"
    )


def test_the_markdown_table_keeps_its_columns_whatever_the_labels() -> None:
    lines = render_markdown(example()).splitlines()
    assert lines[0] == "## F1 0.5000 (exact)"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 2 + 3
    assert {line.count("|") for line in table} == {7}
    assert "| a&#124;b-c | 0.0000 | 0.0000 | 0.0000 | 1 | 0 |" in table
    assert "- words without pieces: 3" in lines


def test_an_empty_corpus_is_reported_without_a_crash() -> None:
    empty = score([], [])
    assert "micro        0.0000" in render_text(empty)
    assert "interval" not in render_text(empty)
    assert "documents: 0, gold entities: 0" in render_markdown(empty)
