"""Checkpoints that google-research/electra has fine-tuned, as models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfner.inference.bundle import Bundle

TEXT = "anna Jones works for acme Corp in paris"


@pytest.fixture
def checkpoint(toy_bundle: Path, tmp_path: Path) -> Path:
    """The toy model as their code would have left it."""
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    bundle, directory = Bundle.load(toy_bundle), tmp_path / "checkpoint"
    return export(bundle, directory, format="google", serving=Serving("ner")).directory


def entities(tfner: Any, *arguments: Any) -> list[dict[str, Any]]:
    result = tfner("predict", *arguments, "--text", TEXT, "--to", "jsonl")
    assert result.code == 0, result.err
    found = json.loads(result.out)["entities"]
    return [{k: e[k] for k in ("start", "end", "label")} for e in found]


def test_a_checkpoint_predicts_as_the_model_it_came_from(
    tfner, toy_bundle, toy_corpus, checkpoint
) -> None:
    assert entities(tfner, checkpoint) == entities(tfner, toy_bundle) != []
    scores = [
        json.loads(tfner("evaluate", model, toy_corpus / "dev.conll", "--json").out)
        for model in (checkpoint, toy_bundle)
    ]
    assert scores[0]["per_label"] == scores[1]["per_label"]


def test_labels_are_those_beside_it_or_those_given(
    tfner, toy_bundle, checkpoint, tmp_path
) -> None:
    mapping = checkpoint / "ner_label_mapping.pkl"
    for name in ("labels.json", "digests.json"):  # which code of theirs does not write
        (checkpoint / name).unlink()
    labels = tmp_path / "labels.json"
    labels.write_text((toy_bundle / "labels.json").read_text("utf-8"), "utf-8")
    expected = entities(tfner, checkpoint)
    mapping.unlink()
    message = tfner("predict", checkpoint, "--text", TEXT).sentence
    assert "--label-mapping FILE" in message
    assert entities(tfner, checkpoint, "--label-mapping", labels) == expected


def test_labels_of_another_number_are_refused(tfner, checkpoint, tmp_path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('["O", "B-PER", "I-PER"]', "utf-8")
    message = tfner(
        "predict", checkpoint, "--text", TEXT, "--label-mapping", labels
    ).sentence
    assert "was trained on 7 tags. Received: 3 tags" in message


@pytest.mark.slow
def test_a_checkpoint_becomes_a_saved_model(tfner, checkpoint, tmp_path) -> None:
    out = tmp_path / "exported"
    flags = ["--max-length", 64, "--segment-id", 1, "--json"]
    result = tfner("export", checkpoint, out, *flags)
    assert result.code == 0, result.err
    exported = json.loads(result.out)["saved_model"]
    expected = entities(tfner, checkpoint, "--segment-id", 1)
    assert entities(tfner, exported) == expected
