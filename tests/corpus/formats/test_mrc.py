"""Reading comprehension records: one document a sentence, and back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.corpus.formats.queries import read_queries
from tfner.corpus.stats import count_corpus
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError

ACE = {
    "context": "BEGALA Well , we ' ll debate that later on in the show .",
    "query": "organization entities are limited to companies, corporations, agencies, "
    "institutions and other groups of people.",
    "entity_label": "ORG",
    "start_position": [3],
    "end_position": [3],
    "span_position": ["3;3"],
    "impossible": False,
    "qas_id": "0.2",
}
"""The published record of ACE 2005 (arXiv:1910.11476, README of its code)."""
PERSON = {
    **ACE,
    "query": "a person",
    "entity_label": "PER",
    "start_position": [0, 0],
    "end_position": [0, 3],
    "span_position": ["0;0", "0;3"],
    "qas_id": "0.1",
}


def write(folder: Path, *records: Any, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text("[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n", "utf-8")
    return path


def test_the_published_record_is_read_to_its_positions(tmp_path: Path) -> None:
    (document,) = read_corpus(write(tmp_path, ACE))
    (entity,) = document.entities
    assert document.surface(entity) == "we"
    assert (entity.start, entity.end, entity.label) == (14, 16, "ORG")
    assert [document.surface(word) for word in document.words or ()] == str(
        ACE["context"]
    ).split(" ")


def test_records_of_a_sentence_are_one_document_wherever_they_stand(
    tmp_path: Path,
) -> None:
    other = {**ACE, "qas_id": "1.1", "context": "we", "start_position": [0]}
    other |= {"end_position": [0], "span_position": ["0;0"]}
    first, second = read_corpus(write(tmp_path, PERSON, other, ACE))
    assert (first.id, second.id) == ("0", "1")
    assert [(e.start, e.end, e.label) for e in first.entities] == [
        (0, 16, "PER"),
        (0, 6, "PER"),
        (14, 16, "ORG"),
    ]
    assert first.metadata["queries"] == {"PER": "a person", "ORG": ACE["query"]}


def test_records_without_ids_belong_together_by_context_and_label(
    tmp_path: Path,
) -> None:
    bare = [{k: v for k, v in r.items() if k != "qas_id"} for r in (PERSON, ACE)]
    documents = list(read_corpus(write(tmp_path, *bare, *bare)))
    assert [len(d.entities) for d in documents] == [3, 3]
    assert len({d.id for d in documents}) == 2


def test_what_was_read_is_written_again(tmp_path: Path) -> None:
    path = write(tmp_path, PERSON, ACE)
    out = tmp_path / "b.json"
    assert write_corpus(read_corpus(path), out, format="mrc") == 1
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", [ACE], "mrc"),
        ("a.json", [{"text": "a", "entities": []}], "stockmark"),
        ("a.json", [], "stockmark"),
        ("mrc-ner.train", [ACE], "mrc"),
    ],
)
def test_the_content_decides_what_a_json_file_is(
    tmp_path: Path, name: str, content: list[Any], expected: str
) -> None:
    assert find_format(write(tmp_path, *content, name=name)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"span_position": ["4;3"], "start_position": [4]}, "start lies past the end"),
        (
            {"span_position": ["3;99"], "end_position": [99]},
            "lies outside the 14 words",
        ),
        ({"span_position": ["3;4"]}, "contradicts `start_position`"),
        ({"span_position": ["3"]}, 'must be a list of "START;END"'),
        ({"start_position": ["3"]}, "must be lists of integers"),
        ({"impossible": True}, "`impossible` is true, but it has 1 span"),
        ({"query": " "}, "`query` must be a string that is not empty"),
        ({"context": 3}, "`context` must be a string"),
        ({"entity_label": ""}, "`entity_label` must be a string that is not empty"),
    ],
)
def test_a_bad_record_is_named_with_its_line(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = write(tmp_path, PERSON, {**ACE, **change})
    with pytest.raises(CorpusError, match=r":3: record 2: .*") as caught:
        list(read_corpus(path, format="mrc"))
    assert message in str(caught.value)


def test_all_bad_records_are_reported_together(tmp_path: Path) -> None:
    mixed = {**ACE, "context": "another sentence of this id"}
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(write(tmp_path, PERSON, PERSON, mixed)))
    assert "PER is asked twice of sentence '0'" in str(caught.value)
    assert "its context is not that of the others of '0'" in str(caught.value)


def test_positions_without_spans_are_paired_in_order(tmp_path: Path) -> None:
    bare = {k: v for k, v in ACE.items() if k != "span_position"}
    (document,) = read_corpus(write(tmp_path, bare))
    assert [document.surface(e) for e in document.entities] == ["we"]
    with pytest.raises(CorpusError, match="1 start but 2 ends"):
        list(read_corpus(write(tmp_path, {**bare, "end_position": [3, 4]})))


NESTED = Document(
    "d1",
    "IL-2 gene, p53",
    (Entity(0, 9, "DNA"), Entity(0, 4, "protein"), Entity(11, 14, "cell_line")),
    (Word(0, 4), Word(5, 9), Word(9, 10), Word(11, 14)),
)


def test_any_corpus_is_converted_with_default_queries(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write_corpus([NESTED], path, format="mrc")
    records = json.loads(path.read_text("utf-8"))
    assert [r["query"] for r in records] == ["DNA", "cell line", "protein"]
    assert [r["span_position"] for r in records] == [["0;1"], ["3;3"], ["0;0"]]
    assert [r["qas_id"] for r in records] == ["d1.1", "d1.2", "d1.3"]
    assert records[0]["context"] == "IL-2 gene , p53"


def test_queries_need_every_label_and_the_order_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with pytest.raises(ConfigError, match="has no query for cell_line"):
        write_corpus([NESTED], path, format="mrc", queries={"protein": "p", "DNA": "d"})
    assert not path.exists()
    queries = {"protein": "p", "RNA": "r", "cell_line": "c", "DNA": "d"}
    write_corpus([NESTED], path, format="mrc", queries=queries)
    records = json.loads(path.read_text("utf-8"))
    assert {r["entity_label"]: r["query"] for r in records} == queries
    assert [r["impossible"] for r in records] == [False, True, False, False]


def test_all_labels_without_a_query_are_named(tmp_path: Path) -> None:
    other = Document("d2", "HeLa", (Entity(0, 4, "cell_line"),), (Word(0, 4),))
    path = tmp_path / "out.json"
    with pytest.raises(ConfigError, match="no query for DNA, cell_line, protein"):
        write_corpus([other, NESTED], path, format="mrc", queries={"RNA": "r"})


def test_without_a_label_there_is_nothing_to_ask(tmp_path: Path) -> None:
    documents = [Document("1", "a b")]
    with pytest.raises(ConfigError, match="neither an entity nor queries"):
        write_corpus(documents, tmp_path / "out.json", format="mrc")
    assert list(tmp_path.iterdir()) == []
    write_corpus(documents, tmp_path / "out.json", format="mrc", queries={"A": "a"})
    (found,) = read_corpus(tmp_path / "out.json")
    assert (found.text, found.entities) == ("a b", ())


def test_two_documents_of_one_id_are_refused(tmp_path: Path) -> None:
    """Their records could not be told apart."""
    documents = [Document("1", "a b"), Document("1", "c d"), Document("2", "e")]
    with pytest.raises(CorpusError, match="document '1': an earlier one has this id"):
        write_corpus(documents, tmp_path / "a.json", format="mrc", queries={"A": "a"})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("x", "ab c", (Entity(1, 4, "A"),)), "no word boundary at entity 1-4"),
        (Document("x", "a b", (), (Word(0, 3),)), "'a b' holds a space"),
    ],
)
def test_what_words_cannot_say_is_no_mrc(
    tmp_path: Path, document: Document, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        write_corpus([document], tmp_path / "a.json", format="mrc", queries={"A": "a"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"A": ""}', "the query of 'A' is empty"),
        ('{"A": 1}', "the query of 'A' must be a string"),
        ('{"": "a"}', "a label is empty"),
        ('{"A": "a", "A": "b"}', "label 'A' is there twice"),
        ("[]", "must hold an object"),
        ("{", "is no valid JSON"),
        ('{"S": {"queries": {"A": "a"}}}', "Of several sets name one"),
    ],
)
def test_a_bad_file_of_queries_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "queries.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=message):
        read_queries(str(path))


def test_one_of_several_sets_of_queries_is_named_behind_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "queries.json"
    path.write_text('{"S": {"queries": {"B": "b", "A": "a"}}}', "utf-8")
    assert list(read_queries(f"{path}#S").items()) == [("B", "b"), ("A", "a")]
    with pytest.raises(ConfigError, match="unknown set of queries 'T'"):
        read_queries(f"{path}#T")


@pytest.mark.parametrize(
    ("part", "sentences", "entities", "records"),
    [
        ("train", 15_038, 46_194, 75_190),
        ("dev", 1_765, 4_714, 8_825),
        ("test", 1_732, 5_119, 8_660),
    ],
)
def test_genia_has_its_published_numbers_and_comes_back_byte_by_byte(
    shared: Path, tmp_path: Path, part: str, sentences: int, entities: int, records: int
) -> None:
    path = shared / "data" / "genia_nested" / f"mrc-ner.{part}.json.gz"
    documents = list(read_corpus(path))
    counts = count_corpus(documents)
    assert (counts.documents, counts.entities) == (sentences, entities)
    out = tmp_path / "again.json"
    write_corpus(documents, out, format="mrc")
    assert out.read_bytes() == gzip.decompress(path.read_bytes())
    assert out.read_bytes().count(b'"qas_id"') == records


def test_genia_converts_to_the_published_records_but_for_their_ids(
    shared: Path, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from tfner.cli.main import app

    folder = shared / "data" / "genia_nested"
    out = tmp_path / "out.json"
    arguments = ["corpus", "convert", str(folder / "dev.jsonl"), str(out), "--to"]
    queries = f"{folder / 'queries.json'}#GENIA"
    result = CliRunner().invoke(app, [*arguments, "mrc", "--queries", queries])
    assert result.exit_code == 0, result.output
    published = json.loads(
        gzip.decompress((folder / "mrc-ner.dev.json.gz").read_bytes())
    )
    found = json.loads(out.read_text("utf-8"))
    assert len(found) == len(published)
    for ours, theirs in zip(found, published, strict=True):
        assert {**ours, "qas_id": theirs["qas_id"]} == theirs
