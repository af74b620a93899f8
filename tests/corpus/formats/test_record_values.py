"""Records with any values are read or refused, and what is read can be written."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.errors import CorpusError, TfnerError

VALUES = (None, True, 0, 3, -1, 10**20, 1.5, float("nan"), "", "Mira", "B-PER", "O")
KEYS = [
    *("id", "text", "data", "words", "tokens", "tags", "ner_tags", "ner", "label"),
    *("labels", "spans", "entities", "annotations", "predictions", "result", "value"),
    *("start", "end", "start_offset", "globalOffsets", "to_name", "type", "answer"),
    *("tokenized_text", "common_examples", "paragraphs", "sentences", "raw", "orth"),
    *("span", "name", "relations", "score", "annotator", "entity_attributes"),
]
REGION = {"start": 0, "end": 4, "text": "Mira", "labels": ["PER"]}
RESULT = {"type": "labels", "to_name": "text", "value": REGION}
SPAN = {"start": 0, "end": 4, "label": "PER"}
TOKEN = {"orth": "Mira", "ner": "U-PER"}
SOUND: tuple[Any, ...] = (
    {"text": "Mira Sol", "entities": [SPAN]},
    {"text": "Mira Sol", "label": [[0, 4, "PER"]]},
    {"text": "Mira Sol", "spans": [SPAN], "tokens": [{"start": 0, "end": 4}]},
    {"tokens": ["Mira", "Sol"], "ner_tags": ["B-PER", "I-PER"]},
    {"tokenized_text": ["Mira"], "ner": [[0, 0, "PER"]]},
    {"data": {"text": "Mira Sol"}, "annotations": [{"result": [RESULT]}]},
    {"id": 1, "text": "Mira Sol", "label": [REGION]},
    {"rasa_nlu_data": {"common_examples": [{"text": "Mira", "entities": [SPAN]}]}},
    {"paragraphs": [{"raw": "Mira", "sentences": [{"tokens": [TOKEN]}]}]},
    ["Mira Sol", {"entities": [[0, 4, "PER"]]}],
    {"text": "Mira", "entities": [{"name": "Mira", "span": [0, 4], "type": "PER"}]},
)
WRITTEN = ("jsonl", "doccano", "prodigy", "labelstudio", "rasa-json", "stockmark")


def anything(draw: random.Random, depth: int = 0) -> Any:
    chance = draw.random()
    if depth > 3 or chance < 0.4:
        return draw.choice((*VALUES, [], {}))
    if chance < 0.7:
        return [anything(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    if chance < 0.8:
        return [[draw.randint(0, 3), draw.randint(1, 9), "PER"]]
    keys = draw.sample(KEYS, draw.randint(0, 4))
    return {key: anything(draw, depth + 1) for key in keys}


def damaged(draw: random.Random, value: Any) -> Any:
    if draw.random() < 0.12:
        return anything(draw)
    if isinstance(value, list):
        return [damaged(draw, part) for part in value]
    if not isinstance(value, dict):
        return value
    changed = {key: damaged(draw, part) for key, part in value.items()}
    if draw.random() < 0.2:
        changed[draw.choice(KEYS)] = anything(draw)
    return changed


@pytest.mark.parametrize("tags", ["needed", "optional", "none"])
def test_any_record_is_read_or_refused(tags: str, tmp_path: Path) -> None:
    path, out = tmp_path / "a.json", tmp_path / "b"
    read = refused = 0
    for seed in range(150):
        draw = random.Random(seed)
        record = damaged(draw, copy.deepcopy(draw.choice(SOUND)))
        path.write_text(json.dumps([record]), "utf-8")
        try:
            documents = list(read_corpus(path, tags=tags))
        except CorpusError:
            refused += 1
            continue
        read += 1
        for format in draw.sample(WRITTEN, 2):
            try:
                write_corpus(documents, out, format=format)
            except TfnerError:
                continue
            again = [(d.text, d.entities) for d in read_corpus(out, format=format)]
            assert again == [(d.text, d.entities) for d in documents] or not documents
    assert min(read, refused) > 15
