"""What `check` reports, where, and how `--repair` changes it."""

from __future__ import annotations

import io
import json

import pytest

from tfner.corpus import read_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.checks.repair import repair_conll
from tfner.corpus.formats.options import ReadOptions
from tfner.errors import CorpusError


@pytest.fixture
def check(tmp_path):
    def check_contents(*contents, scheme=None, suffix=".bio"):
        paths = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            paths.append(str(path))
        return check_corpora(paths, options=ReadOptions(scheme=scheme))

    return check_contents


def found(report):
    return [(f.severity, f.kind, f.line) for f in report.findings]


def test_a_sound_file_has_no_findings(check):
    (report,) = check("a\tB-X\nb\tI-X\n\nc\tO\n\n")
    assert report.findings == []
    assert (report.documents, report.scheme) == (2, "IOB2")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\tB-X\nb\nc\tO\n\n", ("error", "wrong-columns", 2)),
        ("a\tB-X\nb\tX-X\nc\tO\n\n", ("error", "unknown-prefix", 2)),
        ("a\tB-X\nb\tPER\nc\tO\n\n", ("error", "unknown-prefix", 2)),
        ("a\tB-X\nb\t\nc\tO\n\n", ("warning", "empty-tag", 2)),
        ("a\tB-X\n\tO\nc\tO\n\n", ("warning", "empty-token", 2)),
        ("a\tB-X\nb c\tO\nc\tO\n\n", ("warning", "white-space", 2)),
        ("a\tB-X\n \tI-X\nc\tI-X\n\n", ("note", "blank-token", 2)),
        ("a\tB-X\rb\tI-X\r\r", ("note", "cr", None)),
        ("a\tB-X\n\u200b\tO\nc\tO\n\n", ("note", "unusual-character", 2)),
        ("a\tB-X\nb\x07\tO\nc\tO\n\n", ("note", "unusual-character", 2)),
        ("a\tB-X\nb\tO\n", ("note", "no-final-blank-line", 2)),
        ("a\tB-X\nb\tO", ("note", "no-final-newline", 2)),
        ("\ufeffa\tB-X\nb\tO\n\n", ("note", "bom", 1)),
        ("a\tB-X\r\nb\tO\n\n", ("note", "mixed-line-ends", None)),
        ("a\tB-X\r\nb\tO\r\n\r\n", ("note", "crlf", None)),
        ("a\tB-X\n\na\tB-X\n\n", ("note", "repeated", None)),
        ("a\tO\n\n", ("warning", "no-entities", None)),
        ("", ("error", "unreadable", None)),
        (b"a\tO\n\xff\tO\n\n", ("error", "unreadable", 2)),
    ],
)
def test_each_defect_is_reported_alone_with_its_line(check, content, expected):
    (report,) = check(content)
    assert found(report) == [expected]


def test_all_defects_of_a_file_are_reported(check):
    (report,) = check("a\nb\tB-X\nc\tI-Y\n\tO\nd\tZ-Y\n\ne\t\n\n")
    assert found(report) == [
        ("error", "wrong-columns", 1),
        ("warning", "empty-token", 4),
        ("error", "unknown-prefix", 5),
        ("warning", "empty-tag", 7),
    ]


@pytest.mark.parametrize(
    ("tags", "scheme", "line", "message"),
    [
        (
            ["O", "I-P"],
            "IOB2",
            2,
            "I-P after O is not IOB2: read as the start of an entity; "
            "--repair writes B-P for I-P (line 2)",
        ),
        (
            ["B-P", "I-L"],
            "IOB2",
            2,
            "I-L after B-P is not IOB2: read as the start of an entity; "
            "--repair writes B-L for I-L (line 2)",
        ),
        (
            ["B-P", "O"],
            "BIOES",
            2,
            "O after B-P is not BIOES: read as the end of the entity; "
            "--repair writes S-P for B-P (line 1)",
        ),
        (
            ["O", "B-P", "I-P"],
            "BIOES",
            3,
            "the end after I-P is not BIOES: read as the end of the entity; "
            "--repair writes E-P for I-P (line 3)",
        ),
    ],
)
def test_an_invalid_transition_says_how_it_is_read_and_repaired(
    check, tags, scheme, line, message
):
    sound = {"IOB2": "B-Q\ny\tI-Q\n\n", "BIOES": "B-Q\ny\tE-Q\n\n"}[scheme]
    rest = "".join(f"x{i}\t{sound}" for i in range(5))
    rows = "".join(f"w{i}\t{tag}\n" for i, tag in enumerate(tags))
    (report,) = check(f"{rows}\n{rest}")
    assert [(f.line, f.message) for f in report.findings] == [(line, message)]
    assert report.findings[0].severity == "warning"


