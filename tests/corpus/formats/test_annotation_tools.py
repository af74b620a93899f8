"""Files of doccano, Prodigy, Label Studio, GLiNER, Rasa and spaCy, and their faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError

TEXT = "Mira Sol flew to Oslo."
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: Any, name: str = "a.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
        return path

    return write_file


def entities(path: Path, **settings: Any) -> list[list[tuple[str, str]]]:
    documents = read_corpus(path, **settings)
    return [[(d.surface(e), e.label) for e in d.entities] for d in documents]


def problem(path: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path))
    return str(caught.value)


def rewritten(path: Path, format: str) -> Any:
    """What is written of what was read."""
    out = path.with_name("again")
    write_corpus(read_corpus(path), out, format=format)
    return json.loads(out.read_text("utf-8"))


def test_doccano_keeps_the_ids_that_relations_name(write: Write) -> None:
    record = {
        "id": 3,
        "text": TEXT,
        "entities": [
            {"id": 20, "label": "PER", "start_offset": 0, "end_offset": 8},
            {"id": 21, "label": "LOC", "start_offset": 17, "end_offset": 21},
        ],
        "relations": [{"id": 1, "from_id": 20, "to_id": 21, "type": "to"}],
        "Comments": ["x"],
    }
    path = write(record)
    assert entities(path) == [[("Mira Sol", "PER"), ("Oslo", "LOC")]]
    assert rewritten(path, "doccano") == record | {"id": "3"}


def test_doccano_labels_by_number_name_the_export_that_has_texts(write: Write) -> None:
    record = {"text": TEXT, "annotations": [{"label": 2, "start_offset": 0}]}
    assert "export the project as JSONL with the labels' texts" in problem(
        write(record)
    )


PRODIGY = {
    "text": "Ada ran.",
    "_input_hash": 1,
    "tokens": [
        {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True},
        {"text": "ran", "start": 4, "end": 7, "id": 1, "ws": False},
        {"text": ".", "start": 7, "end": 8, "id": 2, "ws": False},
    ],
    "spans": [
        {
            "start": 0,
            "end": 3,
            "token_start": 0,
            "token_end": 0,
            "label": "PER",
            "source": "m",
        }
    ],
    "answer": "accept",
}


def test_prodigy_tokens_are_words_and_what_it_knows_is_written_again(
    write: Write,
) -> None:
    path = write(PRODIGY)
    (document,) = read_corpus(path)
    assert document.words == (Word(0, 3), Word(4, 7), Word(7, 8))
    again = rewritten(path, "prodigy")
    assert again.pop("id") == "a:1"
    assert again == PRODIGY


def test_what_was_not_accepted_in_prodigy_is_left_out_and_counted(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    others = [PRODIGY | {"answer": answer} for answer in ("reject", "ignore", "reject")]
    path = write([PRODIGY, *others, {"text": "a", "answer": "reject"}])
    assert entities(path) == [[("Ada", "PER")]]
    assert '3 records left out, the answer being "reject"' in caplog.text
    assert '1 record left out, the answer being "ignore"' in caplog.text
    assert len(entities(path, tags="optional")) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": [{"text": "Ada"}]}, "`start` and `end` of a token"),
        ({"tokens": [{"start": 3, "end": 1}]}, "words must be in order"),
        ({"spans": [{"start": 0, "end": 9, "label": "X"}]}, "<= 8, the text's length"),
        ({"spans": [3]}, "spans"),
    ],
)
def test_broken_prodigy_tasks_are_refused(
    write: Write, change: dict[str, Any], message: str
) -> None:
    assert message in problem(write([PRODIGY, PRODIGY | change]))


def region(start: Any, end: Any, text: str | None, *labels: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": list(labels)}
    value |= {} if text is None else {"text": text}
    names = {"from_name": "label", "to_name": "text", "type": "labels"}
    return names | {"value": value}


def task(*results: Any, text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "data": {"source": "web", "content": text},
        "annotations": [{"result": list(results)}],
        **more,
    }


MIRA = region(0, 8, "Mira Sol", "PER")


def test_label_studio_tasks_are_read_with_the_text_that_regions_are_of(
    write: Write,
) -> None:
    other = {"id": "x", "type": "choices", "value": {"choices": ["a"]}, "to_name": "t"}
    path = write([task(MIRA, region(17, 21, None, "LOC", "CITY"), other)])
    (document,) = read_corpus(path)
    assert document == Document(
        "5",
        TEXT,
        (Entity(0, 8, "PER"), Entity(17, 21, "CITY"), Entity(17, 21, "LOC")),
        metadata={"source": "web"},
    )


def test_one_annotation_of_a_task_counts(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    oslo = {"result": [region(17, 21, "Oslo", "LOC")]}
    mira = {"result": [MIRA]}
    path = write(
        [
            task(annotations=[oslo | {"was_cancelled": True}, mira, oslo]),
            task(annotations=[mira, oslo | {"ground_truth": True}]),
            task(annotations=[mira | {"was_cancelled": True}]),
            task(annotations=[]),
            task(annotations=None, completions=[mira]),
        ]
    )
    mira_found, oslo_found = [("Mira Sol", "PER")], [("Oslo", "LOC")]
    assert entities(path) == [mira_found, oslo_found, mira_found]
    assert "2 records have several annotations, of which one was read" in caplog.text
    assert "1 record left out, being cancelled or skipped" in caplog.text
    assert "1 record left out, nobody having annotated them" in caplog.text


def test_a_task_without_regions_has_the_text_of_the_task_before(write: Write) -> None:
    path = write([task(MIRA), task(text="Nobody came, from anywhere.")])
    assert [d.text for d in read_corpus(path)] == [TEXT, "Nobody came, from anywhere."]


def test_offsets_of_javascript_and_line_breaks_are_understood(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    text = "😀 Mira\nSol 😀"
    path = write([task(region(3, 11, "Mira\\nSol", "PER"), text=text)])
    assert entities(path) == [[("Mira\nSol", "PER")]]
    assert "count UTF-16 units" in caplog.text


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (task(region("/p[1]/text()[1]", "/p[1]", None, "X")), "HyperText"),
        (task(region(0, 8, "Oslo", "X")), "not 'Oslo'"),
        (task(region(0, 99, None, "X")), "the text's length"),
        (task(MIRA, data={"a": "b", "c": "d"}), "no one text"),
        (task(MIRA, data={}), "no one text"),
        (task(MIRA, MIRA | {"to_name": "other"}), "of several texts (other, text)"),
        (task(annotations=[{"result": None}]), "a list `result`"),
        (task(annotations={"a": 1}), "must be a list of objects"),
        (
            task(region(0, 8, None) | {"value": {"start": 0, "end": 8, "labels": 1}}),
            "li",
        ),
    ],
)
def test_broken_label_studio_tasks_are_refused(
    write: Write, record: dict[str, Any], message: str
) -> None:
    found = problem(write([task(MIRA), record]))
    assert "record 2: " in found
    assert message in found


def test_json_min_is_read_once_a_task(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    value = {"start": 0, "end": 8, "text": "Mira Sol", "labels": ["PER"]}
    first = {"id": 1, "text": TEXT, "ner": [value], "annotator": 1, "annotation_id": 1}
    none = {"id": 2, "text": "Nobody.", "annotator": 1, "annotation_id": 3}
    none |= {"created_at": "2026-01-01", "lead_time": 2.5}
    path = write([none, first, first | {"annotation_id": 2}])
    assert entities(path) == [[], [("Mira Sol", "PER")]]
    assert "1 record left out, being further annotations" in caplog.text


def test_pre_annotations_carry_scores_and_the_model(tmp_path: Path) -> None:
    document = Document("7", TEXT, (Entity(0, 8, "PER", 0.75),), (Word(0, 4),))
    write_corpus([document], tmp_path / "a.json", format="labelstudio")
    assert json.loads((tmp_path / "a.json").read_text()) == [
        {
            "data": {"text": TEXT, "id": "7", "words": [[0, 4]]},
            "predictions": [
                {
                    "model_version": "tfner",
                    "score": 0.75,
                    "result": [
                        {
                            "id": "e1",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "labels",
                            "value": {
                                "start": 0,
                                "end": 8,
                                "text": "Mira Sol",
                                "labels": ["PER"],
                                "score": 0.75,
                            },
                        }
                    ],
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"tokenized_text": "a", "ner": []}, "must be a list of strings"),
        ({"tokenized_text": ["a"]}, '`ner` must be a list of [start, end, "label"]'),
        ({"tokenized_text": ["a"], "ner": [[0, 1, "X"]]}, "ends are inclusive"),
        ({"tokenized_text": ["a"], "ner": [[0, "a", "X"]]}, "a span must be"),
        ({"tokenized_text": ["a", ""], "ner": [[1, 1, "X"]]}, "holds no character"),
    ],
)
def test_broken_gliner_records_are_refused(
    write: Write, record: dict[str, Any], message: str
) -> None:
    assert message in problem(write([{"tokenized_text": ["a"], "ner": []}, record]))


def test_gliner_needs_entities_of_whole_words(tmp_path: Path) -> None:
    document = Document("7", TEXT, (Entity(0, 3, "PER"),))
    with pytest.raises(CorpusError, match="no word boundary at entity 0-3 PER; GLiNER"):
        write_corpus([document], tmp_path / "a.json", format="gliner")


def test_rasa_json_keeps_intents_values_and_roles(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    city = {"start": 7, "end": 11, "value": "OSL", "entity": "city", "role": "to"}
    examples = [
        {"text": "fly to Oslo", "intent": "fly", "entities": [city]},
        {"text": "hello", "intent": "greet", "entities": []},
    ]
    data = {"common_examples": examples, "regex_features": [{"name": "a"}]}
    path = write({"rasa_nlu_data": data})
    assert entities(path) == [[("Oslo", "city")], []]
    assert "with 1 item of regex_features" in caplog.text
    written = rewritten(path, "rasa-json")["rasa_nlu_data"]["common_examples"]
    assert written == examples
    write_corpus(read_corpus(path), path.with_name("b.md"))
    assert '[Oslo]{"entity": "city", "value": "OSL", "role": "to"}' in (
        path.with_name("b.md").read_text()
    )


def test_broken_rasa_examples_are_named_by_their_number(write: Write) -> None:
    city = {"start": 0, "end": 99, "entity": "city"}
    examples = [{"text": "a"}, {"text": "a", "entities": [city]}, 3, {"intent": "x"}]
    found = problem(write({"rasa_nlu_data": {"common_examples": examples}}))
    assert "3 problems" in found
    assert "common_examples 2: entity 0-99 city must satisfy" in found
    assert "must hold a list" in problem(write({"rasa_nlu_data": []}))


def spacy_document(*tokens: tuple[str, str], raw: str | None = None) -> dict[str, Any]:
    values = [{"id": n, "orth": o, "ner": t} for n, (o, t) in enumerate(tokens)]
    paragraph: dict[str, Any] = {"sentences": [{"tokens": values, "brackets": []}]}
    return {"id": 4, "paragraphs": [paragraph | ({} if raw is None else {"raw": raw})]}


def test_training_documents_of_spacy_are_read_by_paragraphs(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = (("Mira", "B-PER"), ("Sol", "L-PER"), ("flew", "O"), ("!", "-"))
    path = write([spacy_document(*tokens, raw="Mira  Sol flew!")])
    (document,) = read_corpus(path)
    assert (document.id, document.text) == ("4", "Mira  Sol flew!")
    assert document.entities == (Entity(0, 9, "PER"),)
    assert document.tags == ("B-PER", "L-PER", "O", "O")
    assert "tokens of which nothing is known, read as O" in caplog.text


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (spacy_document(("a", "PER")), "`ner` must be a tag such as U-PER"),
        (spacy_document(("a", "O"), raw="b"), "does not follow in the text"),
        ({"paragraphs": [3]}, 'must be {"raw":, "sentences":}'),
        ({"paragraphs": [{"sentences": [{"tokens": [{}]}]}]}, "a string `orth`"),
        ({"paragraphs": [{"sentences": [{"tokens": [{"orth": "a"}]}]}]}, "no `ner`"),
        ({"paragraphs": [{"sentences": 1}]}, "`sentences` must be a list"),
        (["a", {"entities": [[0, 2, "X"]]}], "the text's length"),
        (["a", {"entities": {}}], "`entities` must be a list"),
    ],
)
def test_broken_training_data_of_spacy_are_refused(
    write: Write, record: Any, message: str
) -> None:
    assert message in problem(write([["a", {"entities": [[0, 1, "X"]]}], record]))


def test_pairs_of_spacy_may_stand_on_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    pair = json.dumps([TEXT, {"entities": [[0, 8, "PER"]], "cats": {"x": 1}}])
    path.write_text(f"{pair}\n{pair}\n")
    assert entities(path) == [[("Mira Sol", "PER")]] * 2
