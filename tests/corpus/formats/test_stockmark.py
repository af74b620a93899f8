"""Stockmark's JSON: what is read, what is refused and where, and what is written."""

from __future__ import annotations

import json

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Document, Entity
from tfner.errors import CorpusError

RECORDS = [
    {
        "curid": "2033509",
        "text": "「星野商店」は、\u2028㈱東京😀\nに",
        "entities": [
            {"name": "星野商店", "span": [1, 5], "type": "法人名"},
            {"name": "㈱東京", "span": [9, 12], "type": "法人名", "note": ["x", 1]},
            {"name": "東京", "span": [10, 12], "type": "地名"},
        ],
    },
    {"curid": 7, "text": "", "entities": [], "lang": {"a": None}},
]


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.json"):
        path = tmp_path / name
        if not isinstance(content, str):
            content = json.dumps(content, ensure_ascii=False, indent=4) + "\n"
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


def read(path):
    return list(read_corpus(path))


def problem(path):
    with pytest.raises(CorpusError) as caught:
        read(path)
    return str(caught.value)


def test_spans_become_entities_and_other_keys_metadata(write):
    first, second = read(write(RECORDS))
    assert first.id == "2033509"
    assert first.text == RECORDS[0]["text"]
    assert first.entities == (
        Entity(1, 5, "法人名"),
        Entity(9, 12, "法人名"),
        Entity(10, 12, "地名"),
    )
    assert second == Document("7", "", metadata={"curid": 7, "lang": {"a": None}})


def test_what_was_read_is_written_back_byte_for_byte(write, tmp_path):
    path = write(RECORDS)
    write_corpus(read_corpus(path), tmp_path / "b.jsonl")
    write_corpus(read_corpus(tmp_path / "b.jsonl"), tmp_path / "c.json")
    assert (tmp_path / "c.json").read_bytes() == path.read_bytes()


def test_a_record_without_a_number_is_named_after_its_place(write):
    (document,) = read(write([{"text": "a", "entities": []}]))
    assert document.id == "a:1"


@pytest.mark.parametrize("corpus", [[], [Document("x", "a", (Entity(0, 1, "X"),))]])
def test_documents_of_other_formats_make_valid_json(tmp_path, corpus):
    assert write_corpus(corpus, tmp_path / "a.json") == len(corpus)
    (*records,) = json.loads((tmp_path / "a.json").read_text())
    entities = [{"name": "a", "span": [0, 1], "type": "X"}]
    assert records == [{"curid": "x", "text": "a", "entities": entities}][: len(corpus)]


@pytest.mark.parametrize(
    ("entity", "message"),
    [
        ({"name": "b", "span": [0, 1], "type": "X"}, "is 'a' in the text, not 'b'"),
        ({"name": "ab", "span": [0, 9], "type": "X"}, "0 <= start < end <= 2"),
        ({"name": "ab", "span": [-2, 2], "type": "X"}, "0 <= start < end <= 2"),
        ({"name": "", "span": [1, 1], "type": "X"}, "0 <= start < end <= 2"),
        ({"name": "a", "span": [0], "type": "X"}, "`span` must be [start, end]"),
        ({"name": "a", "span": ["0", 1], "type": "X"}, "`span` must be [start, end]"),
        ({"name": "a", "span": [0, True], "type": "X"}, "`span` must be [start, end]"),
        ({"name": "a", "span": [0, 1], "type": ""}, "`type` must be a string"),
        ({"span": [0, 1], "type": "X"}, 'must be {"name":, "span":, "type":}'),
        ("a", 'must be {"name":, "span":, "type":}'),
    ],
)
def test_broken_entities_are_named_with_line_and_record(write, entity, message):
    path = write([*RECORDS, {"curid": "1", "text": "ab", "entities": [entity]}])
    line = path.read_text("utf-8").split("\n").index('        "curid": "1",')
    found = problem(path)
    assert f"a.json:{line}: record 3: " in found
    assert message in found


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (3, "a record must be an object"),
        ({"entities": []}, "a record needs `text`"),
        ({"text": "a", "entities": {}}, "`entities` must be a list"),
    ],
)
def test_broken_records_are_named_with_line_and_record(write, record, message):
    found = problem(write(json.dumps([{"text": "", "entities": []}, record])))
    assert f"a.json:1: record 2: {message}" in found


def test_half_a_character_is_refused(write):
    found = problem(write('[{"text": "a\\ud800", "entities": []}]'))
    assert "lone surrogate at character 1" in found


def test_all_problems_of_a_file_are_reported_together(write):
    assert problem(write([3, RECORDS[0], 4])).startswith("2 problems:")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}', "a.json:1: no record has annotations"),
        ('"[]"', "a.json:1: a record must be an object"),
        ('[\n{"text": }\n]', "a.json:2: not JSON: Expecting value at column 10"),
        ('[{"text": "a"}', "a.json:1: not JSON: Expecting ',' delimiter"),
        ("[" * 100_000, "JSON beyond all measure"),
        (f"[{'9' * 5_000}]", "JSON beyond all measure"),
        ("[]", "the file is empty"),
        (" \n", "the file is empty"),
    ],
)
def test_files_that_are_no_list_of_records_are_refused(write, content, message):
    found = problem(write(content))
    assert message in found
    assert "\n" not in found


def test_a_file_of_questions_names_its_own_format(write):
    path = write('[\n{"context": "a", "query": "b", "span_position": []}]')
    with pytest.raises(CorpusError, match=r"a.json:2: .*Its format is mrc"):
        list(read_corpus(path, format="stockmark"))


def test_check_goes_on_after_a_problem(write):
    (report,) = check_corpora([str(write([3, *RECORDS]))], options=ReadOptions())
    assert [(f.kind, f.line) for f in report.findings if f.severity == "error"] == [
        ("bad-record", 2)
    ]
    lines = {label: line for label, (_, line) in report.labels.items()}
    assert (report.documents, lines) == (2, {"法人名": 3, "地名": 3})