def test_a_given_scheme_that_contradicts_the_file_is_an_error(check):
    (report,) = check("a\tO\nb\tI-X\n", scheme="IOB2")
    assert ("error", "unreadable", 2) in found(report)
    assert ("warning", "invalid-transition", 2) in found(report)


def test_sentences_shared_between_files_are_named(check):
    train, dev = check("a\tB-X\n\nb\tO\n\nc\tO\n\n", "d\tB-X\n\nb\tO\n\n")
    assert train.findings == []
    assert found(dev) == [
        ("warning", "shared-sentences", None),
        ("warning", "shared-sentence", 3),
    ]
    assert dev.findings[1].message.endswith("0.bio:3")


def test_identical_files_are_reported_once(check):
    content = "a\tB-X\n\nb\tO\n\n"
    _, test = check(content, content)
    assert found(test) == [("warning", "shared-sentences", None)]
    assert "2 of 2" in test.findings[0].message


def test_labels_the_first_file_lacks_are_named(check):
    _, dev = check("a\tB-X\n\n", "b\tB-Y-Z\n\n")
    assert found(dev) == [("warning", "new-label", 1)]
    assert "label Y-Z" in dev.findings[0].message


def test_records_are_checked_too(check):
    records = [
        {"id": "1", "text": "a b", "words": [[0, 1], [2, 3]]},
        {"id": "1", "text": "ab cd", "words": [[0, 2]], "entities": [[0, 1]]},
        {
            "text": "ab cd",
            "words": [[0, 2], [3, 5]],
            "entities": [
                {"start": 0, "end": 3, "label": "X"},
                {"start": 1, "end": 5, "label": "Y"},
            ],
        },
        {"id": "1", "tokens": ["a", "b"], "tags": ["O", "I-X"]},
        {"id": "5", "tokens": ["c", "d", "e"], "tags": ["B-X", "I-X", "B-X"]},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (report,) = check(lines, suffix=".jsonl")
    kinds = {(f.kind, f.line) for f in report.findings}
    assert kinds == {
        ("bad-record", 2),
        ("white-space", 3),
        ("word-border", 3),
        ("crossing", 3),
        ("repeated-id", 4),
        ("invalid-transition", 4),
        ("repeated", None),
    }


@pytest.mark.parametrize("content", ["a b\n\nc\n", "a\u200bb\n"])
def test_plain_text_is_checked(check, tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_text(content)
    (report,) = check_corpora([str(path)], format="text", options=ReadOptions())
    assert len(report.findings) == content.count("\u200b")


@pytest.mark.parametrize(
    ("format", "content", "documents"),
    [("conll", "a\tB-X\n\nb\tO\n", 2), ("jsonl", '{"text": "a"}\n', 1)],
)
def test_standard_input_is_checked(monkeypatch, format, content, documents):
    stream = io.TextIOWrapper(io.BytesIO(content.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    (report,) = check_corpora(["-"], format=format, options=ReadOptions())
    assert report.documents == documents
    assert "unreadable" not in [finding.kind for finding in report.findings]


def test_repair_applies_the_reading_and_counts_what_it_changed(tmp_path):
    source, target = tmp_path / "a.bio", tmp_path / "b.bio"
    source.write_bytes(
        b"\xef\xbb\xbfa NN I-P\r\nb NN I-L\n\nc NN B-P\nd NN I-P\n\ne NN B-P\nf NN I-P"
    )
    assert repair_conll(source, target, ReadOptions()) == 2
    assert target.read_text().splitlines()[:2] == ["a NN B-P", "b NN B-L"]
    before, after = (
        [d.entities for d in read_corpus(path)] for path in (source, target)
    )
    assert before == after
    (report,) = check_corpora([str(target)], options=ReadOptions())
    assert report.findings == []


def test_repair_spells_all_tags_alike(tmp_path):
    (tmp_path / "a.bio").write_text("a PER-B\nb LOC-I\n\nc PER-B\nd PER-I\ne -\n\n")
    assert repair_conll(tmp_path / "a.bio", tmp_path / "b.bio", ReadOptions()) == 1
    assert (tmp_path / "b.bio").read_text() == (
        "a B-PER\nb B-LOC\n\nc B-PER\nd I-PER\ne O\n\n"
    )


def test_repair_counts_empty_tags(tmp_path):
    (tmp_path / "a.bio").write_text("a\tB-X\nb\t\n")
    assert repair_conll(tmp_path / "a.bio", tmp_path / "b.bio", ReadOptions()) == 1
    assert (tmp_path / "b.bio").read_text() == "a\tB-X\nb\tO\n\n"


def test_repair_refuses_what_it_cannot_mend(tmp_path):
    (tmp_path / "a.bio").write_text("a\tB-X\nb\n")
    with pytest.raises(CorpusError, match="expected 2 columns"):
        repair_conll(tmp_path / "a.bio", tmp_path / "b.bio", ReadOptions())
    assert not (tmp_path / "b.bio").exists()
