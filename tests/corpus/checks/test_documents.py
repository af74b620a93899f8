"""What `check` says of entities, their borders and the marks that nobody sees."""

from __future__ import annotations

import json
import resource

import pytest

from tfner.corpus.checks.check import check_corpora
from tfner.corpus.checks.findings import FileReport
from tfner.corpus.formats.options import ReadOptions


@pytest.fixture
def check(tmp_path):
    def check_records(*records):
        path = tmp_path / "a.jsonl"
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        path.write_text("".join(lines), "utf-8")
        (report,) = check_corpora([str(path)], options=ReadOptions())
        return report

    return check_records


def record(text, *ranges, **more):
    entities = [{"start": a, "end": b, "label": "X"} for a, b in ranges]
    return {"text": text, "entities": entities, **more}


def messages(report, kind):
    return [f.message for f in report.findings if f.kind == kind]


@pytest.mark.parametrize(
    ("text", "entity", "expected"),
    [
        ("Greetings from Peru", (15, 18), ["ends inside the word 'Peru'"]),
        ("Greetings from Peru", (16, 19), ["begins inside the word 'Peru'"]),
        ("Greetings from Peru", (15, 19), []),
        ("a New York-based firm", (2, 10), []),
        ("Mira's hat", (0, 4), []),
        ("Caf\u00e9s", (0, 4), ["ends inside the word 'Cafés'"]),
        ("5kg", (0, 1), ["ends inside the word '5kg'"]),
        ("서울에서", (0, 2), ["ends inside the word '서울에서'"]),
        ("दिल्ली में", (0, 3), ["ends inside the word 'दिल्ली'"]),
        ("東京都知事", (0, 2), []),
        ("ひらがな", (1, 2), []),
        ("東京NHK", (2, 4), ["ends inside the word 'NHK'"]),
        ("กรุงเทพ", (0, 3), []),
        ("Peru ", (0, 5), []),
        ("x" * 99, (0, 50), [f"ends inside the word '{'x' * 39}…'"]),
    ],
)
def test_borders_inside_words_are_named(check, text, entity, expected):
    found = messages(check(record(text, entity)), "word-border")
    assert [message.partition("; ")[0].split("X ")[1] for message in found] == expected
    assert all("tfner train --misaligned" in message for message in found)


def test_borders_of_given_words_count_where_there_are_some(check):
    report = check(record("Peruvian", (0, 4), words=[[0, 4], [4, 8]]))
    assert not messages(report, "word-border")
    report = check(record("a Peru", (0, 6), (2, 4), words=[[0, 1], [2, 6]]))
    assert len(messages(report, "word-border")) == 1


def test_white_space_and_repetition_are_no_border_and_no_nesting(check):
    report = check(record("Mira Sol flew", (0, 9), (0, 8)), record("b c", (0, 1)))
    assert messages(report, "white-space") == [
        "entity 0-9 X begins or ends with white space; read as 0-8"
    ]
    assert report.nested == 0
    report = check(record("Mira Sol", (0, 8), (0, 8), (0, 8)))
    assert messages(report, "repeated-entity") == [
        "entity 0-8 X is listed 3 times; read once"
    ]
    assert dict(report.kinds) == {"repeated-entity": 1}


def test_an_entity_of_white_space_alone_is_none(check):
    report = check(record("a  b", (1, 3)))
    assert "nothing else" in messages(report, "white-space")[0]
    assert report.labels == {}


@pytest.mark.parametrize(
    ("text", "entity", "named"),
    [
        ("\ufeffMira flew", (1, 5), ["U+FEFF ZERO WIDTH NO-BREAK SPACE"]),
        ("to \u200eOslo\u200e.", (3, 9), ["U+200E LEFT-TO-RIGHT MARK 2 times"]),
        ("the Mira\u00ad flew", (4, 8), ["U+00AD SOFT HYPHEN"]),
        ("Mira\u2060 flew", (0, 4), ["U+2060 WORD JOINER"]),
        ("\u061cMira flew", (1, 5), ["U+061C ARABIC LETTER MARK"]),
        ("Mira\ufe0f flew", (0, 4), ["U+FE0F VARIATION SELECTOR-16"]),
        ("\u202bMira\u202c", (1, 5), ["U+202B", "U+202C POP DIRECTIONAL FORMATTING"]),
        ("Mi\u00adra flew", (0, 5), []),
        ("I \u2764\ufe0f Mira", (5, 9), []),
        ("\u0645\u06cc\u200c\u0634\u0648\u062f", (0, 6), []),
    ],
)
def test_marks_at_edges_are_named(check, text, entity, named):
    found = messages(check(record(text, entity)), "invisible-mark")
    assert len(found) == len(named)
    assert all(
        name in message for name, message in zip(named, sorted(found), strict=True)
    )


def test_marks_of_column_files_are_named(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("\u200eMira\tB-X\nSol\u00ad\tI-X\nr\u200ban\tO\n\n", "utf-8")
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [(f.line, f.kind) for f in report.findings] == [
        (1, "invisible-mark"),
        (2, "invisible-mark"),
        (3, "unusual-character"),
    ]
    assert "U+200E LEFT-TO-RIGHT MARK" in report.findings[0].message
    assert report.findings[2].message == "holds U+200B ZERO WIDTH SPACE"


def test_of_many_findings_few_are_kept_and_all_counted(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text("".join(f"{i}\tI-X\n\n" for i in range(50)) + "a\tB-X\n\n" * 60)
    every, few = (
        check_corpora([str(path)], options=ReadOptions(), keep=keep)[0]
        for keep in (None, 5)
    )
    assert len(every.findings) == every.kinds.total() == 51
    assert few.kinds == every.kinds
    assert few.left_out() == {"invalid-transition": 45}
    assert few.findings == [*every.findings[:1], *every.findings[1:6]]


def test_a_million_findings_take_little_memory():
    report = FileReport("a.bio", "conll", keep=20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for line in range(300_000):
        report.add(line, "warning", "invalid-transition", f"message {line}")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 5
    assert report.count_severities() == {"error": 0, "warning": 300_000, "note": 0}
