"""JSON records of every shape: each is read by its own, and nothing is passed over."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner.corpus import find_format, read_corpus
from tfner.corpus.tags.names import parse_labels
from tfner.errors import ConfigError, CorpusError

TEXT = "Mira Sol flew to Oslo."
TOKENS = ["Mira", "Sol", "flew"]
PER = [("Mira Sol", "PER")]
SPAN = {"start": 0, "end": 8, "label": "PER"}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(*records: Any, name: str = "a.jsonl") -> Path:
        path = tmp_path / name
        if path.suffix == ".json":
            path.write_text(json.dumps(records, ensure_ascii=False), "utf-8")
        else:
            path.write_text("".join(f"{json.dumps(r)}\n" for r in records), "utf-8")
        return path

    return write_file


def read(path: Path, **settings: Any) -> list[list[tuple[str, str]]]:
    documents = read_corpus(path, **settings)
    return [[(d.surface(e), e.label) for e in d.entities] for d in documents]


def problem(path: Path, **settings: Any) -> str:
    with pytest.raises(CorpusError) as caught:
        read(path, **settings)
    return str(caught.value)


RECORDS = [
    ("doccano", {"text": TEXT, "label": [[0, 8, "PER"]]}),
    ("doccano", {"text": TEXT, "labels": [[0, 8, "PER"]]}),
    ("doccano", {"data": TEXT, "label": [[0, 8, "PER"]]}),
    ("prodigy", {"text": TEXT, "spans": [SPAN]}),
    ("jsonl", {"text": TEXT, "entities": [SPAN]}),
    ("jsonl", {"text": TEXT, "entities": [[0, 8, "PER"]]}),
    ("jsonl", {"tokens": TOKENS, "labels": ["B-PER", "I-PER", "O"]}),
    ("jsonl", {"tokens": TOKENS, "ner": ["B-PER", "I-PER", "O"]}),
    ("jsonl", {"words": TOKENS, "ner_tags": ["B-PER", "I-PER", "O"]}),
    ("jsonl", {"text": TOKENS, "label": ["PER", "PER", "O"]}),
    ("jsonl", {"tokens": TOKENS, "pos": [1, 2, 3], "tags": ["B_PER", "I_PER", "O"]}),
    (
        "jsonl",
        {"tokens": TOKENS, "spans": ["PER: M"], "ner_tags": ["B-PER", "L-PER", "O"]},
    ),
    ("prodigy", {"text": TEXT, "tokens": TOKENS, "spans": [SPAN]}),
    ("doccano", {"text": TEXT, "tokens": TOKENS, "label": [[0, 8, "PER"]]}),
    ("gliner", {"tokenized_text": TOKENS, "ner": [[0, 1, "PER"]]}),
    (
        "spacy-json",
        {"classes": [], "annotations": [[TEXT, {"entities": [[0, 8, "PER"]]}]]},
    ),
    (
        "labelstudio",
        {"id": 1, "text": TEXT, "label": [{"start": 0, "end": 8, "labels": ["PER"]}]},
    ),
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a"])
@pytest.mark.parametrize(("format", "record"), RECORDS)
def test_a_record_is_read_by_its_own_shape(
    write: Write, format: str, record: dict[str, Any], name: str
) -> None:
    path = write(record, name=name)
    assert find_format(path) == format
    assert read(path) == [PER]
    assert read(path, tags="optional") == [PER]
    assert read(path, tags="none") == [[]]


@pytest.mark.parametrize("format", [None, "jsonl", "doccano", "stockmark"])
def test_a_file_of_all_shapes_is_read_whole(write: Write, format: str | None) -> None:
    pair = [TEXT, {"entities": [[0, 8, "PER"]]}]
    spelled = (["PER", "PER", "O"], ["B_PER", "I_PER", "O"])
    records = [
        r for _, r in RECORDS if not {*map(str, spelled)} & {*map(str, r.values())}
    ]
    assert len(records) == len(RECORDS) - 2
    path = write(*records, pair, {"text": "Nobody."}, name="a.json")
    assert read(path, format=format) == [PER] * (len(records) + 1) + [[]]


UNREAD = [
    ({"text": TEXT, "mentions": [SPAN]}, "`mentions` holds what looks like annot"),
    ({"text": TEXT, "mentions": [[0, 8, "PER"]]}, "Name the key `label`"),
    ({"text": TEXT, "x": {"y": [SPAN]}}, "`x` holds what looks like annotations"),
    (
        {"text": TEXT, "x": [{"beginOffset": 0, "finish": 4, "type": "PER"}]},
        "`x` holds what looks like annotations",
    ),
    (
        {"text": TEXT, "x": [{"from": 0, "to": 4, "tags": ["PER"]}]},
        "`x` holds what looks like annotations",
    ),
    ({"text": TEXT, "x": [{"span": [0, 8], "t": "PER"}]}, "`x` holds what looks like"),
    ({"text": TEXT, "x": [{"begin": 0, "stop": 8, "as": "A"}]}, "`x` holds what looks"),
    ({"text": TEXT, "entities": [], "x": [SPAN]}, "`x` holds what looks like annotat"),
    ({"text": TEXT, "spans": [], "x": [[0, 8, "PER"]]}, "`x` holds what looks like"),
    ({"text": TEXT, "label": "PER"}, "`label` holds no entities, but a class"),
    ({"text": TEXT, "label": 1}, "`label` holds no entities, but a class"),
    ({"text": TEXT, "labels": ["PER"]}, "but classes of the whole text, or tags"),
    ({"text": TEXT, "label": {"PER": {"Mira Sol": [[0, 7]]}}}, "what is not known"),
    ({"tokens": TOKENS}, "tokens without tags; these are read from `tags`, `ner_tags`"),
    ({"tokens": TOKENS, "iobs": ["B-PER", "I-PER", "O"]}, "--tags-key iobs"),
    ({"tokens": TOKENS, "ner": [[0, 1, "PER"]]}, "Spans of tokens"),
    ({"tokens": TOKENS, "tags": ["O"]}, "3 words but 1 tag"),
    ({"tokens": TOKENS, "tags": [0, 1, 2]}, "--tag-names"),
    ({"tokens": TOKENS, "tags": ["B-PER", "I-PER", None]}, "must be a list of strings"),
    ({"text": TEXT, "entities": [{"from": 0, "to": 8}]}, "it has `from` or `to`"),
    ({"text": TEXT, "label": [[0, 8]]}, 'must be [start, end, "label"]'),
    ({"text": TEXT, "label": [[0, 99, "PER"]]}, "<= 22, the text's length"),
    ({"text": TEXT, "spans": [{"start": True, "end": 8, "label": "A"}]}, "integers"),
    ({"text": TEXT, "entities": [{**SPAN, "score": "x"}]}, "`score` must be a number"),
    ({"sentences": [TOKENS]}, "a record needs `text`, or `tokens`"),
]


@pytest.mark.parametrize(("record", "message"), UNREAD)
def test_annotations_that_are_not_read_are_an_error(
    write: Write, record: dict[str, Any], message: str
) -> None:
    path = write({"text": TEXT, "entities": [SPAN]}, record)
    found = problem(path)
    assert f"{path}:2: " in found
    assert message in found


@pytest.mark.parametrize("record", [record for record, _ in UNREAD[:-1]])
def test_prediction_reads_the_text_of_what_it_cannot_read(
    write: Write, record: dict[str, Any]
) -> None:
    assert read(write(record), tags="optional") == [[]]


def test_a_file_without_any_annotation_is_an_error_unless_none_are_needed(
    write: Write,
) -> None:
    path = write({"text": TEXT, "cats": {"a": 1}}, {"text": "b"})
    assert "no record has annotations" in problem(path)
    assert read(path, tags="optional") == read(path, tags="none") == [[], []]


def test_a_record_may_say_that_it_has_no_entities(write: Write) -> None:
    assert read(write({"text": TEXT, "label": []}, {"text": TEXT})) == [[], []]


def test_metadata_that_look_like_offsets_are_kept_beside_entities(write: Write) -> None:
    record = {"text": TEXT, "entities": [SPAN], "events": [{"start": 9, "end": 13}]}
    (document,) = read_corpus(write(record))
    assert document.metadata == {"events": [{"start": 9, "end": 13}]}


def test_keys_can_be_named(write: Write) -> None:
    path = write({"sent": TOKENS, "tags": [1, 1, 1], "gold": ["B-PER", "I-PER", "O"]})
    assert read(path, tokens_key="sent", tags_key="gold") == [PER]
    found = problem(path, tokens_key="senf")
    assert "`senf`, named by --tokens-key, holds no list of strings" in found
    assert "`sent`, `tags` or `gold`" in found


def test_all_tags_of_a_file_decide_how_they_are_spelled(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tfner")
    first = {"tokens": ["a", "b"], "tags": ["O", "O"]}
    second = {"tokens": ["a", "b"], "tags": ["b_per", "i_per"]}
    assert read(write(first, second)) == [[], [("a b", "per")]]
    assert "tags such as b_per" in caplog.text


def test_a_tag_that_contradicts_earlier_ones_is_named(write: Write) -> None:
    plain = {"tokens": ["a", "b"], "tags": ["O", "PER"]}
    path = write(*[plain] * 2000, {"tokens": ["a"], "tags": ["B-PER"]})
    found = problem(path)
    assert f"{path}:2001: " in found
    assert "the tag 'B-PER' contradicts those before it, of which 'PER'" in found


@pytest.mark.parametrize(
    "names",
    [
        "O,B-PER,I-PER",
        ["O", "B-PER", "I-PER"],
        {"label2id": {"O": 0, "I-PER": 2, "B-PER": 1}},
        {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}},
        {"B-PER": 1, "O": 0, "I-PER": 2},
        {"0": "O", "2": "I-PER", "1": "B-PER"},
        {
            "features": {
                "pos_tags": {"feature": {"names": ["A", "B"], "_type": "ClassLabel"}},
                "ner_tags": {"feature": {"names": ["O", "B-PER", "I-PER"]}},
            }
        },
        {
            "default": {
                "features": [
                    {"name": "id", "dtype": "string"},
                    {
                        "name": "ner_tags",
                        "sequence": {
                            "class_label": {
                                "names": {"0": "O", "1": "B-PER", "2": "I-PER"}
                            }
                        },
                    },
                ]
            }
        },
    ],
)
def test_names_of_integer_tags_come_from_lists_models_and_data_sets(
    write: Write, tmp_path: Path, names: Any
) -> None:
    value = names
    if not isinstance(names, str):
        (tmp_path / "names.json").write_text(json.dumps(names))
        value = str(tmp_path / "names.json")
    labels = parse_labels(value)
    assert labels == ["O", "B-PER", "I-PER"]
    path = write({"tokens": TOKENS, "ner_tags": [1, 2, 0]})
    assert read(path, labels=labels) == [PER]


def test_the_feature_of_the_tags_can_be_named(tmp_path: Path) -> None:
    features = {key: {"names": ["O", f"B-{key}"]} for key in ("fine", "ner_tags")}
    path = tmp_path / "info.json"
    path.write_text(json.dumps({"features": features}))
    assert parse_labels(str(path)) == ["O", "B-ner_tags"]
    assert parse_labels(str(path), "fine") == ["O", "B-fine"]


@pytest.mark.parametrize(
    "names", ['{"O": 0, "B": 2}', '{"a": "b"}', "{", "[1]", '{"a": {}}', "[" * 9_999]
)
def test_files_without_names_are_refused(tmp_path: Path, names: str) -> None:
    path = tmp_path / "names.json"
    path.write_text(names)
    with pytest.raises(ConfigError, match="--tag-names"):
        parse_labels(str(path))


@pytest.mark.parametrize(
    "record",
    [
        '{"text": "a", "entities": [], "x": "\\ud800"}',
        '{"text": "a", "id": "\\udc00", "entities": []}',
        '{"text": "a", "label": [[0, 1, "\\ud800"]]}',
        '{"tokens": ["\\ud800"], "tags": ["O"]}',
    ],
)
def test_half_a_character_anywhere_is_refused(tmp_path: Path, record: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(record)
    assert "a lone surrogate" in problem(path)


def test_a_whole_character_in_two_escapes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "\\ud83d\\ude00", "label": [[0, 1, "X"]]}')
    assert read(path) == [[("😀", "X")]]


@pytest.mark.parametrize(
    "record",
    [
        '{"text": "a", "label": [[0, NaN, "X"]]}',
        '{"text": "a", "entities": [{"start": 0, "end": 1e400, "label": "X"}]}',
        '{"text": "a", "spans": [{"start": 0, "end": 1, "label": "X", "score": NaN}]}',
        '{"text": "a", "label": [[0, ' + "9" * 4_000 + ', "X"]]}',
    ],
)
def test_numbers_that_are_no_offsets_are_refused(tmp_path: Path, record: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(record)
    assert len(problem(path)) < 400


def test_a_file_of_nothing_but_problems_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfner.corpus.formats.format.MOST_PROBLEMS", 30)
    path = tmp_path / "a.jsonl"
    path.write_text("x\n" * 100)
    found = problem(path)
    assert found.startswith("30 problems")
    assert found.endswith("There may be more.")
