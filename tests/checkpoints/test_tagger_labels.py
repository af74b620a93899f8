"""The labels in a Hugging Face config, read and written."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfner.checkpoints.tagger_labels import (
    OURS,
    label_config,
    names_in_transformers,
    read_tagger_labels,
    stored_label_set,
)
from tfner.errors import CheckpointError
from tfner.schemes import SCHEMES, LabelSet, Span, decode_tags, encode_spans

NAMES = {"0": "O", "1": "B-PER", "2": "I-PER"}
IDS = {name: int(number) for number, name in NAMES.items()}
INVENTED = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}


def read(config: Any, outputs: int = 3) -> Any:
    return read_tagger_labels(config, outputs=outputs, place="config.json")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_label_set_survives_the_config_with_its_scheme(scheme: str) -> None:
    labels = LabelSet(["PER", "LOC"], scheme=scheme)
    config = json.loads(json.dumps(label_config(labels)))
    assert stored_label_set(config) == labels
    assert read(config, outputs=len(labels.tags)) == labels
    assert {name[:2] for name in config["id2label"].values()} == {"O", "B-", "I-"} - (
        {"B-"} if scheme.startswith("IOE") else set()
    )
    by_id = {int(number): name for number, name in config["id2label"].items()}
    assert all(by_id[number] == name for name, number in config["label2id"].items())


SPANS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["X", "Y"])),
    max_size=6,
)


@given(SPANS, st.sampled_from(["IOB1", "IOB2", "BIOES", "BILOU"]))
def test_names_in_transformers_mean_the_same_entities(
    parts: list[tuple[int, int, str]], scheme: str
) -> None:
    spans: list[Span] = []
    at = 0
    for gap, length, label in parts:
        spans.append(Span(at + gap, at + gap + length, label))
        at += gap + length
    tags = encode_spans(spans, at + 1, SCHEMES[scheme])
    assert decode_tags(names_in_transformers(tags)) == spans


def test_labels_that_were_trained_since_count_for_more() -> None:
    config = label_config(LabelSet(["PER"], scheme="BIOES"))
    assert stored_label_set(config) is not None
    other = {**config, "id2label": NAMES, "label2id": IDS}
    assert stored_label_set(other) is None
    assert read(other) == [*NAMES.values()]
    for damaged in (None, [], {}, {"labels": 1, "scheme": 2, "tags": 3}):
        assert stored_label_set({**config, OURS: damaged}) is None


@pytest.mark.parametrize(
    "config",
    [
        {"id2label": NAMES},
        {"label2id": IDS},
        {"id2label": NAMES, "label2id": IDS},
        {"id2label": NAMES, "label2id": {f"LABEL_{n}": n for n in range(3)}},
        {"id2label": INVENTED, "label2id": IDS},
        {"id2label": None, "label2id": {name: str(n) for name, n in IDS.items()}},
    ],
)
def test_names_are_those_of_either_mapping(config: dict[str, Any]) -> None:
    assert read(config) == ["O", "B-PER", "I-PER"]


def test_without_names_they_are_those_of_transformers() -> None:
    assert read({}) == read({"id2label": INVENTED}) == [*INVENTED.values()]


def test_ids_may_begin_with_1_where_the_model_has_an_output_more() -> None:
    config = {"id2label": {"1": "O", "2": "B-PER"}}
    assert read(config) == ["[PAD]", "O", "B-PER"]
    with pytest.raises(CheckpointError, match=r"names 3 labels, but .* 2 outputs"):
        read(config, outputs=2)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"id2label": {"0": "O", "2": "B-X"}}, r"from 0 or 1 .*Received: '\[0, 2\]'"),
        ({"id2label": ["O", "B-X"]}, "id2label must be an object"),
        ({"id2label": {"O": 0}}, "id2label must be an object"),
        ({"label2id": 3}, "label2id must be an object"),
        (
            {"id2label": NAMES, "label2id": {"O": 0, "I-PER": 1, "B-PER": 2}},
            "contradict each other: id 1 is 'B-PER' in one and 'I-PER'",
        ),
        ({"id2label": NAMES, "label2id": IDS | {"B-X": 3}}, "id 3 is 'None' in one"),
        ({"id2label": NAMES | {"3": "B-X"}}, "names 4 labels, but .* 3 outputs"),
    ],
)
def test_a_config_that_contradicts_is_one_sentence(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointError, match=rf"^config\.json:? .*{message}") as error:
        read(config)
    assert "\n" not in str(error.value)


def test_a_number_of_labels_that_is_none_of_the_model_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="tfner"):
        assert read({"id2label": NAMES, "num_labels": 9}) == [*NAMES.values()]
    assert "num_labels is 9, but the model has 3 outputs" in caplog.text
