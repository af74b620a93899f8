"""JSON lines in both shapes, and what is refused in them."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.tags.names import parse_labels
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError

RECORD = {
    "id": "x",
    "document": "D",
    "text": "in New York",
    "words": [[0, 2], [3, 6], [7, 11]],
    "entities": [{"start": 3, "end": 11, "label": "LOC"}],
}


@pytest.fixture
def write(tmp_path):
    def write_file(*records, name="a.jsonl"):
        lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_file


def read(path, **options):
    return list(read_corpus(path, **options))


def test_the_documented_record_is_read_with_other_keys_as_metadata(write):
    (document,) = read(write(RECORD, ""))
    assert document == Document(
        "x",
        "in New York",
        (Entity(3, 11, "LOC"),),
        (Word(0, 2), Word(3, 6), Word(7, 11)),
        None,
        {"document": "D"},
    )


def test_writing_gives_back_the_record(write, tmp_path):
    write_corpus(read_corpus(write(RECORD)), tmp_path / "b.jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == RECORD


def test_gzip_is_read_and_written_with_equal_bytes(write, tmp_path):
    documents = read(write(RECORD))
    for name in ("b.jsonl.gz", "c.jsonl.gz"):
        write_corpus(documents, tmp_path / name)
    assert read(tmp_path / "b.jsonl.gz") == documents
    assert (tmp_path / "b.jsonl.gz").read_bytes() == (
        tmp_path / "c.jsonl.gz"
    ).read_bytes()
    assert gzip.decompress((tmp_path / "b.jsonl.gz").read_bytes()).startswith(b'{"id"')


@pytest.mark.parametrize("key", ["tags", "ner_tags"])
def test_tokens_with_tag_names_are_read(write, key):
    record = {"tokens": ["New", "York"], key: ["B-LOC", "I-LOC"], "lang": "en"}
    (document,) = read(write(record))
    assert document.id == "a:1"
    assert document.text == "New York"
    assert document.entities == (Entity(0, 8, "LOC"),)
    assert document.tags == ("B-LOC", "I-LOC")
    assert document.metadata == {"lang": "en"}


def test_integer_tags_are_named_by_the_label_list(write):
    path = write({"tokens": ["New", "York"], "ner_tags": [1, 2]})
    (document,) = read(path, labels=["O", "B-LOC", "I-LOC"])
    assert document.entities == (Entity(0, 8, "LOC"),)


def test_tokens_are_placed_in_a_text_that_is_given(write):
    record = {"text": "(New  York)", "tokens": ["(", "New", "York", ")"]}
    (document,) = read(write(record), tags="optional")
    assert document.words == (Word(0, 1), Word(1, 4), Word(6, 10), Word(10, 11))


def test_tokens_without_tags_are_words_without_entities(write):
    (document,) = read(write({"tokens": ["日本", "語"]}), tags="optional")
    assert (document.text, document.tags) == ("日本語", None)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "must be an object"),
        ({"id": 1}, "needs `text`"),
        ({"text": 3}, "`text` must be a string"),
        ({"text": "a", "words": [[0]]}, "`words` must be"),
        ({"text": "a", "words": [[0, 9]]}, "inside the text"),
        ({"text": "a", "entities": {}}, "`entities` must be a list"),
        ({"text": "a", "entities": [3]}, "an entity must be"),
        ({"text": "a", "entities": [{"start": 0, "end": 9, "label": "X"}]}, "<= 1"),
        ({"text": "a", "entities": [{"start": 0, "end": 1}]}, "`label` must be"),
        (
            {"text": "a", "entities": [{"start": "0", "end": 1, "label": "X"}]},
            "must be integers",
        ),
        (
            {
                "text": "ab",
                "entities": [{"start": 0, "end": 1, "label": "X", "text": "ab"}],
            },
            "is 'a' in the text, not 'ab'",
        ),
        ({"tokens": "a b"}, "`tokens` must be a list"),
        ({"tokens": ["a"], "tags": ["O", "O"]}, "1 word but 2 tags"),
        ({"tokens": ["a"], "tags": ["PER"]}, "no tags: 'PER'; a tag is"),
        ({"tokens": ["a"], "ner_tags": [1]}, "--tag-names"),
        ({"tokens": ["a", "b"], "text": "a c"}, "token 1 'b' does not follow"),
        ('{"text": "a \\ud800"}', "lone surrogate at character 2"),
    ],
)
def test_bad_records_are_named_with_their_line(write, record, message):
    with pytest.raises(CorpusError) as caught:
        read(write(RECORD, record))
    assert "a.jsonl:2: " in str(caught.value)
    assert message in str(caught.value)


def test_integer_tags_out_of_range_are_refused(write):
    path = write({"tokens": ["a"], "ner_tags": [7]})
    with pytest.raises(CorpusError, match="tag 7 lies outside the 2 labels"):
        read(path, labels=["O", "B-X"])


def test_a_given_scheme_that_lacks_a_prefix_is_refused(write):
    path = write({"tokens": ["a"], "tags": ["S-X"]})
    with pytest.raises(CorpusError, match=r"a\.jsonl:1: S-X contradicts .* IOB2"):
        read(path, scheme="IOB2")


def test_all_bad_lines_are_reported_together_after_the_good_ones(write):
    documents = read_corpus(write(RECORD, "{", RECORD, "3"))
    assert next(documents).id == "x"
    with pytest.raises(CorpusError) as caught:
        next(documents)
    assert "2 problems" in str(caught.value)
    assert "a.jsonl:4:" in str(caught.value)


def test_standard_input_is_read(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(RECORD).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert read("-", format="jsonl")[0].id == "x"


def test_standard_output_is_written(capsys):
    assert write_corpus([Document("d", "é")], "-") == 1
    assert json.loads(capsys.readouterr().out)["text"] == "é"


def test_label_lists_come_inline_or_from_a_file(tmp_path):
    expected = ["O", "B-X", "I-X"]
    (tmp_path / "lines").write_text("O\nB-X\nI-X\n")
    (tmp_path / "json").write_text(json.dumps(expected))
    for value in ("O,B-X,I-X", str(tmp_path / "lines"), str(tmp_path / "json")):
        assert parse_labels(value) == expected


@pytest.mark.parametrize("value", ["PER", "O,O", "", '["O",'])
def test_bad_label_lists_are_refused(value):
    with pytest.raises(ConfigError, match="--tag-names"):
        parse_labels(value)
