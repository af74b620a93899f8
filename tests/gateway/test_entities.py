"""`POST /v1/entities`: what the predictor finds, in the order and unit asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tfner.document import Document

TEXTS = [
    "anna lives in paris and works for acme corp",
    "",
    "xyzzy \x00 日本 😀 ㈱",
    "we flew from oslo to lima on monday " * 9,
    "Émile 😀 anna paris",
]


def expected(documents: list[Document]) -> list[dict[str, Any]]:
    return [
        {
            "id": document.id,
            "entities": [
                {
                    "start": e.start,
                    "end": e.end,
                    "label": e.label,
                    "text": document.surface(e),
                    "score": round(e.score or 0, 4),
                }
                for e in document.entities
            ],
        }
        for document in documents
    ]


@pytest.fixture(scope="module")
def running(serve, packing):
    with serve({"tiny": packing}, max_texts=50, max_characters=2000) as running:
        yield running


def test_texts_get_the_entities_of_the_predictor(running, packing) -> None:
    answer = running.entities(texts=TEXTS)
    assert (answer["model"], answer["version"]) == ("tiny", "1")
    assert answer["documents"] == expected(packing.predict(TEXTS))
    assert any(document["entities"] for document in answer["documents"])


def test_documents_keep_their_ids_and_words(running, packing) -> None:
    given = [
        {"id": "a", "text": "anna-lena in paris", "words": [[0, 9], [10, 12]]},
        {"text": "oslo"},
    ]
    documents = [Document("a", given[0]["text"], words=((0, 9), (10, 12)))]
    documents.append(Document("2", "oslo"))
    answer = running.entities(documents=given)
    assert answer["documents"] == expected(packing.predict(documents))
    assert [document["id"] for document in answer["documents"]] == ["a", "2"]


def test_no_texts_have_no_documents(running) -> None:
    assert running.entities(texts=[])["documents"] == []


@pytest.mark.parametrize(
    ("unit", "codec", "size"), [("utf16", "utf-16-le", 2), ("bytes", "utf-8", 1)]
)
def test_offsets_are_counted_as_asked(running, unit, codec, size) -> None:
    plain = running.entities(texts=TEXTS)["documents"]
    other = running.entities(texts=TEXTS, offsets=unit)["documents"]
    for text, one, two in zip(TEXTS, plain, other, strict=True):
        units = text.encode(codec)
        for entity, same in zip(one["entities"], two["entities"], strict=True):
            found = units[same["start"] * size : same["end"] * size].decode(codec)
            assert found == entity["text"] == same["text"]


def test_words_are_in_the_unit_of_the_offsets(running) -> None:
    text = "😀 anna"
    found = [
        running.entities(documents=[{"text": text, "words": words}], offsets=unit)
        for unit, words in (
            ("characters", [[2, 6]]),
            ("utf16", [[3, 7]]),
            ("bytes", [[5, 9]]),
        )
    ]
    labels = [
        [e["label"] for e in answer["documents"][0]["entities"]] for answer in found
    ]
    assert labels[0] == labels[1] == labels[2]


def test_entities_are_chosen_by_score_and_label(running) -> None:
    every = running.entities(texts=TEXTS)["documents"]
    least = sorted(e["score"] for d in every for e in d["entities"])[3]
    some = running.entities(texts=TEXTS, min_score=least, labels=["PER"])["documents"]
    for one, two in zip(every, some, strict=True):
        assert two["entities"] == [
            e for e in one["entities"] if e["label"] == "PER" and e["score"] >= least
        ]


DEEP = b'{"texts":' + b"[" * 100_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "EOF"),
        (b"{", "EOF"),
        (b"null", "object"),
        (DEEP, "recursion"),
        (b'{"texts": ["\xff"]}', "unicode"),
        (b'{"texts": ["\\ud800"]}', "JSON"),
        (b'{"texts": ["a"], "document": []}', "document: Extra"),
        (b'{"texts": "a"}', "texts"),
        (b'{"texts": [1]}', "texts.0"),
        (b'{"texts": ["a"], "documents": []}', "one of `texts` and `documents`"),
        (b"{}", "one of `texts` and `documents`"),
        (b'{"texts": [], "min_score": 2}', "min_score"),
        (b'{"texts": [], "min_score": NaN}', "min_score"),
        (b'{"texts": [], "offsets": "bits"}', "offsets"),
        (b'{"texts": [], "labels": ["PRE"]}', "did you mean 'PER'"),
        (b'{"documents": [{"text": "a", "words": [[0, 2]]}]}', "document 1: words"),
        (b'{"documents": [{"text": "a b", "words": [[2, 3], [0, 1]]}]}', "document 1"),
        (
            b'{"documents": [{"text": "\xf0\x9f\x98\x80", "words": [[0, 1]]}],'
            b' "offsets": "utf16"}',
            "in utf16",
        ),
    ],
)
def test_what_is_no_request_is_refused_in_one_sentence(running, body, said) -> None:
    answer = running.client.post("/v1/entities", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert said in error["message"]
    assert len(error["message"]) < 300


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"texts": ["a"] * 51}, 413, "too_many_texts"),
        ({"texts": ["a", "b" * 2001]}, 413, "text_too_long"),
        ({"texts": ["a"], "model": "large"}, 404, "not_found"),
        ({"texts": ["a"], "version": 7}, 404, "not_found"),
    ],
)
def test_limits_and_names_are_told(running, request_, status, code) -> None:
    answer = running.client.post("/v1/entities", json=request_)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_models_are_listed(running) -> None:
    (model,) = running.client.get("/v1/models").json()["models"]
    assert model["name"] == "tiny"
    assert model["versions"] == [model["version"]] == ["1"]
    assert model["labels"] == ["PER", "LOC"]
    assert (model["nested"], model["state"]) == (False, "ready")


def test_one_of_several_models_must_be_named(serve, packing) -> None:
    with serve({"one": packing, "two": packing}) as running:
        answer = running.client.post("/v1/entities", json={"texts": ["a"]})
        assert answer.status_code == 400
        assert "one, two" in answer.json()["error"]["message"]
        assert running.entities(texts=["a"], model="two")["model"] == "two"


def test_addresses_that_do_not_exist_are_told(running) -> None:
    assert running.client.get("/v1/nothing").json()["error"]["code"] == "not_found"
    answer = running.client.get("/v1/entities")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "wrong_method")


def test_the_document_of_the_interface_is_a_page_without_scripts(running) -> None:
    paths = json.loads(running.client.get("/openapi.json").text)["paths"]
    page = running.client.get("/docs").text
    assert {"/v1/entities", "/v1/models", "/metrics"} <= set(paths)
    assert all(path in page for path in paths)
    assert "<script" not in page
    assert "http" not in page.replace("http.", "").replace("HTTPValidationError", "")
